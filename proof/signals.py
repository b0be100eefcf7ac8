"""An `up` that is ended from outside, and what a user does then."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from proof.steps import HALF, IMAGES, Step, to
from tests.lab.harness import Program

UP = ("pulumi", "up", "--yes", "--non-interactive")
THREE = {"v1": 20, "v2": 50, "v3": 30}
# So many of the kills must hit an `up` that was still at work; a quick one may end before.
HIT_SHARE = 0.75


def interrupted(program: Program) -> None:
    """Interrupt an `up` as Ctrl-C does, then let another one supersede it."""
    program.config(weights={"v1": 0, "v2": 100})
    with subprocess.Popen(
        UP,
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout or ():
            if "updating" in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate()
    program.config(weights={"v1": 70, "v2": 30})
    program.up()


def killed(points: int) -> tuple[Step, ...]:
    """Return steps that kill an `up` at points spread evenly over the time that one was measured to take.

    By turns it adds v3 with traffic and takes it away. Only Pulumi itself is killed, as by a lack of
    memory: its plugins learn of it by themselves. `rollout up` then carries on, with nothing done
    by hand, and the split is what the config says. The last step fails if too few kills met an `up`.
    """
    seconds: list[float] = []
    hits: list[bool] = []

    def measured(program: Program) -> None:
        for change in (_three, _two):
            started = time.monotonic()
            change(program)
            seconds.append(time.monotonic() - started)

    def killed_at(point: int) -> Step:
        def step(program: Program) -> None:
            _configure(program, THREE if point % 2 else HALF)
            hits.append(_killed_after(program, min(seconds) * point / (points + 1)))
            program.run(sys.executable, "-m", "rollout", "up", "--stack", program.stack)
            weights = program.outputs()["weights"]
            if weights != (THREE if point % 2 else HALF):
                raise AssertionError(f"killed at point {point}, then carried on: the split is {weights}")

        return step

    def enough_hits(_program: Program) -> None:
        if sum(hits) < HIT_SHARE * points:
            raise AssertionError(f"only {sum(hits)} of {points} kills met an `up` that was at work")

    return (measured, *(killed_at(point) for point in range(1, points + 1)), enough_hits, _two)


def _configure(program: Program, weights: dict[str, int]) -> None:
    program.config(versions={name: IMAGES[name] for name in weights}, weights=weights)


_two = to(HALF, ("v1", "v2"))
_three = to(THREE, ("v1", "v2", "v3"))


def _killed_after(program: Program, seconds: float) -> bool:
    """Kill an `up` after so many seconds; return whether it was still at work."""
    with subprocess.Popen(
        UP,
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return False
        process.kill()
        process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        return True
