"""The page in a real browser, of a stack that a test makes up: looks, words, keyboard, silence."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from components.commands.dashboard import facts
from components.commands.watch.board import Board
from components.gateway.waiting import wait_until
from harness.chromium import chromium
from tests.browser.stage import Stage, stage
from tests.unit.test_rollout_board import ASKED, HALF, SETTINGS, counted, now

VIOLATIONS = "axe.run().then(found => found.violations.map(one => [one.id, one.nodes.map(it => it.html)]))"
MEND = "blue-green up --stack lab --refresh"
FOUND = {
    "findings": [
        {"what": "VirtualService default/app says v1 50 %, v2 50 %, written by kubectl-patch", "mend": MEND},
        {"what": "2 of 20 requests failed", "mend": ""},
    ],
    "findingsWhy": "",
    "history": [
        {
            "when": "2026-01-01 00:00:02Z",
            "change": "v1 100 % → v2 100 %",
            "result": "failed",
            "tone": "bad",
            "who": "Ada 0123456",
            "what": "More for v2, and a message that is as long as the first line of a commit may be",
            "back": "",
        },
        {
            "when": "2026-01-01 00:00:01Z",
            "change": "nothing → v1 100 %",
            "result": "succeeded",
            "tone": "good",
            "who": "Ada 0123456",
            "what": "The beginning",
            "back": "--to 1: can be served now",
        },
    ],
    "historyWhy": "",
    "lookedAt": "2026-01-01 00:00:03Z",
    "running": "a shift of v2 is at 10 %; then 50 %, 100 %",
}
CALM = {**FOUND, "findings": [], "running": ""}


def drifted() -> Mapping[str, Any]:
    """A change that is stuck, with failures."""
    board = Board("lab", SETTINGS, now(HALF, HALF, ASKED))
    board.add(SETTINGS, board.now, counted(0, 0, at=0.0))
    board.add(SETTINGS, board.now, counted(450, 50, errors=5, at=10.0))
    return {**facts.of_board(board), **FOUND}


def calm() -> Mapping[str, Any]:
    """All is as the config says."""
    board = Board("lab", SETTINGS, now(ASKED, ASKED))
    board.add(SETTINGS, board.now, counted(0, 0, at=0.0))
    board.add(SETTINGS, board.now, counted(450, 50, at=10.0))
    return {**facts.of_board(board), **CALM}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as driven:
        yield driven


@pytest.fixture
def staged() -> Iterator[Stage]:
    with stage("lab") as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong unseen: no error of the script, nothing that the policy stops."""
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "ERR_CONNECTION_REFUSED" not in message.text:
            wrong.append(message.text)

    opened = browser.new_page()
    opened.on("console", hear)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    opened.close()
    assert wrong == []


def show(page: Page, staged: Stage, said: Mapping[str, Any]) -> None:
    page.goto(staged.address)
    staged.readers["lab"].say(said)
    expect(page.locator(".verdict")).to_contain_text(said["reason"])


@pytest.mark.parametrize("said", [drifted(), calm()], ids=["drifted", "calm"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_nothing_keeps_anybody_from_using_it(
    browser: Browser, staged: Stage, said: Mapping[str, Any], scheme: Any, width: int
) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    show(page, staged, said)
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(VIOLATIONS) == []
    # The page itself is never pushed sideways; a table scrolls within its part.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_every_share_is_there_for_a_screen_reader_too(page: Page, staged: Stage) -> None:
    show(page, staged, drifted())
    for name in (
        "asked for: v1 90 %, v2 10 %",
        "VirtualService: v1 50 %, v2 50 %",
        "Envoy of istio-system/gw-1: v1 90 %, v2 10 %",
        "measured: 500 requests in 10 s: v1 90.0% ± 2.6%, v2 10.0% ± 2.6%",
    ):
        expect(page.get_by_role("img", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("status").nth(1)).to_contain_text("failing: VirtualService default/app says")
    expect(page.get_by_role("row", name="v2 1/1 5 5 90.00%")).to_be_visible()


def test_a_cure_is_copied_by_the_keyboard_and_focus_stays_when_news_come(page: Page, staged: Stage) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, staged, drifted())
    page.keyboard.press("Tab")
    button = page.get_by_role("button", name=f"Copy: {MEND}")
    expect(button).to_be_focused()
    staged.readers["lab"].say({**drifted(), "running": "Pulumi works on the stack"})
    expect(page.get_by_text("Pulumi works on the stack")).to_be_visible()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == MEND


def test_silence_is_said_with_its_reason_and_ends_by_itself(page: Page, staged: Stage) -> None:
    show(page, staged, calm())
    news = page.locator("#news")
    expect(news).to_have_text("Live")
    reader = staged.readers["lab"]
    reader.age_seconds, reader.why = 8.0, "the gateway does not answer"
    expect(news).to_contain_text("s of lab: the gateway does not answer")
    assert page.title().startswith("no news")
    reader.age_seconds, reader.why = 0.0, ""
    reader.say(calm())
    expect(news).to_have_text("Live")


def test_a_dashboard_that_has_ended_is_said(page: Page, staged: Stage) -> None:
    show(page, staged, calm())
    staged.stop.set()
    expect(page.locator("#news")).to_contain_text("start it again: blue-green dashboard")


def test_the_token_leaves_the_address_and_a_reload_works_without_it(page: Page, staged: Stage) -> None:
    show(page, staged, calm())
    assert "token" not in page.url
    page.reload()
    expect(page.locator(".verdict")).to_contain_text("converged")


def test_what_others_wrote_is_text_and_nothing_else(page: Page, staged: Stage) -> None:
    bad = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    show(page, staged, {**drifted(), "reason": bad, "findings": [{"what": bad, "mend": bad}]})
    expect(page.locator(".findings code")).to_have_text(bad)
    assert page.locator("img, main script").count() == 0


def test_lines_grow_with_what_is_read(page: Page, staged: Stage) -> None:
    show(page, staged, calm())
    path = page.locator("svg.plot path").first
    before = path.get_attribute("d") or ""

    def again() -> bool:
        staged.readers["lab"].say(calm())
        return len(path.get_attribute("d") or "") > len(before)

    wait_until(lambda: () if again() else ("the line has not grown",), 60)


def test_a_version_that_has_left_the_config_leaves_the_plots(page: Page, staged: Stage) -> None:
    said = calm()
    first, second = said["versions"]
    busy = {**second, "points": {**second["points"], "requests": 5000.0}}
    show(page, staged, {**said, "versions": [first, busy]})
    axis = page.locator(".plots .axis").first
    expect(axis).to_contain_text("top: 5000")

    def left() -> bool:
        staged.readers["lab"].say({**said, "versions": [first]})
        return "top: 5000" not in axis.inner_text()

    wait_until(lambda: () if left() else ("the version is still in the plot",), 60)


def test_a_page_that_is_opened_late_says_how_old_its_news_are(page: Page, staged: Stage) -> None:
    show(page, staged, calm())
    staged.readers["lab"].age_seconds = 3600.0
    page.reload()
    expect(page.locator(".verdict")).to_contain_text("converged")
    expect(page.locator("#news")).to_contain_text("No news for 36")
    # Of what was read before it was opened the lines know no time.
    assert page.locator("svg.plot path").first.get_attribute("d") == ""
    staged.readers["lab"].age_seconds = 0.0
    staged.readers["lab"].say(calm())
    expect(page.locator("svg.plot path").first).to_have_attribute("d", re.compile("^M"))
