"""After a SIGKILL of `up`: the lock is cleared by `rollout`, and an `up` makes all whole again."""

import re
import shlex
import signal
from contextlib import suppress

import psutil
import pytest

from harness.labs import Lab, Program
from harness.pace import pace
from proof.signals import at_work
from tests.lab.observe import BASE, PATIENT, VERSIONS, routed
from tests.lab.shop import second_stack

pytestmark = pytest.mark.usefixtures("base")


def kill_while_it_waits(program: Program) -> None:
    """Starts an `up` to a version that never gets ready, and kills Pulumi while `up` waits for it."""
    program.config(
        versions={**VERSIONS, "v3": {"image": "janakiramm/myapp:missing"}},
        weights={"v1": 50, "v3": 50},
        convergence=PATIENT,
    )
    with at_work(program, "myapp-ready updating") as engine:
        engine.kill()
    assert engine.returncode == -signal.SIGKILL


def test_rollout_clears_the_lock_of_a_killed_up_and_converges(program: Program) -> None:
    kill_while_it_waits(program)
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    program.config(**BASE)
    refused = program.up("--skip-preview", check=False)
    assert refused.returncode
    assert "pulumi cancel" in refused.stdout + refused.stderr
    program.config(weights={"v1": 20, "v2": 80})
    program.run("python", "-m", "rollout", "up", "--stack", program.stack)
    assert routed(program) == [({"v1": 20, "v2": 80},)]
    assert "v3" not in program.kubectl("get", "deployments", "-o", "name").stdout
    program.up("--skip-preview", "--expect-no-changes")


def test_plain_up_goes_on_after_pulumi_cancel(program: Program) -> None:
    kill_while_it_waits(program)
    program.config(**BASE)
    program.run("pulumi", "cancel", "--yes")
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 50},)]


def test_a_creation_that_was_killed_is_forgotten(program: Program, lab: Lab) -> None:
    """By `rollout up`, or after a plain `up` by the line that `verify` warns with; no process of it stays."""
    with second_stack(program, lab, "killed") as shop:
        for carry_on in ("rollout up", "pulumi up"):
            shop.config(versions={"v1": {"image": "janakiramm/myapp:missing"}}, weights={"v1": 100})
            with at_work(shop, "waiting, at most") as engine:
                started = psutil.Process(engine.pid).children(recursive=True)
                engine.kill()
            _, alive = psutil.wait_procs(
                [one for one in started if "pulumi.dynamic" in _command(one)], 10 * pace()
            )
            assert not alive
            shop.config(versions={"v1": {"image": "janakiramm/myapp:v1"}})
            if carry_on == "rollout up":
                said = shop.run("python", "-m", "rollout", "up", "--stack", shop.stack).stderr
                assert "an `up` was killed while it created shop-ready: this one goes on" in said
                assert "warning" not in verify(shop)
                shop.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
                continue
            shop.run("pulumi", "cancel", "--yes")
            shop.up("--skip-preview")
            (line,) = re.findall(
                r"^warning: .* while it created shop-ready; .*, type: (.*)$", verify(shop), re.MULTILINE
            )
            shop.run(*shlex.split(line))
            assert "warning" not in verify(shop)


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def verify(program: Program) -> str:
    return program.run("python", "-m", "rollout", "verify", "--stack", program.stack).stdout
