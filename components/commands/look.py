"""How figures, splits and versions look, wherever a person sees them: terminal, page and report."""

import time
from dataclasses import dataclass
from enum import StrEnum

from ..observation.statistics import margin


@dataclass(frozen=True)
class Colour:
    """A version's colour.

    Attributes:
        terminal: its name on a terminal.
        fill: the same as a page fills areas and draws lines with it.
        ink: what can be read on that.
    """

    terminal: str
    fill: str
    ink: str


# The tutorial's pages are blue and green; further versions get the colours after them. The fills are those of
# Okabe and Ito, "Color Universal Design" (2008), which people with any colour blindness tell apart.
COLOURS = (
    Colour("bright_blue", "#0072b2", "#ffffff"),
    Colour("green", "#009e73", "#000000"),
    Colour("magenta", "#cc79a7", "#000000"),
    Colour("dark_orange", "#d55e00", "#000000"),
    Colour("cyan", "#56b4e9", "#000000"),
    Colour("yellow", "#f0e442", "#000000"),
)


class Tone(StrEnum):
    """What a word means for the person who reads it."""

    GOOD = "good"
    WAITS = "waits"
    BAD = "bad"


@dataclass(frozen=True)
class Ink:
    """How a tone is written: on a terminal, on a light page and on a dark one."""

    terminal: str
    light: str
    dark: str


INKS = {
    Tone.GOOD: Ink("bold green", "#116329", "#56d364"),
    Tone.WAITS: Ink("bold yellow", "#7d4e00", "#e3b341"),
    Tone.BAD: Ink("bold red", "#a40e26", "#ff8f87"),
}
# The verdicts on a stack.
TONES = {
    "converged": Tone.GOOD,
    "converging": Tone.WAITS,
    "not applied": Tone.WAITS,
    "no news": Tone.WAITS,
    "drifted": Tone.BAD,
    "failing": Tone.BAD,
}


def colour(number: int) -> Colour:
    """Return the colour of a version by its place in the config; after the last one they begin anew."""
    return COLOURS[number % len(COLOURS)]


def weight(share: int) -> str:
    """Write a weight."""
    return f"{share} %"


def measured(requests: int, total: int) -> str:
    """Write the share of requests that was measured, with the bound that holds 95 times of 100."""
    if not total:
        return "-"
    share = requests / total
    return f"{share:.1%} ± {margin(share, total):.1%}"


def rate(requests: int, seconds: float) -> str:
    """Write requests a second."""
    return f"{requests / seconds:.0f}"


def success(requests: int, errors: int) -> str:
    """Write the share of requests that did not fail."""
    return f"{1 - errors / requests:.2%}" if requests else "-"


def failed(requests: int, errors: int) -> str:
    """Write the share of requests that failed."""
    return f"{errors / requests:.1%}" if requests else "-"


def when(at: float) -> str:
    """Write a time, in seconds since the epoch, as UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))
