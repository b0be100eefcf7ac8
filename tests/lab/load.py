"""Steady requests to a gateway while a test does something else."""

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from components.observation.answers import Answer, ask
from harness.pace import pace

REQUESTS_PER_SECOND = 100
TIMEOUT_SECONDS = 5 * pace()

T = TypeVar("T")


def load(url: str, headers: dict[str, str] | None = None) -> AbstractContextManager[list[Answer]]:
    """Send requests until the block ends; nothing is retried, and every answer is in the list."""
    return gathered(ask(url, headers, timeout_seconds=TIMEOUT_SECONDS), REQUESTS_PER_SECOND)


@contextmanager
def gathered(asked: Iterable[T], per_second: float) -> Generator[list[T]]:
    """Take answers one after the other, so many a second at most.

    The first is there when the block begins; the last is asked for after the block has ended. Where asking
    failed with an exception, the block's end raises it.
    """
    answers: list[T] = []
    begun, stop = threading.Event(), threading.Event()

    def send() -> None:
        ended = False
        try:
            for answer in asked:
                answers.append(answer)
                begun.set()
                if ended:
                    return
                ended = stop.wait(1 / per_second)
        finally:
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        begun.wait()
        try:
            yield answers
        finally:
            stop.set()
        sending.result()
