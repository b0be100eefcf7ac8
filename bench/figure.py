"""One line of the table."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        what: the name of the line.
        samples: one value a round.
        unit: `s`, `ms` or `MiB`.
        against: the name of the line that it is compared with, or None.
        goal: the most that is aimed at, in words.
    """

    what: str
    samples: tuple[float, ...]
    unit: str = "s"
    against: str | None = None
    goal: str = ""


def ratios(figure: Figure, figures: Sequence[Figure]) -> tuple[float, ...]:
    """The figure to the one that it is against, round by round; of the medians where rounds differ."""
    other = next((one for one in figures if one.what == figure.against), None)
    if other is None:
        return ()
    if len(other.samples) == len(figure.samples):
        return tuple(one / two for one, two in zip(figure.samples, other.samples, strict=True))
    return (statistics.median(figure.samples) / statistics.median(other.samples),)


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started
