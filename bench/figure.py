"""One line of the table."""

import resource
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
        goal: the most that is aimed at: of the ratio where there is one, else of the median; or None.
        held_by: what holds it where the goal is not met.
    """

    what: str
    samples: tuple[float, ...]
    unit: str = "s"
    against: str | None = None
    goal: float | None = None
    held_by: str = ""


def ratios(figure: Figure, figures: Sequence[Figure]) -> tuple[float, ...]:
    """The figure to the one that it is against, round by round; of the medians where rounds differ."""
    other = next((one for one in figures if one.what == figure.against), None)
    if other is None:
        return ()
    if len(other.samples) == len(figure.samples):
        return tuple(one / two for one, two in zip(figure.samples, other.samples, strict=True))
    return (statistics.median(figure.samples) / statistics.median(other.samples),)


def missed(figure: Figure, figures: Sequence[Figure]) -> bool:
    """Whether a figure has a goal and is above it, by the median."""
    found = ratios(figure, figures) if figure.against else figure.samples
    return figure.goal is not None and bool(found) and statistics.median(found) > figure.goal


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def both_seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Return how long an action takes, and the processor time of the commands that end in it."""
    before = _used()
    took = seconds(action)
    return took, _used() - before


def _used() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime
