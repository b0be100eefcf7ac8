"""What a shift shows while it goes on: one live table on a terminal, two lines a stage in a log."""

import math
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ...observation.latency import Latency
from ...observation.traffic import Served
from ...pulumi_cli.project import say
from ...settings.weights import Weights, shown
from .judge import Plan
from .report import Step


class View(Protocol):
    """Where a shift tells how far it is."""

    verbose: bool

    def moves(self, before: Weights, after: Weights, share: int) -> None:
        """The `up` of a stage begins."""

    def judges(self, step: Step, left: float) -> None:
        """Another second of a stage, of which so many seconds are left."""

    def holds(self, step: Step) -> None:
        """A stage stands."""


class Log:
    """Lines on standard error; with `verbose`, one a second, beside all that Pulumi says."""

    def __init__(self, version: str, *, verbose: bool) -> None:
        self.verbose = verbose
        self._version = version

    def moves(self, before: Weights, after: Weights, share: int) -> None:
        """The `up` of a stage begins."""
        if share:
            say(f"shift: {shown(before)} → {shown(after)}")
        else:
            say(f"shift: {self._version} gets copies of the requests")

    def judges(self, step: Step, left: float) -> None:
        """Another second of a stage."""
        if self.verbose and left > 0:
            say(f"shift: {self._version} {step.name}: {counted(step, self._version)}, {left:.0f} s left")

    def holds(self, step: Step) -> None:
        """A stage stands."""
        say(f"shift: {self._version} {step.name} holds: {counted(step, self._version)}")


class Screen:
    """One live table on a terminal."""

    verbose = False

    def __init__(self, plan: Plan) -> None:
        self._version = plan.version
        stages = plan.steps if plan.mirror is None else (0, *plan.steps)
        self._states = dict.fromkeys(stages, "")
        self._counts = dict.fromkeys(stages, "")
        self._moving: tuple[int, float] | None = None

    def moves(self, before: Weights, after: Weights, share: int) -> None:  # noqa: ARG002
        """The `up` of a stage begins."""
        self._moving = (share, time.monotonic())

    def judges(self, step: Step, left: float) -> None:
        """Another second of a stage."""
        self._moving = None
        self._states[step.share] = f"{math.ceil(left)} s left" if left > 0 else ""
        self._counts[step.share] = counted(step, self._version)

    def holds(self, step: Step) -> None:
        """A stage stands."""
        self._states[step.share] = "holds"

    def __rich__(self) -> Table:
        """The table at this moment."""
        if self._moving is not None:
            share, began = self._moving
            self._states[share] = f"`pulumi up`, {time.monotonic() - began:.0f} s"
        table = Table(box=None, pad_edge=False)
        table.add_column(self._version, justify="right")
        table.add_column("")
        table.add_column("")
        for share, state in self._states.items():
            table.add_row(f"{share} %" if share else "mirror", state, self._counts[share])
        return table


@contextmanager
def view(plan: Plan, *, verbose: bool) -> Generator[View]:
    """Show a shift until the block ends."""
    if verbose or not sys.stderr.isatty():
        yield Log(plan.version, verbose=verbose)
        return
    screen = Screen(plan)
    with Live(console=Console(stderr=True), get_renderable=lambda: screen.__rich__(), refresh_per_second=4):
        yield screen


def counted(step: Step, version: str) -> str:
    """What a version has served in a step, in words."""
    ours = step.served.get(version, Served())
    times = step.latency.get(version, Latency())
    p99 = f", p99 {times.shown(0.99)} ms" if times.requests else ""
    return f"{ours.requests} requests, {ours.errors} failed{p99}"
