"""The shift itself: a config change and an `up` a step, and the way back."""

import signal
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace

from ...errors import RolloutError
from ...history.past import Cause
from ...observation import by_requests, endpoint, latency, live
from ...pulumi_cli import config, locks, project, splits, stack
from ...settings.model import Settings
from ...settings.weights import Weights, moved, shown
from . import journal, outlook
from .judge import Plan, steps_from
from .load import sending
from .observe import MovedByOthersError, must_hold, observe
from .report import Report, Step
from .view import View, view

_Handler = Callable[..., None] | signal.Handlers


def shift(name: str, plan: Plan, *, verbose: bool = False) -> Report:
    """Move traffic to a version by steps; on a breach, an interrupt or a failed `up`, move it back.

    Args:
        name: the stack's name.
        plan: the version, its steps, and what it has to hold.
        verbose: show every second, and all that Pulumi says.

    Returns:
        What happened; its `failure` says why traffic was moved back, None when all steps stand.

    Raises:
        RolloutError: it cannot begin, traffic was moved by somebody else, or the way back failed.
    """
    settings = config.settings(name)
    by_requests.must_be_asked(name, settings, "shift")
    config.weights_key(name)
    steps = _check(name, settings, plan)
    before = dict(settings.weights)
    plan = replace(plan, steps=steps)
    with _traffic(name, settings, plan.traffic):
        with live.connect(settings) as gateways:
            must_hold(gateways, settings, before, name)
            outlook.must_be_judgeable(gateways, settings, plan)
            if plan.limits.max_p99 is not None:
                latency.must_be_timed(gateways, settings)
        with view(plan, verbose=verbose) as shows:
            return _all_steps(name, plan, Report.begin(name, plan, before), shows)


def undo(name: str, *, verbose: bool = False) -> Weights:
    """Go back to the split from before a shift that was killed, and return it.

    Raises:
        RolloutError: there is no such shift, it still runs, or `up` failed.
    """
    entry = _killed(name)
    project.say(f"shift: going back to {shown(entry.before)}")
    _take_mirror_out(name, entry.plan)
    go_back(name, entry.before, quiet=not verbose)
    journal.remove(name)
    return entry.before


def resume(name: str, traffic: int | None = None, *, verbose: bool = False) -> Report:
    """Go on with a shift that was killed, as it was asked for, from the step that it had begun.

    Args:
        name: the stack's name.
        traffic: GETs a second in the place of those that it sent; None: as before.
        verbose: as in `shift`.

    Raises:
        RolloutError: there is no such shift, it still runs, or as `shift`.
    """
    entry = _killed(name)
    locks.wait_for_engine(name)
    plan = entry.plan if traffic is None else replace(entry.plan, traffic=traffic)
    with (
        _traffic(name, config.settings(name), plan.traffic),
        view(plan, verbose=verbose) as shows,
    ):
        return _all_steps(name, plan, Report.begin(name, plan, entry.before), shows)


def go_back(name: str, weights: Weights, *, quiet: bool, why: str = "") -> None:
    """Write a split and make it true, whatever signal comes meanwhile; the history gets the reason.

    Raises:
        RolloutError: `up` failed; the config has the split all the same.
    """
    with _deaf():
        config.write_weights(name, weights)
        try:
            locks.wait_for_engine(name)
            message = f"to {shown(weights)}" + (f": {why}" if why else "")
            stack.converge(name, Cause.back, message, shielded=True, quiet=quiet)
        except RolloutError as error:
            file = project.config_file(name).name
            msg = (
                f"the way back failed. {file} has {shown(weights)}; when the cause is mended, "
                f"run: blue-green shift --undo {splits.options(name)}"
            )
            raise RolloutError(msg) from error


def _all_steps(name: str, plan: Plan, report: Report, shows: View) -> Report:
    before = report.before
    with _interruptible():
        try:
            if plan.mirror is not None:
                journal.write(name, journal.entry(plan, before))
                _mirror(name, plan, plan.mirror, report, shows)
                plan = replace(plan, mirror=None)
            for number, step in enumerate(plan.steps):
                journal.write(name, journal.entry(replace(plan, steps=plan.steps[number:]), before))
                _step(name, plan, step, report, shows)
        except MovedByOthersError as error:
            # The config file is always what the cluster has, where a config can say that.
            route = dict(error.route or {})
            _take_mirror_out(name, plan)
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
            with _deaf():
                project.say(f"shift: {report.failure}\nshift: going back to {shown(before)}")
                with suppress(OSError):
                    journal.note(name, failure=report.failure)
                _take_mirror_out(name, plan)
                go_back(name, before, quiet=not shows.verbose, why=report.failure)
    journal.remove(name)
    report.ended = time.time()
    return report


