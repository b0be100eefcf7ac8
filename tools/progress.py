"""Shows a long step: one live line on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

PLAIN_EVERY_SECONDS = 20


class Progress:
    """A step that takes long, as a context manager.

    On a terminal a spinner shows what is going on and for how long; elsewhere a line now and then.
    """

    def __init__(self, title: str) -> None:
        self._console = Console(highlight=False)
        self._title = title
        self._started = self._last_plain = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status(self._title)
            self._status.start()
        else:
            print(self._title, flush=True)
        return self

    def say(self, what: str) -> None:
        """Show how far the step is."""
        elapsed = time.monotonic() - self._started
        if self._status:
            self._status.update(f"{self._title}: {what}, {elapsed:.0f} s")
        elif time.monotonic() - self._last_plain >= PLAIN_EVERY_SECONDS:
            self._last_plain = time.monotonic()
            print(f"  … {what}, {elapsed:.0f} s", flush=True)

    def done(self, name: str, seconds: float) -> None:
        """Tell that a part is finished, and how long it took."""
        self._console.print(f"  {name:<28} {seconds:6.1f} s")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()


class Pace:
    """How long a whole of many equal things takes, by how fast this machine has been with it so far."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._finished = 0
        self._started = time.monotonic()

    def share(self, count: int) -> int:
        """Return how much of the whole these are, in per cent."""
        return round(100 * count / max(self._total, 1))

    def finish(self, count: int) -> None:
        """Note that a part is done."""
        self._finished += count

    def left(self, of_part: int) -> str:
        """Return the time left in words, so many things into the part that runs."""
        done = self._finished + of_part
        if not done:
            return "time left not known yet"
        seconds = (time.monotonic() - self._started) / done * (self._total - done)
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"


@contextmanager
def timed(name: str) -> Generator[None]:
    """Show a short step and how long it took."""
    started = time.monotonic()
    with Progress(name) as progress:
        yield
        progress.done(name, time.monotonic() - started)
