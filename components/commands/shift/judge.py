"""Decides from a version's real traffic whether a step may stand."""

from dataclasses import dataclass

from ...gateway.histogram import MERGE_SECONDS
from ...observation.latency import Latency
from ...observation.traffic import Served


@dataclass(frozen=True)
class Limits:
    """What a version has to hold on each step.

    Attributes:
        max_error_rate: the largest share of failed requests, 0 to 1.
        min_requests: how many requests a step needs before it says anything.
        max_p99: the longest that 99 % of the requests may take, in milliseconds; None: no such limit.
    """

    max_error_rate: float
    min_requests: int
    max_p99: float | None = None

    def __str__(self) -> str:
        p99 = "" if self.max_p99 is None else f", p99 at most {self.max_p99:g} ms"
        return f"at most {self.max_error_rate:.1%} failed{p99}, of at least {self.min_requests} requests"


@dataclass(frozen=True)
class Plan:
    """What is asked for: the version, its percentages, the pause after each in seconds, and the limits.

    `mirror`: for so many seconds before the first step it gets copies of requests; None: it gets none.
    `traffic`: GETs a second that the shift sends meanwhile; None: there is traffic enough.
    """

    version: str
    steps: tuple[int, ...]
    pause: float
    limits: Limits
    mirror: float | None = None
    traffic: int | None = None


def breach(served: Served, times: Latency, limits: Limits, *, at_end: bool) -> str | None:
    """Return why the step must not stand, or None.

    Args:
        served: what the version served since the step.
        times: how long that took.
        limits: what it has to hold.
        at_end: the pause is over, so that too few requests are a reason too.
    """
    if served.by_gateway and served.error_rate > limits.max_error_rate:
        return (
            f"{served.errors} of {served.requests} requests failed; the gateway answered them itself: "
            f"{served.why}"
        )
    p99 = times.percentile(0.99) if times.requests >= limits.min_requests else None
    if served.requests >= limits.min_requests and served.error_rate > limits.max_error_rate:
        return (
            f"{served.errors} of {served.requests} requests failed ({served.error_rate:.1%}"
            f"{f': {served.statuses}' if served.grpc else ''}); at most {limits.max_error_rate:.1%} may"
        )
    if limits.max_p99 is not None and p99 is not None and p99 > limits.max_p99:
        return f"p99 of {times.requests} requests was {p99:g} ms; at most {limits.max_p99:g} ms may be"
    if at_end and served.requests < limits.min_requests:
        return (
            f"only {served.requests} requests came, of which {served.errors} failed, "
            f"and {limits.min_requests} are needed to judge"
        )
    if at_end and limits.max_p99 is not None and p99 is None:
        return (
            f"only {times.requests} requests were timed, and {limits.min_requests} are needed to judge p99; "
            f"Envoy adds up its times every {MERGE_SECONDS} s, so a longer --pause may be enough"
        )
    return None


def steps_from(current: int, steps: tuple[int, ...]) -> tuple[int, ...]:
    """Return the steps that are above the version's current percentage.

    Raises:
        ValueError: the steps do not rise, leave 1 to 100, or none is left.
    """
    if any(not 1 <= step <= 100 for step in steps) or list(steps) != sorted(set(steps)):
        msg = "steps are whole percentages from 1 to 100 that rise, such as 10,25,50,100"
        raise ValueError(msg)
    left = tuple(step for step in steps if step > current)
    if not left:
        msg = f"the version has {current} % already, and no step is above that"
        raise ValueError(msg)
    return left
