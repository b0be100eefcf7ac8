"""What a shift has to remember if it is killed: one file beside the stack's config, gone when it ends."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import psutil

from rollout import project


@dataclass(frozen=True)
class Entry:
    """A shift that has begun and not ended.

    Attributes:
        version: which version gets the traffic.
        before: the split from before the first step.
        steps: the percentages still to come, the one that was begun first.
        reached: the version's last percentage that was asked for.
        pid: the process that shifts.
        started: when that process started, seconds since the epoch: a pid can be given anew.
    """

    version: str
    before: Mapping[str, int]
    steps: tuple[int, ...]
    reached: int
    pid: int
    started: float

    @property
    def is_running(self) -> bool:
        """Whether the process that began it lives."""
        try:
            return psutil.Process(self.pid).create_time() == self.started
        except psutil.NoSuchProcess:
            return False


def entry(version: str, before: Mapping[str, int], steps: tuple[int, ...], reached: int) -> Entry:
    """Return an entry of this process."""
    return Entry(version, before, steps, reached, os.getpid(), psutil.Process().create_time())


def read(stack: str) -> Entry | None:
    """Return the entry of a stack, if a shift of it has not ended."""
    try:
        fields = cast("dict[str, Any]", json.loads(_file(stack).read_text()))
    except FileNotFoundError:
        return None
    fields["steps"] = tuple(fields["steps"])
    return Entry(**fields)


def write(stack: str, what: Entry) -> None:
    """Keep the entry; the file is whole at any time."""
    file = _file(stack)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(asdict(what), indent=1))
    fresh.replace(file)


def remove(stack: str) -> None:
    """Forget the entry."""
    _file(stack).unlink(missing_ok=True)


def _file(stack: str) -> Path:
    return project.folder() / f".rollout-{stack}.json"
