"""Runs a change under load."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.labs import Program
from proof.result import Mark, Result
from proof.steps import Step, Theirs
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
    theirs: list[tuple[float, float]] = []
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
                noted = step(program)
                if isinstance(noted, Theirs):
                    theirs.append((noted.began, noted.ended))
                note = noted.note if isinstance(noted, Theirs) else noted
            except (AssertionError, subprocess.TimeoutExpired) as failure:
                error = str(failure)[-2000:]
                break
            finally:
                marks.append(Mark(time.time(), note or "ends"))
    return Result(name, allowed, promise, tuple(requests), tuple(marks), error, tuple(theirs))
