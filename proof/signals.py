"""An `up` that is ended from outside, and what a user does then."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psutil

from harness.labs import Program, said_until
from proof.steps import HALF, IMAGES, Step, to

UP = ("pulumi", "up", "--yes", "--non-interactive")
THREE = {"v1": 20, "v2": 50, "v3": 30}
# So many of the kills must hit an `up` that was still at work; a quick one may end before.
HIT_SHARE = 0.75


def interrupted(program: Program) -> None:
    """Interrupt an `up` as Ctrl-C does, then let another one supersede it."""
    program.config(weights={"v1": 0, "v2": 100})
    with at_work(program) as process:
        process.send_signal(signal.SIGINT)
    program.config(weights={"v1": 70, "v2": 30})
    program.up("--skip-preview")


@contextmanager
def at_work(program: Program, sign: str = " updating ", *options: str) -> Generator[subprocess.Popen[str]]:
    """Start an `up`, run the block once it prints the sign of a change, and wait for its end.

    Raises AssertionError if the `up` ends without such a sign.
    """
    with program.begin(*UP, "--skip-preview", *options) as process:
        said_until(process, sign)
        yield process
        process.communicate()


def killed(points: int) -> tuple[Step, ...]:
    """Return steps that kill an `up` at points spread evenly over the time that one was measured to take.

    By turns it adds v3 with traffic and takes it away; by turns the signal goes to Pulumi alone, as
    for a lack of memory, and to its plugins as well. `rollout up` then carries on, with nothing done
    by hand, and the split is what the config says. The last step fails if too few kills met an `up`.
    """
    seconds: dict[bool, float] = {}
    hits: list[bool] = []

    def measured(program: Program) -> None:
        for adds, weights in ((True, THREE), (False, HALF)):
            program.config(versions={name: IMAGES[name] for name in weights}, weights=weights)
            started = time.monotonic()
            # With a preview, as those that are killed.
            program.up()
            seconds[adds] = time.monotonic() - started

    def killed_at(point: int) -> Step:
        adds, plugins_too = point % 2 == 1, point % 4 >= 2
        weights = THREE if adds else HALF

        def step(program: Program) -> str:
            program.config(versions={name: IMAGES[name] for name in weights}, weights=weights)
            share = point / (points + 1)
            with _killed_after(program, seconds[adds] * share, plugins_too=plugins_too) as met:
                hits.append(met is not None)
                program.run(sys.executable, "-m", "rollout", "up", "--stack", program.stack)
            if (is_now := program.outputs()["weights"]) != weights:
                raise AssertionError(f"killed at point {point}, then carried on: the split is {is_now}")
            whom = "Pulumi and its plugins" if plugins_too else "Pulumi"
            return f"{whom} killed after {share:.0%} of an up: {met or 'it had ended'}"

        return step

    def enough_hits(_program: Program) -> str:
        met = f"{sum(hits)} of {points} kills met an `up` that was at work"
        if sum(hits) < HIT_SHARE * points:
            raise AssertionError(f"only {met}")
        return met

    return (measured, *(killed_at(point) for point in range(1, points + 1)), enough_hits, _two)


_two = to(HALF, ("v1", "v2"))


@contextmanager
def _killed_after(program: Program, seconds: float, *, plugins_too: bool) -> Generator[str | None]:
    """Kill an `up` after so many seconds; yields what it was at, or None if it had ended.

    What is left of it at the end of the block is ended.
    """
    log = program.folder / "killed.json"
    log.unlink(missing_ok=True)
    with subprocess.Popen(
        (*UP, "--event-log", str(log)),
        cwd=program.folder,
        # The engine's event log is one of Pulumi's options for debugging.
        env={**program.environment, "PULUMI_DEBUG_COMMANDS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        met = None
        # Each plugin has a process group of its own, and lives on for minutes without its engine.
        plugins: list[psutil.Process] = []
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            plugins = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            if plugins_too:
                _end(plugins)
            process.wait()
            met = under_way(log)
        try:
            yield met
        finally:
            _end(plugins)


def _end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes)


def under_way(log: Path) -> str:
    """Tell from the engine's event log, which may end in the middle of a line, what was under way."""
    phase, begun = "before the engine", dict[str, str]()
    for line in log.read_text().splitlines() if log.exists() else ():
        try:
            event = cast("dict[str, Any]", json.loads(line))
        except json.JSONDecodeError:
            break
        if "preludeEvent" in event:
            phase, begun = "preview" if phase == "before the engine" else "update", {}
        elif started := event.get("resourcePreEvent"):
            begun[started["metadata"]["urn"]] = started["metadata"]["op"]
        elif ended := event.get("resOutputsEvent") or event.get("resOpFailedEvent"):
            begun.pop(ended["metadata"]["urn"], None)
    steps = [f"{op} {urn.rpartition('::')[2]}" for urn, op in begun.items() if op != "same"]
    return ": ".join(filter(None, (phase, ", ".join(steps))))
