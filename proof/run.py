"""Runs a change under load."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.labs import Program
from proof.result import Mark, Result
from proof.steps import Step
from proof.traffic import load


def under_load(
    program: Program,
    name: str,
    steps: Sequence[Step],
    *,
    rate: float,
    folder: Path,
    allowed: int = 0,
    promise: str = "no request fails",
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run the steps while the load goes on, and return what became of its requests.

    `tell` is called with the progress. A step that fails ends the change; the result then has its
    error and is not kept.
    """
    marks: list[Mark] = []
    error: str | None = None
    url = str(program.outputs()["url"])
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{''.join(c if c.isalnum() else '-' for c in name)}.csv"
    with load(url, rate, output, program.environment) as requests:
        for number, step in enumerate(steps, 1):
            tell(f"{name}: step {number} of {len(steps)}")
            marks.append(Mark(time.time(), "begins"))
            note = None
            try:
                note = step(program)
            except (AssertionError, subprocess.TimeoutExpired) as failure:
                error = str(failure)[-2000:]
                break
            finally:
                marks.append(Mark(time.time(), note or "ends"))
    return Result(name, allowed, promise, tuple(requests), tuple(marks), error)
