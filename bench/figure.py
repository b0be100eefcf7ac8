"""One line of the table."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        what: the name of the line.
        samples: one value a round.
        unit: `s` or `MiB`.
        against: the name of the line that it is compared with, or None.
    """

    what: str
    samples: tuple[float, ...]
    unit: str = "s"
    against: str | None = None


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started
