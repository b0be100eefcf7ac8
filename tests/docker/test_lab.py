"""A lab with Docker is away without a trace after `lab down`, whatever runs in its Docker."""

from pathlib import Path

import pytest

from lab import network
from tests.lab import subnets
from tests.lab.second_lab import Machine, SecondLab, differences, living, machine, second_lab, survivors


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The machine without the second lab."""
    folder = tmp_path_factory.mktemp("before")
    return machine(SecondLab(folder, subnets.OWN, folder))


def test_nothing_of_docker_stays(tmp_path: Path, before: Machine) -> None:
    second = second_lab(tmp_path)
    try:
        second.run("up", "--docker")
        containers = second.layout.halves[1]
        assert containers in network.networks()[second.layout.link]
        second.docker("network", "create", f"--subnet={containers}", "dev")
        second.docker("volume", "create", "dev")
        node = ("--detach", "--privileged", "--network=dev", "--volume=dev:/var", "--entrypoint=/bin/sleep")
        second.docker("run", *node, "blue-green/node:lab", "1000000")
        # Where it is up, `up` changes nothing, and knows that there is a Docker.
        second.run("up")
        were = living(second)
    finally:
        second.run("down")
    assert survivors(were, second) == []
    assert differences(before, machine(second)) == []
    assert containers not in [one for networks in network.networks().values() for one in networks]
    assert not second.folder.exists()
    assert list(second.home.iterdir()) == []


def test_a_docker_that_ended_is_started_again(tmp_path: Path) -> None:
    second = SecondLab(tmp_path / "lab", subnets.OWN, tmp_path)
    try:
        second.run("up", "--docker")
        second.run("exec", "--", "service", "docker", "stop")
        assert second.docker("version", check=False).returncode
        second.run("up")
        assert "blue-green/node" in second.docker("image", "ls").stdout
    finally:
        second.run("down")
