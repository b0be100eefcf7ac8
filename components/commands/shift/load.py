"""Requests of the shift's own, for a stack that nobody uses: to its gateway alone, and only while it runs."""

import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from ...observation.answers import TIMEOUT_SECONDS
from ...observation.client import beginning, client
from ...observation.endpoint import Endpoint

MOST = 100
# As many requests at once: slow answers make the rate fall, not the number of connections rise.
_AT_ONCE = 16


@contextmanager
def sending(where: Endpoint, per_second: int) -> Generator[None]:
    """Send so many GETs a second until the block ends; nothing is retried, and no answer is kept."""
    stop = threading.Event()
    room = threading.Semaphore(_AT_ONCE)
    host = where.headers.get("Host")
    extensions = {"sni_hostname": host} if host else {}

    def get() -> None:
        try:
            with opened.stream("GET", where.url, extensions=extensions) as response:
                beginning(response, time.monotonic() + TIMEOUT_SECONDS)
        except httpx.HTTPError:
            pass  # The gateways count what fails.
        finally:
            room.release()

    def send() -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / per_second, time.monotonic() - 1)
            if room.acquire(blocking=False):
                pool.submit(get)

    with client(where.headers, TIMEOUT_SECONDS) as opened, ThreadPoolExecutor(_AT_ONCE) as pool:
        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
