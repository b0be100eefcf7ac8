"""The rate that this machine holds: asked of it, not assumed."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.observation.statistics import percentile
from harness.labs import Program
from proof.traffic import Request, load

# Each about two thirds of the one before.
RATES = (4000, 2800, 2000, 1400, 1000, 700, 500, 350, 250, 150, 100)
# Offered is so much of what is held beside a preview: some changes take more of the processors, and an open
# loop that falls behind them never catches up.
PART = 0.5
# Held is a rate at which 99 % are sent within so many seconds of their time, and answered in so many.
# Answers that take longer say that the processors are full, and a restart needs a part of them.
LATE_SECONDS, ANSWER_SECONDS = 0.05, 0.1


@dataclass(frozen=True)
class Trial:
    """What came of a rate that was offered.

    Attributes:
        offered: requests a second that were due.
        sent: requests a second that were sent.
        late: 99 % of the requests were sent within so many seconds of their time.
        answered: 99 % were answered within so many seconds.
        failed: how many failed.
    """

    offered: float
    sent: float
    late: float
    answered: float
    failed: int

    @property
    def held(self) -> bool:
        """Whether the machine can be offered this rate."""
        return (
            not self.failed
            and self.sent > 0.98 * self.offered
            and self.late <= LATE_SECONDS
            and self.answered <= ANSWER_SECONDS
        )

    @property
    def usable(self) -> float:
        """What the changes are offered of it, in requests a second."""
        return PART * self.offered

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"offered {self.offered:.0f} requests/s to {os.cpu_count()} processors: {self.sent:.0f}/s sent, "
            f"99 % within {self.late * 1000:.0f} ms of their time, "
            f"99 % answered within {self.answered * 1000:.0f} ms, {self.failed} failed"
        )


def trial(offered: float, requests: Sequence[Request]) -> Trial:
    """Judge the requests of a rate that was offered."""
    if len(requests) < 2:
        return Trial(offered, 0, 0, 0, 0)
    times = [request.sent - request.late for request in requests]
    ends = [request.sent for request in requests]
    return Trial(
        offered,
        (len(requests) - 1) / (max(ends) - min(times)),
        percentile([request.late for request in requests], 0.99),
        percentile([request.seconds for request in requests], 0.99),
        sum(1 for request in requests if request.failure),
    )


def highest_held(program: Program, highest: float, folder: Path, tell: Callable[[str], None]) -> Trial:
    """Return the highest rate that the machine holds while it previews a change, for up to `highest` usable.

    A preview takes its part of the processors, as every change of the proof does.

    Raises:
        AssertionError: it holds none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = str(program.outputs()["url"])
    tried: list[Trial] = []
    most = highest / PART
    for rate in (most, *(one for one in RATES if one < most)):
        with load(url, rate, folder / "rate.csv", program.environment) as requests:
            program.preview()
        tried.append(trial(rate, requests))
        tell(str(tried[-1]))
        if tried[-1].held:
            return tried[-1]
    raise AssertionError(f"this machine holds no rate: {'; '.join(map(str, tried))}")
