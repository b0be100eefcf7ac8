"""What becomes of a profile whose containers others pause or remove by Docker, and of its second node."""

import json
import socket
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from components.profile import cli as minikube_cli
from components.profile.errors import MinikubeError
from tests.unit.fake_minikube import RUNNING, FakeMinikube, passed_on
from tests.unit.loopback import served
from tests.unit.test_minikube_profile import PROPS, PROVIDER, STATE, existing_profile, note, seen


@pytest.fixture(autouse=True)
def said_anew() -> None:
    """What is said once is said once in each test."""
    minikube_cli.say_once.cache_clear()


def test_a_profile_whose_container_was_removed_is_broken_and_made_anew(minikube: FakeMinikube) -> None:
    """A plain start would take the old volume, and end minutes later without an API server."""
    for said in ("Error: No such container: dev", "Error response from daemon: No such container: dev"):
        minikube.answers("status", "null", status=7, error=passed_on(said))
        note()
        assert seen() == "Broken"
    PROVIDER.create(dict(PROPS))
    assert minikube.calls() == ["delete", "start"]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Docker is not running"),
        ("failed to connect to the docker API at unix:///var/run/docker.sock", "Docker is not running"),
        (
            "Got permission denied while trying to connect to the Docker daemon socket at unix:///run/x",
            "You may not use Docker. Type: sudo usermod",
        ),
    ],
)
def test_a_docker_that_does_not_answer_is_an_error_with_the_remedy(
    minikube: FakeMinikube, said: str, says: str
) -> None:
    minikube.answers("status", "null", status=7, error=passed_on(said))
    note()
    with pytest.raises(MinikubeError, match=says):
        seen()


PAUSED = {"Name": "dev", "Host": "Paused", "Kubelet": "Paused", "APIServer": "Paused"}
WORKER = {"Name": "dev-m02", "Host": "Running", "Kubelet": "Running", "APIServer": "Irrelevant"}


def docker(minikube: FakeMinikube, *lines: str) -> None:
    """A `docker` on PATH that runs these lines."""
    program = minikube.folder / "bin" / "docker"
    program.write_text("\n".join(["#!/bin/sh", *lines]))
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("after", "calls"),
    [(RUNNING, ["docker-unpause"]), (RUNNING | {"APIServer": "Paused"}, ["docker-unpause", "unpause"])],
)
def test_update_lets_a_machine_go_on_that_docker_has_paused(
    minikube: FakeMinikube, after: dict[str, str], calls: list[str]
) -> None:
    """And Kubernetes too, where Minikube had paused it before."""
    existing_profile()
    minikube.answers("status", json.dumps([PAUSED, WORKER]), status=7)
    docker(
        minikube,
        f"cd {minikube.folder}; [ \"$*\" = 'unpause dev' ] || exit 1; echo docker-unpause >>calls",
        f"echo '{json.dumps([after, WORKER])}' >status.out",
    )
    note()
    assert seen() == "Paused"
    PROVIDER.update("dev", STATE | {"status": "Paused"}, dict(PROPS))
    assert minikube.calls() == calls


def test_a_docker_that_does_not_let_a_machine_go_on_is_quoted(minikube: FakeMinikube) -> None:
    existing_profile()
    minikube.answers("status", json.dumps(PAUSED), status=7)
    docker(minikube, "echo 'no room' >&2; exit 1")
    with pytest.raises(MinikubeError, match="`docker unpause dev` failed: no room"):
        PROVIDER.update("dev", STATE | {"status": "Paused"}, dict(PROPS))


def test_a_paused_machine_of_another_driver_is_started(minikube: FakeMinikube) -> None:
    existing_profile(Driver="virtualbox")
    minikube.answers("status", json.dumps(PAUSED), status=7)
    PROVIDER.update("dev", STATE | {"status": "Stopped"}, dict(PROPS))
    assert minikube.calls() == ["start"]


def test_docker_desktops_missing_way_to_the_node_is_told(
    minikube: FakeMinikube, capfd: pytest.CaptureFixture[str]
) -> None:
    PROVIDER.create(dict(PROPS))
    assert capfd.readouterr().err == ""
    minikube.serves_at("https://127.0.0.1:32771")
    PROVIDER.create(dict(PROPS))
    said = capfd.readouterr().err
    assert "does not reach the node's address" in said
    assert "minikube tunnel --profile dev; and set istio.gateway.serviceType: LoadBalancer. Or" in said


# What Minikube says of a container that it cannot reach, and of one that does not answer it.
UNANSWERED = "E1126 1:2:3.4 5 status.go:178] status error: ssh: handshake failed: connection reset by peer\n"


def test_a_node_whose_address_a_vpn_took_is_told_and_not_started(minikube: FakeMinikube) -> None:
    existing_profile()
    minikube.answers("status", "null", status=7, error=UNANSWERED)
    # No machine makes a connection to such an address.
    minikube.serves_at("https://224.0.0.1:8443")
    note()
    with pytest.raises(MinikubeError, match=r"does not reach the node of dev at 224\.0\.0\.1 \(.*\[subnet="):
        seen()
    with pytest.raises(MinikubeError, match=r"minikube delete --profile dev && pulumi up$"):
        PROVIDER.update("dev", STATE | {"status": "Stopped"}, dict(PROPS))
    assert minikube.calls() == []


def test_a_node_that_is_reached_and_does_not_answer_is_told_in_minikubes_words(
    minikube: FakeMinikube,
) -> None:
    existing_profile()
    minikube.answers("status", "null", status=7, error=UNANSWERED)
    note()
    with socket.socket() as bound:
        # It has the port, and takes no connection.
        bound.bind(("127.0.0.1", 0))
        minikube.serves_at(f"https://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(MinikubeError, match=r"Minikube says: .*handshake failed"):
            seen()


def cluster_of(*nodes: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    """An API server whose list of nodes has one state of them after the other, and the last one for ever."""
    answers = [{"items": [node, {"metadata": {"name": "dev"}, "status": READY}]} for node in nodes]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/api/v1/nodes"
            body = json.dumps(answers.pop(0) if len(answers) > 1 else answers[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    return Handler


READY: dict[str, Any] = {"conditions": [{"type": "Ready", "status": "True"}]}
UNREADY: dict[str, Any] = {
    "conditions": [{"type": "Ready", "status": "False", "message": "cni plugin not initialized"}]
}


def second(status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "dev-m02"}, "status": status}


def test_a_node_that_is_not_ready_fails_with_its_own_reason(
    minikube: FakeMinikube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next `up` asks again, and makes no new cluster."""
    monkeypatch.setattr(minikube_cli, "NODES_SECONDS", 0)
    with served(cluster_of(second(UNREADY))) as url:
        minikube.serves_at(url)
        for _ in range(2):
            with pytest.raises(MinikubeError, match="node dev-m02 is not ready: cni plugin not initialized"):
                PROVIDER.create(PROPS | {"nodes": 2.0})
            minikube.is_running()
    assert minikube.calls() == ["start", "start"]


def test_nodes_are_waited_for(minikube: FakeMinikube, capfd: pytest.CaptureFixture[str]) -> None:
    with served(cluster_of(second({}), second(UNREADY), second(READY))) as url:
        minikube.serves_at(url)
        PROVIDER.create(PROPS | {"nodes": 2.0})
    assert capfd.readouterr().err.splitlines() == [
        "minikube dev: node dev-m02 is not ready: its kubelet has not said so",
        "minikube dev: node dev-m02 is not ready: cni plugin not initialized",
    ]
