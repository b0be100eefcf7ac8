"""Judges one step by the version's real traffic, while nobody else moves it."""

import time
from collections.abc import Callable
from typing import TypeVar

from ...errors import NotAskedError, RolloutError
from ...gateway.gateways import Gateways
from ...gateway.limits import limits
from ...observation import latency, live, traffic
from ...observation.latency import Latency
from ...observation.traffic import Counters, Served
from ...pulumi_cli import project, splits
from ...settings.model import Settings
from ...settings.weights import Weights, same, shown
from .judge import Plan, breach
from .report import Sample, Step
from .view import View

# How often the counters are read.
SAMPLE_SECONDS = 1.0
# So long may a gateway not be asked, such as one that rolls: what it counts meanwhile is read later.
_LOST_SECONDS = 5
_T = TypeVar("_T")


class BreachError(RolloutError):
    """A step must not stand: its text says why."""


class MovedByOthersError(RolloutError):
    """Somebody else moved traffic meanwhile; what they made, `route`, stays."""

    def __init__(self, message: str, route: Weights | None) -> None:
        super().__init__(message)
        self.route = route


def must_hold(gateways: Gateways, settings: Settings, weights: Weights, name: str) -> None:
    """Somebody else's `up`, such as a pipeline with an older commit, is not overwritten."""
    now = live.read(gateways, settings)
    if now.route is not None and same(now.route, weights):
        return
    by = f" by {now.route_writer.manager}" if now.route_writer else ""
    is_now = shown(now.route) if now.route else "gone"
    msg = (
        f"the split is {is_now}{by}, and not {shown(weights)}: somebody else moved it, such as a pipeline "
        "with an older commit. Nothing more is changed; look at "
        f"`blue-green verify {splits.options(name)}`"
    )
    raise MovedByOthersError(msg, now.route)


def observe(
    name: str, plan: Plan, settings: Settings, weights: Weights, gateways: Gateways, step: Step, view: View
) -> None:
    """Read the counters until the pause is over or the version breaks its limits."""
    last = _asked(lambda: traffic.read(gateways, settings))
    times_before = _asked(lambda: latency.read(gateways, settings))
    end = time.monotonic() + plan.pause
    while True:
        time.sleep(max(0.0, min(SAMPLE_SECONDS, end - time.monotonic())))
        left = end - time.monotonic()
        reading = _asked(lambda: traffic.read(gateways, settings))
        since = traffic.between(last, reading)
        last = reading
        # Added up: what a pod that went away since had served would else be forgotten.
        for version, more in since.items():
            step.served[version] = step.served.get(version, Served()) + more
        times_now = _asked(lambda: latency.read(gateways, settings))
        step.latency = dict(latency.between(times_before, times_now))
        ours = step.served.get(plan.version, Served())
        times = step.latency.get(plan.version, Latency())
        p99 = times.percentile(0.99)
        step.samples.append(Sample(time.time(), dict(since), p99))
        view.judges(step, left)
        _asked(lambda: must_hold(gateways, settings, weights, name))
        failed = breach(ours, times, plan.limits, at_end=left <= 0)
        reason = failed or _lacking(reading, plan.version)
        if reason:
            limited = ours.by_gateway if failed else reading.ejected(plan.version)
            by = _limits(gateways, settings) if limited else ""
            msg = f"{plan.version} {step.name}: {reason}{by}"
            raise BreachError(msg)
        if left <= 0:
            return


def _asked(question: Callable[[], _T]) -> _T:
    """Return what was asked for, also where the first try was lost. Raises NotAskedError, after a while."""
    lost_at: float | None = None
    while True:
        try:
            return question()
        except NotAskedError as error:
            if lost_at is None:
                lost_at = time.monotonic()
                project.say(f"shift: {error}; asking again for {_LOST_SECONDS} s")
            elif time.monotonic() - lost_at >= _LOST_SECONDS:
                raise
            time.sleep(SAMPLE_SECONDS)


def _lacking(reading: Counters, version: str) -> str | None:
    """A gateway without an endpoint answers 503 itself, which not every gateway counts."""
    lacking = next(reading.lacking(version), None)
    return lacking and f"{lacking}, so its requests fail"


def _limits(gateways: Gateways, settings: Settings) -> str:
    return limits(gateways.api, live.target(settings))
