"""The proof's own requests: how many, what they have to come to, and what is said of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from components.gateway.chain import Split
from components.gateway.envoy import Target
from components.kubernetes.errors import NotConvergedError
from components.observation import own_requests
from components.observation.answers import UPSTREAM_HEADER
from components.observation.endpoint import Endpoint
from components.settings.model import Check
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.loopback import served

TARGET = Target("default", "myapp", "myapp")


@dataclass
class Failing(FakeGateway):
    """A gateway pod of which some readings fail, by their numbers."""

    fails: tuple[int, ...] = ()
    readings: int = 0

    def answer(self, target: str) -> dict[str, Any]:
        self.readings += target.startswith("/clusters")
        if self.readings in self.fails:
            raise ConnectionResetError
        return super().answer(target)


@dataclass
class Entrance:
    """A gateway: the first so many requests it answers itself, the rest the app does.

    With each one come so many of `others`' to the versions.
    """

    refused: int = 0
    refusal: tuple[int, str] = (403, "RBAC: access denied")
    others: int = 0
    check: Check = field(default_factory=Check)
    silent: bool = False
    status: int = 200
    text: str = "V1"
    gateway: FakeGateway = field(default_factory=lambda: FakeGateway("a", {}, sent={"v1": 7}))
    proofs: list[str | None] = field(default_factory=list[str | None])
    url: str = ""

    def prove(self, *undecided: str, versions: Sequence[str] = ("v1",)) -> None:
        with fake_cluster(self.gateway) as cluster:
            hosts = [Endpoint(self.url, {"Host": "shop.example"}, self.check)]
            split = Split(cluster.kubeconfig, {"istio": "x"}, TARGET)
            own_requests.prove(split, versions, hosts, undecided)


@pytest.fixture
def entrance(monkeypatch: pytest.MonkeyPatch) -> Iterator[Entrance]:
    monkeypatch.setattr(own_requests, "_PAUSE_SECONDS", 0)
    made = Entrance()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.proofs.append(self.headers.get(own_requests.HEADER))
            made.gateway.sent["v1"] += made.others
            if made.silent:
                made.gateway.tried["v1"] = len(made.proofs)
                return
            served = len(made.proofs) > made.refused
            made.gateway.sent["v1"] += served
            status, text = (made.status, made.text) if served else made.refusal
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if served:
                self.send_header(UPSTREAM_HEADER, "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    with served(Handler) as made.url:
        yield made


def test_a_few_requests_that_the_versions_got_are_enough(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    entrance.prove("something undecided")
    assert entrance.proofs == ["1", "1", "1"]
    assert capfd.readouterr().err == ""


def test_a_gateway_that_refuses_them_is_named_and_not_the_app(entrance: Entrance) -> None:
    entrance.refused = 100
    with pytest.raises(NotConvergedError) as raised:
        entrance.prove()
    assert len(entrance.proofs) == 10
    assert str(raised.value).startswith("The gateways route by the weights, but of 7 requests to http://")
    assert (
        "(Host: shop.example) only 0 came to the versions with traffic; the answer was: HTTP 403: RBAC"
        in str(raised.value)
    )
    assert "The gateway itself refuses them, not the app." in str(raised.value)


def test_requests_that_a_version_without_traffic_got_prove_nothing(entrance: Entrance) -> None:
    entrance.gateway.sent = {"v1": 0, "v2": 7}
    with pytest.raises(NotConvergedError, match="only 0 came to the versions with traffic"):
        entrance.prove(versions=["v2"])


def test_a_gateway_that_follows_a_moment_later_is_fine(entrance: Entrance) -> None:
    entrance.refused = 2
    entrance.prove()
    assert len(entrance.proofs) == 10


def test_what_the_app_answers_badly_is_said_and_no_failure(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    entrance.status, entrance.text = 404, "no such page"
    entrance.prove()
    said = capfd.readouterr().err
    assert "3 of the proof's 3 requests" in said
    assert "failed in the app: HTTP 404: no such page. What counts as an answer: routing.check" in said


def test_a_gateway_that_cannot_be_reached_is_one_line_unless_only_requests_could_tell(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    entrance.url = "http://127.0.0.1:1/"
    entrance.prove()
    said = capfd.readouterr().err
    assert said.startswith("The proof sent no requests of its own: http://127.0.0.1:1/ cannot be reached")
    assert said.count("\n") == 1
    with pytest.raises(NotConvergedError, match="no request could tell: http"):
        entrance.prove("gateway a may send every request elsewhere")


@pytest.mark.parametrize("fails", [(1,), (2,)])
def test_a_gateway_that_cannot_be_reached_is_one_line_though_one_reading_was_missed(
    entrance: Entrance, capfd: pytest.CaptureFixture[str], fails: tuple[int, ...]
) -> None:
    entrance.url, entrance.gateway = "http://127.0.0.1:1/", Failing("a", {}, sent={"v1": 7}, fails=fails)
    entrance.prove()
    said = capfd.readouterr().err
    assert said.startswith("The proof sent no requests of its own: http://127.0.0.1:1/ cannot be reached")


def test_a_gateway_that_gets_no_connection_to_the_pods_is_no_gateway_that_cannot_be_reached(
    entrance: Entrance,
) -> None:
    """As behind a NetworkPolicy: the request waits for a connection until its time is over."""
    entrance.silent = True
    with pytest.raises(NotConvergedError) as raised:
        entrance.prove()
    assert "only 0 came to the versions with traffic; the answer was: no answer:" in str(raised.value)
    assert "The gateway gets no connection to their pods.\n  Look at: kubectl" in str(raised.value)
    assert str(raised.value).endswith("-n default get networkpolicies")
    assert len(entrance.proofs) == 2


def test_a_route_in_front_that_takes_just_this_request_is_said_and_no_failure(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    entrance.refused = 100
    config = "/apis/networking.istio.io/v1/namespaces/team/virtual-service/home"
    theirs = {"match": {"path": "/"}, "metadata": {"filter_metadata": {"istio": {"config": config}}}}
    entrance.gateway.weights, entrance.gateway.front = {"v1": 100}, [theirs]
    entrance.prove()
    said = capfd.readouterr().err
    assert "are another route's, of the VirtualService team/home: set routing.check.path" in said
    with pytest.raises(NotConvergedError, match="It is not proved that requests arrive"):
        entrance.prove("something undecided")


def test_what_other_people_ask_for_is_no_answer_to_the_proofs_own_requests(entrance: Entrance) -> None:
    """As where an AuthorizationPolicy refuses one host, while the versions get requests of another."""
    entrance.refused, entrance.others = 100, 5
    with pytest.raises(NotConvergedError) as raised:
        entrance.prove()
    assert "only 0 came to the versions with traffic; the answer was: HTTP 403: RBAC" in str(raised.value)
    assert "The gateway itself refuses them, not the app." in str(raised.value)


def test_requests_without_an_answer_prove_nothing_on_a_gateway_with_others(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    """As from outside of a balancer that drops packets."""
    entrance.silent, entrance.others = True, 5
    entrance.prove()
    said = capfd.readouterr().err
    assert "1 of the proof's 1 requests" in said
    assert "failed: no answer" in said
    with pytest.raises(NotConvergedError, match="no request could tell: no answer to the request of routing"):
        entrance.prove("something undecided")


def test_a_failure_that_may_be_the_gateways_own_is_not_called_the_apps(
    entrance: Entrance, capfd: pytest.CaptureFixture[str]
) -> None:
    entrance.refused, entrance.refusal, entrance.others = 100, (503, "upstream connect error"), 5
    entrance.prove()
    assert "failed: HTTP 503: upstream connect error. What counts" in capfd.readouterr().err
    with pytest.raises(NotConvergedError, match="no request could tell: no answer to the request of routing"):
        entrance.prove("something undecided")


@pytest.mark.parametrize("fails", [(1,), (2,)])
def test_a_gateway_that_one_reading_lacks_counts_for_nothing(
    entrance: Entrance, fails: tuple[int, ...]
) -> None:
    """What it counted since it started came before the proof, or is not known."""
    entrance.refused, entrance.gateway = 100, Failing("a", {}, sent={"v1": 7}, fails=fails)
    with pytest.raises(NotConvergedError, match="only 0 came to the versions with traffic"):
        entrance.prove()
    entrance.refused, entrance.gateway = 0, Failing("a", {}, sent={"v1": 7}, fails=fails)
    entrance.proofs.clear()
    entrance.prove()
    assert len(entrance.proofs) == 10


def test_a_gateway_that_cannot_be_asked_what_came_is_named(entrance: Entrance) -> None:
    entrance.gateway = Failing("a", {}, sent={"v1": 7}, fails=(2, 4))
    with pytest.raises(NotConvergedError) as raised:
        entrance.prove()
    assert "what came through istio-system/a could not be asked" in str(raised.value)


@pytest.mark.parametrize("status", [401, 403, 302])
def test_a_login_at_the_gateway_is_told_the_ways_around_it_and_may_be_written_down(
    entrance: Entrance, capfd: pytest.CaptureFixture[str], status: int
) -> None:
    entrance.refused, entrance.refusal = 100, (status, "Sign in")
    with pytest.raises(NotConvergedError) as raised:
        entrance.prove()
    assert f"the answer was: HTTP {status}: Sign in" in str(raised.value)
    assert "set routing.check.path to a page without one, or routing.check.headers" in str(raised.value)
    assert str(raised.value).endswith(f"or add {status} to routing.check.accept.")
    entrance.check = Check(accept=("2xx", str(status)))
    entrance.prove()
    said = capfd.readouterr().err
    assert f"by HTTP {status}, as routing.check.accept has it: they tell nothing of the versions" in said
    with pytest.raises(NotConvergedError, match="the gateway itself answers the request"):
        entrance.prove("something undecided")


def test_a_page_that_the_gateway_lacks_is_no_login_whatever_counts_as_an_answer(entrance: Entrance) -> None:
    entrance.refused, entrance.refusal, entrance.check = 100, (404, ""), Check(accept=("2xx", "404"))
    with pytest.raises(NotConvergedError, match="only 0 came to the versions with traffic"):
        entrance.prove()
