"""Requests alone as evidence: what the answers' header proves, and what it does not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from components.commands.verify.requests import Sent, elsewhere
from components.commands.watch.board import Board, Reading
from components.errors import RolloutError
from components.gateway import convergence as proof
from components.gateway.chain import Split
from components.gateway.envoy import Target
from components.gateway.last_requests import wait_for_last_requests
from components.kubernetes.errors import NotConvergedError
from components.manifests import routes
from components.manifests.objects import objects
from components.observation import by_requests, requests_alone
from components.observation.answers import Answer
from components.observation.endpoint import Endpoint
from components.observation.live import Live
from components.observation.traffic import Counters, Served
from components.settings.model import App, Check, Routing
from components.settings.parse import parse
from components.split_proof import ConvergedProvider
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.loopback import served

WEIGHTS = {"v1": 50, "v2": 50, "v3": 0}
TARGET = Target("default", "shop", "shop")


def virtual_service(weights: dict[str, int]) -> dict[str, Any]:
    return routes.virtual_service(App("shop"), weights, Routing(), marked=True)


MARKS = routes.marks(virtual_service(WEIGHTS)["spec"])


@dataclass
class Gateway:
    """A gateway that answers with these marks in turn; None: without one."""

    marks: list[str | None] = field(default_factory=lambda: [*MARKS.values()])
    status: int = 200
    connections: int = 0
    requests: int = 0
    url: str = ""

    @property
    def hosts(self) -> list[Endpoint]:
        return [Endpoint(self.url, {"Host": "shop.example"}, Check())]

    def wait(self) -> None:
        with fake_cluster(FakeGateway("a", {})) as cluster:
            split = Split(cluster.kubeconfig, {"istio": "x"}, TARGET, by_requests=True)
            requests_alone.wait_for_answers(split, MARKS, self.hosts, 0)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            made.connections += 1
            super().setup()

        def do_GET(self) -> None:
            mark = made.marks[made.requests % len(made.marks)]
            made.requests += 1
            self.send_response(made.status)
            if mark is not None:
                self.send_header(routes.MARK, mark)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"V1")

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    with served(Handler) as made.url:
        yield made


def test_the_mark_is_another_one_for_every_split_and_version() -> None:
    plain = routes.virtual_service(App("shop"), WEIGHTS, Routing())
    marked = virtual_service(WEIGHTS)
    assert "headers" not in plain["spec"]["http"][0]["route"][0]
    assert routes.marks(plain["spec"]) == routes.marks(marked["spec"]) == MARKS
    assert list(MARKS) == ["v1", "v2"]
    moved = routes.marks(virtual_service({"v1": 40, "v2": 60})["spec"])
    assert not {*MARKS.values()} & {*moved.values()}


def test_ten_answers_of_this_split_are_a_proof_that_names_itself_the_weaker_one(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway.wait()
    assert (gateway.requests, gateway.connections) == (10, 10)
    said = capfd.readouterr().err
    assert said.startswith(f"requests alone: 10 of 10 answers from {gateway.url} (Host: shop.example) came")
    assert said.endswith("by this split (v1 5, v2 5); no gateway was asked\n")


@pytest.mark.parametrize(
    ("mark", "status", "says"),
    [
        (None, 200, "is answered by a route that is not the split's: V1"),
        ("v1 00000000", 200, "is answered by another split (v1 00000000): V1"),
        (MARKS["v1"], 503, "answers: HTTP 503: V1"),
    ],
)
def test_one_answer_of_another_kind_is_none(
    gateway: Gateway, mark: str | None, status: int, says: str
) -> None:
    gateway.marks, gateway.status = [MARKS["v1"]] * 4 + [mark], status
    with pytest.raises(NotConvergedError) as raised:
        gateway.wait()
    first, second, look, *_ = str(raised.value).splitlines()
    assert first == "Requests alone do not prove the split, after 0 s:"
    assert second.endswith(says)
    assert look == "  Look at: kubectl --kubeconfig FILE get virtualservices,gateways.networking.istio.io -A"
    assert not requests_alone.all_arrive(MARKS, gateway.hosts)


def test_without_an_address_nothing_is_proved() -> None:
    assert not requests_alone.all_arrive(MARKS, [])
    with pytest.raises(NotConvergedError, match=r"Set cluster\.ingressAddress"):
        requests_alone.wait_for_answers(Split("", {}, TARGET, by_requests=True), MARKS, [], 0)


def test_no_port_forward_is_opened(gateway: Gateway, capfd: pytest.CaptureFixture[str]) -> None:
    pods: dict[str, Any] = {"/api/v1/namespaces/default/pods": {"items": []}}
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    deployment = {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": status}
    deployments = {
        f"/apis/apps/v1/namespaces/default/deployments/shop-{one}": deployment for one in ("v1", "v2")
    }
    with fake_cluster(FakeGateway("a", {}), objects=pods | deployments) as cluster:
        cluster.forbidden = "/portforward"
        props: dict[str, Any] = {
            "kubeconfig": cluster.kubeconfig,
            "gatewaySelector": {"istio": "x"},
            "namespace": "default",
            "virtualService": "shop",
            "host": "shop",
            "evidence": "requests",
            "marks": MARKS,
            "images": {"v1": "shop:1", "v2": "shop:2"},
            "weights": {"v1": 50.0, "v2": 50.0},
            "timeoutSeconds": 0,
            "requests": [{"url": gateway.url, "headers": {}, "check": {"headers": {}, "accept": ["2xx"]}}],
        }
        split = Split(cluster.kubeconfig, {"istio": "x"}, TARGET, by_requests=True)
        proof.wait_for_versions(split, ("v1", "v2"), 0)
        state = ConvergedProvider().create(props).outs or {}
        (only,) = state["proof"]
        assert only["pod"] == f"requests alone, {gateway.url}"
        assert not ConvergedProvider().diff("shop", state, props).changes
        assert capfd.readouterr().err.count("requests alone: 10 of 10 answers") == 2
        assert ConvergedProvider().create({**props, "callers": True}).outs
        assert "callers in the mesh are not proved: " in capfd.readouterr().err
        # Back to the gateways is a change, though nothing but the evidence is another one.
        others = {key: value for key, value in props.items() if key not in {"evidence", "marks"}}
        assert ConvergedProvider().diff("shop", state, others).changes
        wait_for_last_requests(split, "v1", 0.1)
        assert "requests alone cannot tell the last requests to v1" in capfd.readouterr().err


SETTINGS = parse(
    {
        "cluster": {"kind": "minikube", "profile": "dev"},
        "app": {"name": "shop"},
        "versions": {version: {"image": f"shop:{version}"} for version in WEIGHTS},
        "weights": WEIGHTS,
        "convergence": {"evidence": "requests"},
    }
)


def answers(*marks: str | None, ok: bool = True) -> list[Answer]:
    return [Answer(0, 0, "V1", "V1", ok, mark=mark) for mark in marks]


def test_reading_commands_count_their_own_answers_by_the_marks_of_the_config() -> None:
    came = [*answers(MARKS["v1"], MARKS["v2"], "v1 00000000", None), *answers(MARKS["v1"], ok=False)]
    served = by_requests.served(SETTINGS, came)
    assert served == {"v1": Served(2, 1), "v2": Served(1)}
    assert by_requests.evidence(served, 5) == (
        "requests alone: 3 of 5 answers came by this split (v1 2, v2 1); no gateway was asked"
    )
    (found,) = elsewhere(Sent(tuple(came), served, {}), "kubectl", alone=True)
    assert found.what == (
        "2 of 4 answers came from elsewhere than the app's versions: 2 have the mark of this split"
    )


@pytest.mark.parametrize(
    ("marks", "verdict"),
    [((), "converging"), ((MARKS["v1"], MARKS["v2"]), "converged"), ((MARKS["v1"], None), "converging")],
)
def test_the_board_goes_by_them_and_says_so(marks: tuple[str | None, ...], verdict: str) -> None:
    there = {(one["kind"], one["metadata"]["name"]): one for one in objects(SETTINGS)}
    board = Board("lab", SETTINGS, Live(WEIGHTS, None, there, (), {}))
    board.add(SETTINGS, board.now, Reading(0, Counters({}), {}))
    board.answers.extend(answers(*marks))
    assert board.verdict[0] == verdict
    assert board.verdict[1].startswith(
        f"requests alone: {sum(map(bool, marks))} of {len(marks)} answers came"
    )


def test_what_needs_the_gateways_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        RolloutError, match=r"^shift goes by what the gateways count, and lab has convergence"
    ):
        by_requests.must_be_asked("lab", SETTINGS, "shift")
