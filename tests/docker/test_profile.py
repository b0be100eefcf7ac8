"""The Minikube profile with driver docker: a small program with one object on it."""

from collections.abc import Iterator

import pytest

from harness.labs import Lab, Program
from tests.docker.conftest import FOLDER, destroy, dev
from tests.lab.baseline import Baseline
from tests.lab.observe import wait
from tests.lab.test_minikube_resource import PROGRAM, note_uid, said_in_one_line


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[Baseline]:
    """The program; none of it is left for the next file."""
    program = dev(lab, "small")
    (program.folder / "__main__.py").unlink()
    (program.folder / "__main__.py").write_text(PROGRAM)
    yield Baseline(program, program.config_file.read_text(), FOLDER / "small.baseline")
    destroy(program)


@pytest.fixture
def up(made: Baseline) -> Program:
    """The program, up."""
    made.restore()
    return made.program


def test_a_node_that_docker_paused_goes_on(up: Program) -> None:
    note = note_uid(up)
    up.run("docker", "pause", "dev")
    up.up("--skip-preview")
    assert note_uid(up) == note


def test_a_cluster_that_minikube_paused_goes_on(up: Program) -> None:
    note = note_uid(up)
    up.run("minikube", "pause", "--profile", "dev")
    up.up("--skip-preview")
    assert note_uid(up) == note


def test_without_an_engine_up_says_what_to_type_and_with_it_again_goes_on(up: Program, lab: Lab) -> None:
    note = note_uid(up)
    service(lab, "stop")
    failed = up.up("--skip-preview", check=False)
    service(lab, "start")
    assert failed.returncode
    assert said_in_one_line(failed.stdout, "Docker is not running. Start it: Docker Desktop, or `sudo")
    assert "Traceback" not in failed.stdout + failed.stderr
    wait(lambda: up.run("docker", "version", check=False).returncode == 0, "Docker answers")
    up.up("--skip-preview")
    assert note_uid(up) == note


def service(lab: Lab, verb: str) -> None:
    """Stops or starts the lab's Docker."""
    lab.run("python", "-m", "lab", *lab.options, "exec", "--", "service", "docker", verb)
