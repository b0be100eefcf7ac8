"""The API server's clock, by which what two machines did is told apart in time."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

# NTP keeps clocks closer together.
_AGREE_SECONDS = 1


@dataclass(frozen=True)
class Clock:
    """By how many seconds the server's is ahead of this machine's, at least and at most; 0: they agree."""

    least: float = 0.0
    most: float = 0.0

    def earliest(self, at: float) -> float:
        """A time of this machine's clock by the server's, no later than it was."""
        return at + self.least

    def latest(self, at: float) -> float:
        """The same, no earlier than it was."""
        return at + self.most


def told(date: str | None, asked: float) -> Clock:
    """By the Date of an answer that has just come (RFC 9110, whole seconds) to what was asked at this time.

    Without one, it agrees.
    """
    try:
        at = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Clock()
    found = Clock(at - time.time(), at + 1 - asked)
    return Clock() if found.least - _AGREE_SECONDS <= 0 <= found.most + _AGREE_SECONDS else found
