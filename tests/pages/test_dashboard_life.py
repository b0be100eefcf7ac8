"""The page that stays open while the lab goes down and another one comes up in its place."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from harness.chromium import chromium
from harness.dashboard import dashboard
from harness.pace import pace
from tests.lab import subnets
from tests.lab.clones import clone, typed

__all__ = ["clone"]

pytestmark = pytest.mark.timeout(900)


def test_the_page_says_that_the_lab_is_down_and_comes_back_with_the_next_one(clone: Path) -> None:
    up = f"make up LAB_SUBNET={subnets.THIRD}"
    typed(clone, up)
    pairs = (one.partition("=") for one in typed(clone, 'eval "$(make -s env)"; env -0').split("\0") if one)
    environment = {name: value for name, _, value in pairs}
    with dashboard(clone, environment) as started, chromium() as browser:
        page = browser.new_page()
        page.goto(started.address)
        # Milliseconds.
        soon = 60_000 * pace()
        expect(page).to_have_title(re.compile("^converged "), timeout=soon)
        typed(clone, "make down")
        expect(page.locator("#news")).to_have_text(re.compile(r"^No news for \d+ s of lab: "), timeout=soon)
        expect(page).to_have_title(re.compile("^no news "))
        typed(clone, up)
        expect(page.locator("#news")).to_have_text("Live", timeout=soon)
        expect(page).to_have_title(re.compile("^converged "), timeout=soon)
    assert (started.status, started.said) == (0, "dashboard: Ctrl-C ends it\n")
