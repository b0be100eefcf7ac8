"""The Minikube profile with driver docker: a small program with one object on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs import Lab, Program
from tests.docker.conftest import FOLDER, destroy, dev
from tests.lab.baseline import Baseline
from tests.lab.observe import wait
from tests.machine.test_minikube_resource import PROGRAM, note_uid, said_in_one_line


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


def test_a_node_whose_address_a_vpn_took_is_told_and_with_it_back_goes_on(up: Program, lab: Lab) -> None:
    note, taken = note_uid(up), ("blackhole", f"{up.outputs()['address']}/32")
    lab.inside("ip", "route", "add", *taken)
    failed = up.up("--skip-preview", check=False)
    lab.inside("ip", "route", "delete", *taken)
    assert failed.returncode
    assert said_in_one_line(failed.stdout, "This machine does not reach the node of dev at ")
    assert said_in_one_line(failed.stdout, "minikube delete --profile dev && pulumi up")
    up.up("--skip-preview")
    assert note_uid(up) == note


def test_a_newer_kubernetes_than_the_config_has_is_told_and_kept(up: Program) -> None:
    """As another Minikube left it: Minikube itself does not go back."""
    note = note_uid(up)
    config = Path(up.environment["MINIKUBE_HOME"]) / "profiles" / "dev" / "config.json"
    text = config.read_text()
    up.run("minikube", "stop", "--profile", "dev")
    config.write_text(text.replace('"v1.35.1"', '"v1.35.9"'))
    failed = up.up("--skip-preview", check=False)
    config.write_text(text)
    assert failed.returncode
    assert said_in_one_line(
        failed.stdout, "The cluster's Kubernetes is newer than the one asked for. Write that"
    )
    up.up("--skip-preview")
    assert note_uid(up) == note


def service(lab: Lab, verb: str) -> None:
    """Stops or starts the lab's Docker."""
    lab.inside("service", "docker", verb)
