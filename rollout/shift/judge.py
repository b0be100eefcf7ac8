"""Decides from a version's real traffic whether a step may stand."""

from dataclasses import dataclass

from rollout.traffic import Served


@dataclass(frozen=True)
class Limits:
    """What a version has to hold on each step.

    Attributes:
        max_error_rate: the largest share of failed requests, 0 to 1.
        min_requests: how many requests a step needs before it says anything.
    """

    max_error_rate: float
    min_requests: int


def breach(served: Served, limits: Limits, *, at_end: bool) -> str | None:
    """Return why the step must not stand, or None.

    Args:
        served: what the version served since the step.
        limits: what it has to hold.
        at_end: the pause is over, so that too few requests are a reason too.
    """
    if served.requests >= limits.min_requests and served.error_rate > limits.max_error_rate:
        return (
            f"{served.errors} of {served.requests} requests failed ({served.error_rate:.1%}); "
            f"at most {limits.max_error_rate:.1%} may"
        )
    if at_end and served.requests < limits.min_requests:
        return (
            f"only {served.requests} requests came, of which {served.errors} failed, "
            f"and {limits.min_requests} are needed to judge"
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
