"""The page in a real browser, on a real stack: what it says is what `verify` says at that moment."""

import json
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from harness.chromium import chromium
from harness.dashboard import dashboard
from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import QUICK, failing_up, followed, wait
from tests.lab.shop import HOST, second_stack

VERSIONS = {"v1": {"image": "janakiramm/myapp:v1"}, "v2": {"image": "janakiramm/myapp:v2"}}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "paged") as made:
        made.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        made.up("--skip-preview")
        yield made


VERIFY = ("python", "-m", "rollout", "verify", "--requests", "20")


def _verify(program: Program) -> dict[str, Any]:
    return json.loads(program.run(*VERIFY, "-o", "json", check=False).stdout)


def test_page_follows_what_becomes_of_a_stack(shop: Program) -> None:
    url = str(shop.outputs()["url"])
    serving = dashboard(shop.folder, shop.environment)
    with serving as started, chromium() as browser, load(url, {"Host": HOST}):
        page = browser.new_page()
        page.goto(started.address)
        _is_as_configured(shop, page, "v1 50 %", "v2 50 %")
        _comes_back_after_the_gateway(shop, page)
        _shows_a_shift_that_goes_back(shop, page)
        _shows_a_version_that_breaks(shop, page)
        _says_what_others_wrote(shop, page)
    assert (started.status, started.said) == (0, "dashboard: Ctrl-C ends it\n")


def test_page_of_all_stacks_has_each_and_comes_back_when_the_cluster_does(
    base: Program, shop: Program
) -> None:
    shop.config(versions=VERSIONS, weights={"v1": 100})
    shop.up("--skip-preview")
    copied = base.folder / shop.config_file.name
    copied.write_text(shop.config_file.read_text())
    try:
        with dashboard(base.folder, base.environment, "--all") as started, chromium() as browser:
            page = browser.new_page()
            page.goto(started.address)
            news, stacks = page.locator("#news"), page.locator("section.stack")
            expect(stacks).to_have_count(2)
            expect(page).to_have_title(re.compile("^converged "))
            said = [(one.locator("h2").inner_text(), _asked_for(one)) for one in stacks.all()]
            assert sorted(said) == [(_title(base), "v1 50 %, v2 50 %"), (_title(shop), "v1 100 %")]
            with _stopped(str(base.outputs()["ingressHost"])):
                expect(news).to_have_text(re.compile(r"No news for \d+ s of \w+: .*; No news for"))
                expect(page).to_have_title(re.compile("^no news"))
            expect(news).to_have_text("Live")
            expect(page).to_have_title(re.compile("^converged "))
    finally:
        copied.unlink()


def _title(program: Program) -> str:
    context = yaml.safe_load(program.config_file.read_text())["config"]["blue-green:cluster"].get("profile")
    return f"{program.stack} on {context or 'current'}"


def _asked_for(stack: Locator) -> str:
    return (stack.locator(".bar").first.get_attribute("aria-label") or "").rpartition(": ")[2]


@contextmanager
def _stopped(node: str) -> Generator[None]:
    """The API server of the lab with this node says nothing, as when a laptop slept or a network is away."""
    (server,) = (
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "kube-apiserver"
        and f"--advertise-address={node}" in process.info["cmdline"]
    )
    server.suspend()
    try:
        yield
    finally:
        server.resume()


def _comes_back_after_the_gateway(shop: Program, page: Page) -> None:
    gateway = ("-n", "istio-system", "-l", "istio=ingressgateway")
    before = shop.kubectl("get", "pods", *gateway, "-o", "name").stdout.split()
    shop.kubectl("delete", "pods", *gateway, "--force", "--grace-period=0")
    # Its Deployment makes another one in its own time, and the node's port leads to it later still.
    after: list[str] = []

    def came() -> bool:
        after[:] = shop.kubectl("get", "pods", *gateway, "-o", "name").stdout.split()
        return len(after) == 1 and after != before

    wait(came, "another gateway")
    # It may not be asked at all at first, of which there is nothing to read.
    wait(lambda: shop.run(*VERIFY, check=False).returncode == 0, "requests come to the new gateway")
    name = after[0].removeprefix("pod/")
    expect(page.locator(".bars")).to_contain_text(f"Envoy of istio-system/{name}")
    expect(page.locator("#news")).to_have_text("Live")
    _is_as_configured(shop, page, "v1 50 %", "v2 50 %")


