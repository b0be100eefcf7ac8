"""Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from harness.pace import pace


@contextmanager
def chromium() -> Generator[Browser]:
    """A browser of its own, without a window."""
    program = shutil.which("chromium")
    if program is None:
        msg = "there is no Chromium here. Type: make browser"
        raise FileNotFoundError(msg)
    # The page has nothing new for as long as the lab takes.
    expect.set_options(timeout=60_000 * pace())
    # Its sandbox refuses root.
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        try:
            yield browser
        finally:
            browser.close()
