"""After a SIGKILL of `up`: the lock is cleared by `rollout`, and an `up` makes all whole again."""

import signal
from collections.abc import Iterator

import pytest

from harness.labs import Program
from proof.signals import at_work
from tests.lab.observe import BASE, VERSIONS, put_back, routed


@pytest.fixture(autouse=True, scope="module")
def as_found(program: Program) -> Iterator[None]:
    program.config(**BASE)
    program.up("--skip-preview")
    yield
    put_back(program)


def kill_while_it_waits(program: Program) -> None:
    """Starts an `up` to a version that never gets ready, and kills Pulumi while `up` waits for it."""
    program.config(
        versions={**VERSIONS, "v3": {"image": "janakiramm/myapp:missing"}},
        weights={"v1": 50, "v3": 50},
        convergence={"timeoutSeconds": 60},
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