def _check(name: str, settings: Settings, plan: Plan) -> tuple[int, ...]:
    entry = journal.read(name)
    if entry is not None and entry.is_running:
        msg = f"a shift of {entry.plan.version} is running in process {entry.pid}"
        raise RolloutError(msg)
    if entry is not None:
        killed = f"a shift of {entry.plan.version} was killed. Go back from it first, or on with --resume"
        msg = f"{killed} in the place of --undo: {entry.mend(name)}"
        raise RolloutError(msg)
    if plan.version not in settings.versions:
        known = ", ".join(settings.versions)
        msg = f"stack {name} has no version {plan.version}, only {known}"
        raise RolloutError(msg)
    _check_mirror(name, settings, plan)
    try:
        steps = steps_from(settings.weights[plan.version], plan.steps)
        moved(settings.weights, plan.version, steps[0])
    except ValueError as error:
        raise RolloutError(str(error)) from error
    return steps


def _check_mirror(name: str, settings: Settings, plan: Plan) -> None:
    mirror, share = settings.mirror, settings.weights[plan.version]
    ours = config.is_ours(name)
    if plan.mirror is not None and not ours:
        where = "the mirror of this split stands in its program, which no command writes"
        msg = f"{where}: leave out --mirror-first"
        raise RolloutError(msg)
    if mirror is not None and (plan.mirror is not None or mirror.version == plan.version):
        mend = f"pulumi config rm --stack {name} {project.NAME}:mirror"
        msg = (
            f"the split of {name} mirrors requests to {mirror.version}, from which those of a shift could "
            f"not be told. Take that out first: {mend if ours else '`mirror` of its arguments, then run up'}"
        )
        raise RolloutError(msg)
    if plan.mirror is not None and share:
        msg = f"{plan.version} has {share} % of the traffic already: leave out --mirror-first"
        raise RolloutError(msg)


def _step(name: str, plan: Plan, share: int, report: Report, shows: View) -> None:
    settings = config.settings(name)
    weights = moved(settings.weights, plan.version, share)
    shows.moves(settings.weights, weights, share)
    config.write_weights(name, weights)
    cause = Cause.last_step if share == plan.steps[-1] else Cause.step
    stack.converge(name, cause, f"{plan.version} at {share} %", quiet=not shows.verbose)
    step = Step(share, time.time())
    report.steps.append(step)
    journal.note(name, judged_until=step.at + plan.pause)
    with live.connect(settings) as gateways:
        observe(name, plan, settings, weights, gateways, step, shows)
    shows.holds(step)


def _mirror(name: str, plan: Plan, seconds: float, report: Report, shows: View) -> None:
    """Copy the requests to the version, and judge its answers, which nobody gets."""
    before = report.before
    shows.moves(before, before, 0)
    config.write(name, {"mirror": {"version": plan.version}})
    stack.converge(name, Cause.step, f"copies to {plan.version}", quiet=not shows.verbose)
    step = Step(0, time.time())
    report.steps.append(step)
    settings = config.settings(name)
    with live.connect(settings) as gateways:
        observe(name, replace(plan, pause=seconds), settings, before, gateways, step, shows)
    shows.holds(step)
    # The `up` of the first step ends it.
    _take_mirror_out(name, plan)


def _take_mirror_out(name: str, plan: Plan) -> None:
    """Leave no mirror of the shift's own in the config; the next `up` ends it."""
    if plan.mirror is not None and "mirror" in config.raw(name):
        config.remove(name, "mirror")


def _traffic(name: str, settings: Settings, per_second: int | None) -> AbstractContextManager[None]:
    return sending(endpoint.of(name, settings), per_second) if per_second else nullcontext()


def _killed(name: str) -> journal.Entry:
    entry = journal.read(name)
    if entry is None:
        msg = f"no shift of stack {name} was killed; there is nothing to undo or resume"
        raise RolloutError(msg)
    if entry.is_running:
        msg = f"the shift of {entry.plan.version} still runs in process {entry.pid}; Ctrl-C there undoes it"
        raise RolloutError(msg)
    if not entry.concerns(splits.named()):
        msg = f"the shift that was killed is one of the split {entry.split}. Type: {entry.mend(name)}"
        raise RolloutError(msg)
    return entry


@contextmanager
def _interruptible() -> Generator[None]:
    """A pipeline that is cancelled and a terminal that is lost then mean what Ctrl-C means."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Under nohup a shift goes on.
    ends = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    with _handled(ends, interrupt):
        yield


def _deaf() -> AbstractContextManager[None]:
    """Let no second Ctrl-C leave the way back half done."""
    return _handled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)


@contextmanager
def _handled(signals: Iterable[signal.Signals], handler: _Handler) -> Generator[None]:
    before = {one: signal.signal(one, handler) for one in signals}
    try:
        yield
    finally:
        for one, was in before.items():
            signal.signal(one, was)
