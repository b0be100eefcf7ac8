"""What others do by Docker to a node of Minikube is seen for what it is: a real Docker, a real Minikube."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.profile import cli, engine
from components.profile.errors import MinikubeError
from components.profile.profile import Profile
from tests.lab import subnets
from tests.lab.observe import wait
from tests.lab.second_lab import SecondLab

# A node alone, without Kubernetes on it, is all that Docker knows of.
START = ("start", "--profile=dev", "--driver=docker", "--cpus=2", "--memory=2048", "--no-kubernetes")


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecondLab]:
    """A lab with a node in its Docker; `docker` on PATH is the lab's."""
    made = SecondLab(tmp_path / "lab", subnets.OWN, tmp_path)
    try:
        made.run("up", "--docker")
        made.minikube(*START)
        monkeypatch.setenv("PATH", f"{made.layout.bin}{os.pathsep}{os.environ['PATH']}")
        yield made
    finally:
        made.run("down")


@pytest.mark.timeout(600)
def test_a_node_that_docker_pauses_loses_and_removes(second: SecondLab) -> None:
    lab = second.layout
    dev = Profile("dev", str(lab.bin / "minikube"), str(lab.minikube_home), str(lab.kubeconfig))

    second.docker("pause", "dev")
    assert cli.status(dev) == "Paused"
    engine.unpause(dev, ["dev"])
    assert state(second) == "running"

    second.run("exec", "--", "service", "docker", "stop")
    with pytest.raises(MinikubeError, match=r"^Docker is not running\. Start it: "):
        cli.status(dev)
    second.run("exec", "--", "service", "docker", "start")
    wait(lambda: second.docker("version", check=False).returncode == 0, "Docker answers")
    # Docker starts none that ran.
    assert cli.status(dev) == "Stopped"

    second.docker("rm", "--force", "dev")
    assert cli.status(dev) == "Broken"
    cli.delete(dev)
    assert cli.status(dev) == "Deleted"
    for kind in ("container", "volume", "network"):
        assert second.docker(kind, "ls", "--quiet", "--filter=name=dev").stdout == ""


def state(second: SecondLab) -> str:
    """How Docker has the node's container."""
    return second.docker("container", "inspect", "dev", "--format={{.State.Status}}").stdout.strip()
