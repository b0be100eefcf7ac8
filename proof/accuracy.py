"""Whether the measured shares are those of the config, and how wrong one would have to be to be seen.

Envoy draws the version of every request by itself, so the count of a version's answers is binomial.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from components.observation.statistics import could_be
from harness.labs import Program
from proof.traffic import load

SPLITS: tuple[Mapping[str, int], ...] = (
    {"v1": 99, "v2": 1},
    {"v1": 90, "v2": 10},
    {"v1": 50, "v2": 50},
    {"v1": 50, "v2": 30, "v3": 15, "v4": 4, "late": 1},
)
# `late` is the lab's image that starts late and then serves as the others do.
IMAGES_OF_FIVE = {name: {"image": f"janakiramm/myapp:{name}"} for name in SPLITS[-1]}
# Over all shares of a run; each share has its part of it.
FALSE_ALARM = 1e-6
EACH = FALSE_ALARM / sum(len(weights) for weights in SPLITS)
# The smallest share, and how wrong it may be without being seen for sure.
SHARE, OFF = 0.01, 0.005
MISS = 1e-3


@dataclass(frozen=True)
class Measured:
    """The answers under one split.

    Attributes:
        weights: the config's, in whole percentages.
        answers: how many came from each version.
        failed: how many requests failed.
        needed: how many answers the power needs that is stated for the smallest share.
        false_alarm: how likely at most a true share is called wrong.
    """

    weights: Mapping[str, int]
    answers: Mapping[str, int]
    failed: int
    needed: int
    false_alarm: float

    @property
    def samples(self) -> int:
        """The number of answers."""
        return sum(self.answers.values())

    @property
    def wrong(self) -> tuple[str, ...]:
        """The versions whose share cannot be the config's."""
        return tuple(
            version
            for version in {**self.weights, **self.answers}
            if not could_be(
                self.answers.get(version, 0),
                self.samples,
                self.weights.get(version, 0) / 100,
                self.false_alarm,
            )
        )

    @property
    def kept(self) -> bool:
        """Whether every share is the config's and nothing failed, by as many answers as are needed."""
        return not self.failed and self.samples >= self.needed and not self.wrong


def samples_needed(share: float, other: float, false_alarm: float, miss: float) -> int:
    """Return how many answers tell a share from another one, by the normal approximation.

    Args:
        share: the config's, 0 to 1.
        other: the one that is to be told from it.
        false_alarm: how often at most a true share may be called wrong, both sides together.
        miss: how often at most the other one may pass.
    """
    alarm_z, miss_z = NormalDist().inv_cdf(1 - false_alarm / 2), NormalDist().inv_cdf(1 - miss)
    spread = alarm_z * math.sqrt(share * (1 - share)) + miss_z * math.sqrt(other * (1 - other))
    return math.ceil((spread / (share - other)) ** 2)


def seen_from(share: float, samples: int, false_alarm: float, miss: float) -> float:
    """Return by how much a share must be wrong to be seen, by the normal approximation."""
    z = NormalDist().inv_cdf(1 - false_alarm / 2) + NormalDist().inv_cdf(1 - miss)
    return z * math.sqrt(share * (1 - share) / samples)


# The approximation is too hopeful, by less than a factor of two here; tests/unit/test_proof.py sums exactly.
SAMPLES = samples_needed(SHARE, SHARE + OFF, EACH, MISS / 2)


def measure(program: Program, rate: float, folder: Path, tell: Callable[[str], None]) -> list[Measured]:
    """Set each split by `pulumi up` and count the answers, as many as its smallest share needs."""
    folder.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    for weights in SPLITS:
        tell(f"measured shares: {SAMPLES} answers under {dict(weights)}")
        program.config(versions={name: IMAGES_OF_FIVE[name] for name in weights}, weights=dict(weights))
        program.up()
        url = str(program.outputs()["url"])
        with load(url, rate, folder / "shares.csv", program.environment) as requests:
            time.sleep(SAMPLES / rate)  # the rate makes the sample's size; it settles before and after
        answers = Counter(request.version for request in requests if not request.failure)
        failed = sum(1 for request in requests if request.failure)
        measured.append(Measured(weights, answers, failed, SAMPLES, EACH))
    return measured


def table(measured: Sequence[Measured]) -> str:
    """Return the Markdown table: a line for each share; nothing of nothing."""
    if not measured:
        return ""
    lines = ["| split | version | answers | measured | would be seen from |", "|---|---|---:|---:|---:|"]
    for one in measured:
        split = "/".join(str(weight) for weight in one.weights.values())
        for version, weight in one.weights.items():
            answers, samples = one.answers.get(version, 0), one.samples
            off = seen_from(weight / 100, samples, one.false_alarm, MISS)
            share = f"{100 * answers / samples:.2f} %"
            mark = "**" if version in one.wrong else ""
            lines.append(
                f"| {split} | {version} | {answers} of {samples} | {mark}{share}{mark} | ±{100 * off:.2f} % |"
            )
    return "\n".join(lines)
