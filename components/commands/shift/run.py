"""The shift itself: a config change and an `up` a step, and the way back."""

import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from ...errors import RolloutError
from ...observation import latency, live
from ...pulumi_cli import config, locks, project, stack
from ...settings.model import Settings
from ...settings.weights import Weights, moved, shown
from . import journal
from .judge import Plan, steps_from
from .observe import MovedByOthersError, must_hold, observe
from .report import Report, Step


def shift(name: str, plan: Plan) -> Report:
    """Move traffic to a version by steps; on a breach, an interrupt or a failed `up`, move it back.

    Returns:
        What happened; its `failure` says why traffic was moved back, None when all steps stand.

    Raises:
        RolloutError: it cannot begin, traffic was moved by somebody else, or the way back failed.
    """
    settings = config.settings(name)
    steps = _check(name, settings, plan)
    before = dict(settings.weights)
    with live.connect(settings) as gateways:
        must_hold(gateways, settings, before, name)
        if plan.limits.max_p99 is not None:
            latency.must_be_timed(gateways, settings)
    return _all_steps(name, replace(plan, steps=steps), before)


def undo(name: str) -> Weights:
    """Go back to the split from before a shift that was killed, and return it.

    Raises:
        RolloutError: there is no such shift, it still runs, or `up` failed.
    """
    entry = _killed(name)
    project.say(f"shift: going back to {shown(entry.before)}")
    go_back(name, entry.before)
    journal.remove(name)
    return entry.before


def resume(name: str) -> Report:
    """Go on with a shift that was killed, as it was asked for, from the step that it had begun.

    Raises:
        RolloutError: there is no such shift, it still runs, or as `shift`.
    """
    entry = _killed(name)
    locks.wait_for_engine(name)
    return _all_steps(name, entry.plan, entry.before)


def go_back(name: str, weights: Weights) -> None:
    """Write a split and make it true, whatever signal comes meanwhile.

    Raises:
        RolloutError: `up` failed; the config has the split all the same.
    """
    with _deaf():
        locks.wait_for_engine(name)
        config.write_weights(name, weights)
        try:
            stack.converge(name, shielded=True)
        except RolloutError as error:
            msg = (
                f"the way back failed. Pulumi.{name}.yaml has {shown(weights)}; when the cause is mended, "
                f"run: python -m rollout shift --undo --stack {name}"
            )
            raise RolloutError(msg) from error


def _all_steps(name: str, plan: Plan, before: Weights) -> Report:
    report = Report(name, plan.version, before, plan.limits, time.time())
    with _interruptible():
        try:
            for number, step in enumerate(plan.steps):
                journal.write(name, journal.entry(replace(plan, steps=plan.steps[number:]), before))
                _step(name, plan, step, report)
        except MovedByOthersError as error:
            # The config file is always what the cluster has, where a config can say that.
            route = dict(error.route or {})
            if sum(route.values()) == 100 and route.keys() <= before.keys():
                config.write_weights(name, dict.fromkeys(before, 0) | route)
            journal.remove(name)
            raise
        except KeyboardInterrupt:
            report.failure, report.interrupted = "interrupted", True
        except RolloutError as error:
            report.failure = str(error)
        except Exception as error:
            report.failure = f"{type(error).__name__}: {error}"
    if report.failure:
        project.say(f"shift: {report.failure}\nshift: going back to {shown(before)}")
        go_back(name, before)
    journal.remove(name)
    report.ended = time.time()
    return report


def _check(name: str, settings: Settings, plan: Plan) -> tuple[int, ...]:
    entry = journal.read(name)
    if entry is not None and entry.is_running:
        msg = f"a shift of {entry.plan.version} is running in process {entry.pid}"
        raise RolloutError(msg)
    if entry is not None:
        mend = f"python -m rollout shift --undo --stack {name} (or --resume)"
        msg = f"a shift of {entry.plan.version} was killed: run first: {mend}"
        raise RolloutError(msg)
    if plan.version not in settings.versions:
        known = ", ".join(settings.versions)
        msg = f"stack {name} has no version {plan.version}, only {known}"
        raise RolloutError(msg)
    try:
        steps = steps_from(settings.weights[plan.version], plan.steps)
        moved(settings.weights, plan.version, steps[0])
    except ValueError as error:
        raise RolloutError(str(error)) from error
    return steps


def _step(name: str, plan: Plan, share: int, report: Report) -> None:
    settings = config.settings(name)
    weights = moved(settings.weights, plan.version, share)
    project.say(f"shift: {shown(settings.weights)} → {shown(weights)}")
    config.write_weights(name, weights)
    stack.converge(name)
    step = Step(share, time.time())
    report.steps.append(step)
    with live.connect(settings) as gateways:
        observe(name, plan, settings, weights, gateways, step)


def _killed(name: str) -> journal.Entry:
    entry = journal.read(name)
    if entry is None:
        msg = f"no shift of stack {name} was killed; there is nothing to undo or resume"
        raise RolloutError(msg)
    if entry.is_running:
        msg = f"the shift of {entry.plan.version} still runs in process {entry.pid}; Ctrl-C there undoes it"
        raise RolloutError(msg)
    return entry


@contextmanager
def _interruptible() -> Generator[None]:
    """A pipeline that is cancelled sends SIGTERM: it then means what Ctrl-C means."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    was = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, was)


@contextmanager
def _deaf() -> Generator[None]:
    """Let no second Ctrl-C leave the way back half done."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
