"""The whole stack `dev`, begun by `make up STACK=dev` in a clone, with real tools on PATH, and its life."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import yaml

from components.observation.answers import ask
from harness.clones import stack_dev
from harness.labs import Lab, Program
from harness.pace import pace
from tests.docker.conftest import FOLDER, destroy
from tests.lab.baseline import Baseline
from tests.lab.load import load
from tests.machine.test_minikube_resource import killed_in_a_start

pytestmark = pytest.mark.timeout(900)

HOME = FOLDER / "stack"
CLONE = HOME / "clone"


@pytest.fixture(scope="module")
def shell(lab: Lab) -> dict[str, str]:
    """The environment of a user who has Docker and the three tools."""
    shutil.rmtree(HOME, ignore_errors=True)
    # Another file's, or on a kept lab that of another run.
    lab.run("minikube", "delete", "--profile", "dev")
    return stack_dev(HOME, lab)


@pytest.fixture(scope="module")
def first(shell: dict[str, str]) -> str:
    """What `make up STACK=dev` says."""
    return typed("make up STACK=dev", shell)


@pytest.fixture(scope="module")
def made(first: str, shell: dict[str, str]) -> Iterator[Baseline]:
    """The stack after that, and the shell that `make env` sets up for it."""
    assert first
    pairs = typed('eval "$(make -s env STACK=dev)" && env -0', shell).split("\0")
    environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    program = Program(CLONE, "dev", environment)
    yield Baseline(program, program.config_file.read_text(), HOME / "baseline")
    destroy(program)


@pytest.fixture
def dev(made: Baseline) -> Program:
    """The stack, up."""
    made.restore()
    return made.program


@pytest.fixture
def there(made: Baseline) -> Program:
    """The stack, whatever it is like, with the config of its beginning."""
    made.program.config_file.write_text(made.config)
    return made.program


def typed(script: str, environment: dict[str, str]) -> str:
    """Type a line into a shell in the clone; what it said."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CLONE,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280 * pace(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def verified(program: Program) -> str:
    return program.run("python", "-m", "rollout", "verify", "--stack", "dev").stdout


def answers(program: Program) -> set[str]:
    """Who answers, each of a hundred requests by itself; none may fail."""
    asked = list(itertools.islice(ask(str(program.outputs()["url"])), 100))
    assert [answer for answer in asked if not answer.ok] == []
    return {answer.text for answer in asked}


def identity(program: Program) -> str:
    """Of the cluster: another one, if it was made anew."""
    return program.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}").stdout


def cluster(program: Program) -> dict[str, Any]:
    return yaml.safe_load(program.config_file.read_text())["config"]["blue-green:cluster"]


def test_make_up_takes_the_tools_of_path_and_compiles_nothing(first: str, made: Baseline) -> None:
    for name in ("pulumi", "minikube", "kubectl"):
        assert f"{name}: {HOME / 'user' / 'bin' / name}, from PATH" in first
    assert "compiling" not in first
    assert not (HOME / "user" / "cache").exists()
    assert f"The app is at {made.program.outputs()['url']}. What next:" in first


def test_it_is_what_its_config_says_and_a_second_up_changes_nothing(dev: Program) -> None:
    assert "is what its config says" in verified(dev)
    assert answers(dev) == {"V1", "vNext"}
    dev.up("--skip-preview", "--expect-no-changes")


def test_a_move_of_all_traffic_drops_no_request(dev: Program) -> None:
    dev.config(weights={"v1": 0, "v2": 100})
    with load(str(dev.outputs()["url"])) as sent:
        dev.up("--skip-preview")
    assert [answer for answer in sent if not answer.ok] == []
    assert answers(dev) == {"vNext"}


def test_a_stopped_container_is_started_again_with_all_that_is_on_it(dev: Program) -> None:
    was = identity(dev)
    dev.run("docker", "stop", "dev")
    dev.up("--skip-preview")
    assert identity(dev) == was
    assert answers(dev) == {"V1", "vNext"}


def test_a_removed_container_is_made_anew_with_the_mesh_and_the_app(dev: Program) -> None:
    was = identity(dev)
    dev.run("docker", "rm", "--force", "dev")
    dev.up("--skip-preview")
    assert identity(dev) != was
    assert answers(dev) == {"V1", "vNext"}


def test_more_memory_and_a_mount_need_a_new_cluster(dev: Program) -> None:
    was = identity(dev)
    notes = HOME / "notes"
    notes.mkdir()
    (notes / "note").write_text("from this machine")
    dev.config(cluster=cluster(dev) | {"memory": 6144, "mount": f"{notes}:/mnt/notes"})
    assert "memory 8192 to 6144" in dev.preview().stdout
    dev.up("--skip-preview")
    assert identity(dev) != was
    limit = dev.run("docker", "inspect", "dev", "--format={{.HostConfig.Memory}}").stdout
    assert int(limit) == 6144 << 20
    assert dev.run("docker", "exec", "dev", "cat", "/mnt/notes/note").stdout == "from this machine"
    assert answers(dev) == {"V1", "vNext"}


def test_destroy_leaves_nothing_and_a_killed_creation_is_forgotten(there: Program) -> None:
    destroy(there)
    assert json.loads(there.run("pulumi", "stack", "export").stdout)["deployment"].get("resources", []) == []
    for kind in (("container", "--all"), ("volume",), ("network",)):
        assert there.run("docker", kind[0], "ls", *kind[1:], "--quiet", "--filter=name=dev").stdout == ""
    assert there.kubectl("config", "get-contexts", "-o", "name").stdout == ""

    started, _ = killed_in_a_start(there, "dev")
    # Pulumi's own processes outlive it.
    for process in psutil.wait_procs(started, timeout=20 * pace())[1]:
        process.kill()
    said = there.run("python", "-m", "rollout", "up", "--stack", "dev").stderr
    assert "an `up` was killed while it created" in said
    assert "warning" not in verified(there)
    assert answers(there) == {"V1", "vNext"}
