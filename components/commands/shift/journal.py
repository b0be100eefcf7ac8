"""What a shift has to remember if it is killed: one file beside the stack's config, gone when it ends."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import psutil

from ...pulumi_cli import project, splits
from ...settings.weights import shown
from .judge import Limits, Plan


@dataclass(frozen=True)
class Entry:
    """A shift that has begun and not ended.

    Attributes:
        plan: what was asked for; of its steps those still to come, the one that was begun first.
        before: the split from before the first step.
        pid: the process that shifts.
        started: when that process started, seconds since the epoch: a pid can be given anew.
        judged_until: when the judging of the step ends, seconds since the epoch; None: its `up` still runs.
        failure: why it goes back; None while it goes on.
        split: the split's name, as --split gave it; None: the stack has one alone.
    """

    plan: Plan
    before: Mapping[str, int]
    pid: int
    started: float
    judged_until: float | None = None
    failure: str | None = None
    split: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process that began it lives."""
        try:
            return psutil.Process(self.pid).create_time() == self.started
        except psutil.NoSuchProcess:
            return False

    def concerns(self, split: str | None) -> bool:
        """Whether it is of the split of a name; where none was given, the stack has one split alone."""
        return None in {self.split, split} or self.split == split

    def mend(self, stack: str) -> str:
        """Return the command that goes back from a shift that was killed; --resume for --undo goes on."""
        return f"blue-green shift --undo {splits.options_of(stack, self.split)}"

    def progress(self, now: float) -> str:
        """How far the shift is at a time, in words."""
        version, later = self.plan.version, self.plan.steps
        shift = "a shift" if self.split is None else f"a shift of {self.split}"
        move, at = f"copies requests to {version}", "by copies"
        if self.plan.mirror is None:
            step, *later = later
            move, at = f"moves {version} to {step} %", f"at {step} %"
        if self.failure is not None:
            return f"{shift} goes back to {shown(self.before)}: {self.failure}"
        then = f"; then {', '.join(f'{share} %' for share in later)}" if later else ""
        if self.judged_until is None:
            return f"{shift} {move}{then}"
        left = max(0, math.ceil(self.judged_until - now))
        return f"{shift} judges {version} {at}, {left} s left{then}"


def entry(plan: Plan, before: Mapping[str, int]) -> Entry:
    """Return an entry of this process."""
    return Entry(plan, before, os.getpid(), psutil.Process().create_time(), split=splits.named())


def read(stack: str) -> Entry | None:
    """Return the entry of a stack, if a shift of it has not ended."""
    try:
        fields = cast("dict[str, Any]", json.loads(_file(stack).read_text()))
    except FileNotFoundError:
        return None
    plan = cast("dict[str, Any]", fields.pop("plan"))
    plan |= {"steps": tuple(plan["steps"]), "limits": Limits(**plan["limits"])}
    return Entry(Plan(**plan), **fields)


def write(stack: str, what: Entry) -> None:
    """Keep the entry; the file is whole at any time."""
    file = _file(stack)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(asdict(what), indent=1))
    fresh.replace(file)


def note(stack: str, *, judged_until: float | None = None, failure: str | None = None) -> None:
    """Keep how far the step is, for whoever looks on."""
    found = read(stack)
    if found is not None:
        write(stack, replace(found, judged_until=judged_until, failure=failure))


def remove(stack: str) -> None:
    """Forget the entry."""
    _file(stack).unlink(missing_ok=True)


def killed(stack: str) -> Entry | None:
    """Return the entry of a shift of the chosen split that was killed."""
    found = read(stack)
    ours = found is not None and not found.is_running and found.concerns(splits.named())
    return found if ours else None


def remove_killed(stack: str) -> None:
    """Forget a killed shift of the chosen split: what it left behind was put right otherwise."""
    if killed(stack) is not None:
        remove(stack)


def _file(stack: str) -> Path:
    return project.folder() / f".rollout-{project.short(stack)}.json"
