"""Going back through the real entry point: where to, what is written, at once, and when it cannot be."""

import json
import os
import shutil
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.history import record
from harness.labs import Program, said_until
from tests.lab.baseline import Baseline
from tests.lab.load import load
from tests.lab.observe import PATIENT, QUICK, get, routed, scale, wait

V1 = {"image": "janakiramm/myapp:v1"}
V2 = {"image": "janakiramm/myapp:v2"}
ROLLBACK = ("python", "-m", "rollout", "rollback")
# The same from a machine whose clock is five minutes late.
LATE = """
import runpy, time
now = time.time
time.time = lambda: now() - 300
runpy.run_module("rollout", run_name="__main__")
"""
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "full"},
    "spec": {"hard": {"pods": "0"}},
}


@pytest.fixture(scope="module")
def on_v2(baseline: Baseline) -> Baseline:
    return baseline.with_config(
        versions={"v1": V1, "v2": V2}, weights={"v1": 0, "v2": 100}, convergence=QUICK
    )


@dataclass(frozen=True)
class Remembered:
    """What there is to go back to: Pulumi's history of the stack, and what the VirtualService notes."""

    program: Program
    kept: Path
    splits: str

    @property
    def history(self) -> Path:
        """Where Pulumi's file backend has it."""
        _, project, name = self.program.checkpoint.parts[-3:]
        return self.program.checkpoint.parents[2] / "history" / project / name.removesuffix(".json")

    def put_back(self) -> None:
        """Forget what has come since."""
        shutil.rmtree(self.history)
        shutil.copytree(self.kept, self.history)
        metadata = {"name": "myapp", "annotations": {record.ANNOTATION: self.splits}}
        noted = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata}
        by = ("--server-side", "--force-conflicts", f"--field-manager={record.MANAGER}")
        self.program.apply(noted, options=by)