def _shows_a_shift_that_goes_back(shop: Program, page: Page) -> None:
    """v2 begins to fail half of its requests while it is judged."""
    shop.config(
        versions={**VERSIONS, "v2": {"image": "janakiramm/myapp:flaky"}}, weights={"v1": 100, "v2": 0}
    )
    shop.up("--skip-preview")
    command = [sys.executable, "-m", "rollout", "shift", "v2", "--steps", "30,100", "--pause", "60"]
    null = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment, stdout=null, stderr=null
    ) as process:
        running = page.locator(".running")
        expect(running).to_have_text("a shift moves v2 to 30 %; then 100 %")
        goes_back = re.compile(r"a shift goes back to v1 100 %: v2 at 30 %: \d+ of \d+ requests failed")
        expect(running).to_have_text(goes_back)
    assert process.returncode == 1
    expect(running).to_be_hidden()
    newest = page.locator(".history tbody tr").first
    expect(newest).to_contain_text("blue-green shift-back: to v1 100 %: v2 at 30 %: ")
    expect(newest).to_contain_text("v1 70 %, v2 30 % → v1 100 %")
    _is_as_configured(shop, page, "v1 100 %")


def _shows_a_version_that_breaks(shop: Program, page: Page) -> None:
    """An image that is not there: the `up` fails, and the page has the cause that `verify` names."""
    broken = {**VERSIONS, "v2": {"image": "janakiramm/myapp:missing"}}
    shop.config(versions=broken, weights={"v1": 90, "v2": 10}, convergence=QUICK)
    failing_up(shop)

    def same() -> bool:
        """The page and `verify` say the same; what the kubelet says of the image changes with each try."""
        found = [_steady(one["what"]) for one in _verify(shop)["differences"]]
        shown = _findings(page)
        named = any("janakiramm/myapp:missing" in one for one in shown)
        return bool(found) and named and [*map(_steady, shown)][: len(found)] == found

    wait(same, "the differences of verify on the page, with the image")
    expect(page.locator(".history tbody tr").first).to_contain_text("failed")
    shop.config(versions=VERSIONS, weights={"v1": 100, "v2": 0})
    shop.up("--skip-preview")
    _is_as_configured(shop, page, "v1 100 %")


def _is_as_configured(shop: Program, page: Page, *split: str) -> None:
    expect(page).to_have_title(re.compile("^converged"))
    wait(lambda: _bars(page)[:-1] == [", ".join(split)] * 3, f"three bars with {split}")
    assert _verify(shop)["ok"]
    wait(lambda: _findings(page) == _verify(shop)["warnings"], "just the warnings of verify on the page")
    expect(page.locator(".history tbody tr td:nth-child(3)").first).to_have_text("succeeded")
    expect(page.locator(".versions tbody tr")).to_have_count(2)


def _bars(page: Page) -> list[str]:
    """What each bar says of the split."""
    labels = "bars => bars.map(bar => bar.ariaLabel.split(': ').at(-1))"
    return page.locator(".bar").evaluate_all(labels)


def _says_what_others_wrote(shop: Program, page: Page) -> None:
    patch = '[{"op": "replace", "path": "/spec/http/0/route/0/destination/subset", "value": "v2"}]'
    with followed(shop):
        shop.kubectl("patch", "virtualservice", "shop", "--type=json", "-p", patch)
    expect(page).to_have_title(re.compile("^(drifted|failing)"))
    found = _verify(shop)["differences"][0]
    wait(lambda: _findings(page)[:1] == [found["what"]], "the first cause that verify names on the page")
    expect(page.locator(".findings code").first).to_have_text(found["mend"])


def _steady(sentence: str) -> str:
    """A sentence without what is said of a pod at this moment."""
    return re.sub(r"(pod \S+: ).*", r"\1", sentence)


def _findings(page: Page) -> list[str]:
    """The sentences, without what mends them."""
    return page.locator(".findings li").evaluate_all("found => found.map(one => one.firstChild.textContent)")
