"""The page in a real browser, on a real stack: what it says is what `verify` says at that moment."""

import json
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from harness.labs import Lab, Program
from tests.browser.chromium import chromium, shown
from tests.lab.load import load
from tests.lab.observe import wait
from tests.lab.shop import HOST, second_stack

VERSIONS = {"v1": {"image": "janakiramm/myapp:v1"}, "v2": {"image": "janakiramm/myapp:v2"}}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "paged") as made:
        made.config(versions=VERSIONS, weights={"v1": 50, "v2": 50})
        made.up("--skip-preview")
        yield made


@contextmanager
def dashboard(program: Program) -> Generator[str]:
    """The command, as a person starts it; what it printed is the address. It ends by Ctrl-C."""
    command = [sys.executable, "-m", "rollout", "dashboard", "--port", "0"]
    environment = {key: value for key, value in program.environment.items() if key != "DISPLAY"}
    with subprocess.Popen(
        command,
        cwd=program.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stderr
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(2)
            said = process.stderr.read()
        assert "Traceback" not in said
        assert said.endswith("dashboard: Ctrl-C ends it\n")
        assert process.wait(10) == 0


def _verify(program: Program) -> dict[str, Any]:
    command = ("python", "-m", "rollout", "verify", "--requests", "20", "-o", "json")
    return json.loads(program.run(*command, check=False).stdout)


def test_page_follows_what_becomes_of_a_stack(shop: Program) -> None:
    url = str(shop.outputs()["url"])
    with dashboard(shop) as address, chromium() as browser, load(url, {"Host": HOST}):
        page = browser.new_page()
        page.goto(address)
        _is_as_configured(shop, page, "v1 50 %", "v2 50 %")
        shop.config(weights={"v1": 10, "v2": 90})
        shop.up("--skip-preview")
        _is_as_configured(shop, page, "v1 10 %", "v2 90 %")
        _says_what_others_wrote(shop, page)


def _is_as_configured(shop: Program, page: Page, *split: str) -> None:
    expect(page).to_have_title(re.compile("^converged"), timeout=30_000)
    said = [bar.get_attribute("aria-label") or "" for bar in page.locator(".bar").all()]
    assert [one.rpartition(": ")[2] for one in said[:-1]] == [", ".join(split)] * 3
    assert _verify(shop)["ok"]
    wait(lambda: shown(page, ".findings .note").startswith("Nothing."), "no finding on the page")
    assert shown(page, ".history tbody tr td:nth-child(3)") == "succeeded"
    assert page.locator(".versions tbody tr").count() == 2


def _says_what_others_wrote(shop: Program, page: Page) -> None:
    patch = '[{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 100}]'
    shop.kubectl("patch", "virtualservice", "shop", "--type=json", "-p", patch)
    expect(page).to_have_title(re.compile("^drifted"), timeout=5_000)
    found = _verify(shop)["differences"]
    assert found
    wait(lambda: page.locator(".findings li").count() > 0, "a finding on the page")
    said = page.locator(".findings li").all_inner_texts()
    assert any(found[0]["what"] in one for one in said)
    assert page.locator(".findings code").first.inner_text() == found[0]["mend"]
