"""Steady requests to a gateway while a test does something else."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from components.observation.answers import Answer, ask

REQUESTS_PER_SECOND = 100


@contextmanager
def load(url: str, headers: dict[str, str] | None = None) -> Generator[list[Answer]]:
    """Send requests until the block ends; nothing is retried, and every answer is in the list."""
    answers: list[Answer] = []
    stop = threading.Event()

    def send() -> None:
        for answer in ask(url, headers):
            answers.append(answer)
            if stop.wait(1 / REQUESTS_PER_SECOND):
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()
