"""The docs' pictures of the dashboard, taken from the running stack of the lab: `make docs`."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import FloatRect, Page, expect

from harness.chromium import chromium
from harness.dashboard import ROLLOUT, dashboard
from harness.labs import ROOT

IMAGES = ROOT / "docs" / "images"
_REQUESTS_PER_SECOND = 20
_BY_HAND = [
    {"op": "replace", "path": f"/spec/http/0/route/{number}/weight", "value": weight}
    for number, weight in enumerate((80, 20))
]


def main() -> None:
    """Show the stack `lab` at rest, in a shift, and after a write by hand; then undo both."""
    url = subprocess.check_output(["pulumi", "stack", "output", "url", "--stack", "lab"], text=True).strip()
    environment = {**os.environ, "PULUMI_STACK": "lab"}
    with _traffic(url), dashboard(Path.cwd(), environment) as started, chromium() as browser:
        wide = browser.new_page(viewport={"width": 1200, "height": 800})
        dark = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="dark")
        narrow = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        for page in (wide, dark, narrow):
            page.goto(started.address)
        _is(wide, "converged")
        expect(wide.locator(".bars")).to_contain_text(re.compile(r"requests in 2\d s"), timeout=60_000)
        _take(wide, "dashboard")
        _in_a_shift(narrow)
        _is(dark, "converged")
        _run("kubectl", "patch", "virtualservice", "myapp", "--type=json", "-p", json.dumps(_BY_HAND))
        _is(dark, "drifted")
        expect(dark.locator(".findings li").first).to_contain_text("v1 80 %, v2 20 %", timeout=60_000)
        expect(dark.locator(".bars")).to_contain_text("±", timeout=60_000)
        _take(dark, "dashboard-drifted")
        _run(*ROLLOUT, "up", "--stack", "lab", "--refresh")


def _in_a_shift(page: Page) -> None:
    shift = (*ROLLOUT, "shift", "v2", "--stack", "lab", "--steps", "75,100", "--pause", "60")
    with subprocess.Popen(shift, stdout=subprocess.DEVNULL) as process:
        expect(page.locator(".running")).to_contain_text("judges v2", timeout=120_000)
        expect(page.locator(".bars")).to_contain_text(re.compile(r"requests in 1\d s"), timeout=60_000)
        _take(page, "dashboard-shift")
        # It goes back by itself.
        process.send_signal(signal.SIGINT)
    expect(page.locator(".running")).to_be_hidden(timeout=60_000)


def _is(page: Page, verdict: str) -> None:
    expect(page).to_have_title(re.compile(f"^{verdict}"), timeout=60_000)


def _take(page: Page, name: str) -> None:
    # Without the history: whose commits these were is nobody's concern here.
    height = page.evaluate("document.querySelector('.history').getBoundingClientRect().top + scrollY")
    clip: FloatRect = {"x": 0, "y": 0, "width": page.evaluate("innerWidth"), "height": height}
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True, clip=clip)
    print(f"docs/images/{name}.png")


@contextmanager
def _traffic(url: str) -> Generator[None]:
    """Some requests, as a picture without any shows little."""
    stop = threading.Event()

    def send() -> None:
        with httpx.Client(trust_env=False) as client:
            while not stop.wait(1 / _REQUESTS_PER_SECOND):
                client.get(url)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