@pytest.fixture(scope="module")
def remembered(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Remembered:
    """50/50, then all on v1, then all on v2: three whole changes, made once."""
    up(program, versions={"v1": V1, "v2": V2}, weights={"v1": 50, "v2": 50}, convergence=PATIENT)
    for weights in ({"v1": 100, "v2": 0}, {"v1": 0, "v2": 100}):
        up(program, weights=weights, convergence=QUICK)
    annotations = get(program, "virtualservice", "myapp")["metadata"]["annotations"]
    kept = tmp_path_factory.mktemp("remembered") / "history"
    made = Remembered(program, kept, annotations[record.ANNOTATION])
    shutil.copytree(made.history, kept)
    return made


@pytest.fixture(autouse=True)
def all_on_v2(remembered: Remembered, on_v2: Baseline) -> None:
    """Every test begins with these three changes and nothing after them."""
    on_v2.restore()
    remembered.put_back()


def up(program: Program, **values: object) -> None:
    program.config(**values)
    program.up("--skip-preview")


def rollback(program: Program, *options: str) -> tuple[int, str]:
    done = program.run(*ROLLBACK, *options, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return done.returncode, said


def config_of(program: Program, key: str) -> Any:
    return json.loads(program.run("pulumi", "config", "get", f"blue-green:{key}").stdout)


def file(program: Program) -> str:
    return Path(program.folder, "Pulumi.lab.yaml").read_text()


def changes_nothing(program: Program) -> None:
    program.up("--skip-preview", "--expect-no-changes")


def test_rollback_goes_to_before_a_whole_shift_and_a_second_one_moves_nothing(program: Program) -> None:
    up(program, weights={"v1": 100, "v2": 0})
    # The stack's history may have shifts of other files.
    _, before = rollback(program, "--list")
    shift = ("python", "-m", "rollout", "shift", "v2", "--steps", "50,100", "--pause", "3")
    with load(str(program.outputs()["url"])):
        program.run(*shift, "--min-requests", "5", "--report", "rollback-reports")
    status, said = rollback(program)
    assert status == 0
    assert "Pulumi.lab.yaml: weights.v1: 0 → 100\nPulumi.lab.yaml: weights.v2: 100 → 0\n" in said
    assert "lab routes by v1 100 % again" in said
    assert said.splitlines()[-1].endswith("commit it, or the next deploy from Git goes forward again")
    assert routed(program) == [({"v1": 100},)]
    changes_nothing(program)

    status, said = rollback(program)
    assert status == 0
    assert "the last change was a rollback, so nothing was moved" in said
    assert "v1 50 %, v2 50 %" in said
    assert "can be served now" in said
    assert said.count("by a shift") <= before.count("by a shift")
    assert routed(program) == [({"v1": 100},)]


def test_rollback_brings_the_image_back_and_leaves_the_rest(program: Program) -> None:
    versions = {"v1": V1, "v2": {"image": "janakiramm/myapp:flaky", "env": {"A": "1"}}}
    up(program, versions=versions, convergence=PATIENT)
    status, said = rollback(program)
    assert status == 0
    assert "versions.v2.image: janakiramm/myapp:flaky → janakiramm/myapp:v2" in said
    assert "weights" not in said
    assert config_of(program, "versions") == {"v1": V1, "v2": {**V2, "env": {"A": "1"}}}
    changes_nothing(program)


def test_targeted_up_is_no_target(program: Program) -> None:
    versions = {"v1": V1, "v2": V2, "v3": {"image": "janakiramm/myapp:missing"}}
    program.config(versions=versions, weights={"v3": 100})
    program.up("--skip-preview", "--target", "**::myapp-service")
    status, said = rollback(program)
    assert (status, config_of(program, "weights")) == (0, {"v1": 0, "v2": 100, "v3": 0}), said


def test_rollback_after_an_up_that_failed_goes_to_what_was_proved(program: Program) -> None:
    versions = {"v1": V1, "v2": V2, "v3": {"image": "janakiramm/myapp:crash"}}
    program.config(versions=versions, weights={"v3": 100})
    assert program.up("--skip-preview", check=False).returncode != 0
    status, said = rollback(program)
    assert (status, config_of(program, "weights")) == (0, {"v1": 0, "v2": 100, "v3": 0}), said
    changes_nothing(program)


def test_target_that_cannot_be_served_is_passed_over_with_its_reason(program: Program) -> None:
    scale(program, "v1", 0)
    before = file(program)
    status, said = rollback(program)
    first = said.splitlines()[0]
    assert first == "rollback: 1: v1 100 % cannot be served now: deployment default/myapp-v1 is scaled to 0"
    assert status == 1
    assert file(program) == before
    scale(program, "v1", 1)
    status, said = rollback(program, "--to", "2")
    assert status == 0
    assert "lab routes by v1 50 %, v2 50 % again" in said


@contextmanager
def no_room(program: Program) -> Generator[None]:
    """A quota that lets no pod start. Kubernetes tries a refused one ever later, so it begins anew."""
    with program.applied(QUOTA):
        yield
    program.kubectl("delete", "replicasets", "-l", "app=myapp,version=v1")
    program.kubectl("rollout", "status", "deployment/myapp-v1")


def test_rollback_that_fails_before_traffic_moved_says_why_and_leaves_the_config(program: Program) -> None:
    up(program, versions={"v1": {"image": "janakiramm/myapp:flaky"}, "v2": V2})
    before = file(program)
    with no_room(program), program.begin(*ROLLBACK) as running:
        said = said_until(running, "exceeded quota")
        rest, _ = running.communicate()
    assert running.returncode == 1
    assert "traffic has not moved, and Pulumi.lab.yaml is as it was" in said + rest
    assert file(program) == before
    assert routed(program) == [({"v2": 100},)]


def test_one_interrupt_ends_a_long_wait(program: Program) -> None:
    up(program, versions={"v1": {"image": "janakiramm/myapp:flaky"}, "v2": V2}, convergence=PATIENT)
    before = file(program)
    with no_room(program), program.begin(*ROLLBACK) as running:
        said_until(running, "exceeded quota")
        began = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)
        running.communicate()
        # Long before the wait itself would be over.
        assert time.monotonic() - began < PATIENT["timeoutSeconds"] / 6
    assert running.returncode == 130
    assert file(program) == before
    assert "pending_operations" not in program.run("pulumi", "stack", "export").stdout


def test_now_moves_traffic_first_and_the_next_up_changes_nothing(program: Program) -> None:
    with load(str(program.outputs()["url"])) as answers:
        status, said = rollback(program, "--now")
    assert status == 0
    assert (
        "rollback: v2 100 % → v1 100 %\nrollback: traffic is back: every gateway routes by v1 100 %" in said
    )
    assert said.splitlines()[-1].endswith("commit it, or the next deploy from Git goes forward again")
    assert [answer for answer in answers if not answer.ok] == []
    assert config_of(program, "weights") == {"v1": 100, "v2": 0}
    changes_nothing(program)
    assert rollback(program)[1].startswith("the last change was a rollback")
    listed = json.loads(program.run(*ROLLBACK, "--now", "--list", "-o", "json").stdout)["splits"]
    assert (listed[0]["weights"], listed[0]["servable"]) == ({"v1": 50, "v2": 50}, True)


def test_now_refuses_a_version_that_no_gateway_can_reach(program: Program) -> None:
    scale(program, "v1", 0)
    status, said = rollback(program, "--now", "--to", "1")
    assert status == 1
    assert "1: v1 100 % cannot be served now" in said
    assert routed(program) == [({"v2": 100},)]
    scale(program, "v1", 1)


def test_now_with_a_config_that_has_mistakes_moves_traffic_and_leaves_the_file(program: Program) -> None:
    program.config(weights={"v1": 50, "v2": 49})
    before = file(program)
    status, said = rollback(program, "--now")
    assert status == 1
    assert "Traffic is back at v1 100 %, and Pulumi's state does not have it yet" in said
    assert "blue-green:weights: they add up to 99, not 100" in said
    assert file(program) == before
    assert routed(program) == [({"v1": 100},)]
    program.config(weights={"v1": 100, "v2": 0})
    preview = program.preview("--json").stdout
    changed = {s["urn"].rpartition("::")[2] for s in json.loads(preview)["steps"] if s["op"] == "update"}
    assert "myapp-virtualservice" not in changed


def test_up_that_runs_meanwhile_stops_before_its_write(program: Program) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late"}, "stringData": {"key": "1"}}
    late = {**V2, "env": {"LATE": {"secret": "late", "key": "key"}}}
    program.config(versions={"v1": V1, "v2": V2, "v3": late}, weights={"v3": 100}, convergence=PATIENT)
    with program.begin("pulumi", "up", "--yes", "--skip-preview", "--non-interactive") as moving:
        said_until(moving, 'secret "late" not found')
        with program.begin("python", "-c", LATE, "rollback", "--now") as going_back:
            said = said_until(going_back, "watching the `up` of process")
            assert routed(program) == [({"v1": 100},)]
            with program.applied(secret):
                stopped, _ = moving.communicate()
                rest, _ = going_back.communicate()
    assert moving.returncode != 0
    assert "Traffic was rolled back to v1 100 %" in stopped
    assert "Traceback" not in stopped
    assert (going_back.returncode, "traffic is back" in rest) == (0, True), said + rest
    assert routed(program) == [({"v1": 100},)]
    assert config_of(program, "weights") == {"v1": 100, "v2": 0, "v3": 0}
    wait(lambda: len(get(program, "pods", "-l", "version=v3")["items"]) >= 1, "v3 stays deployed")
