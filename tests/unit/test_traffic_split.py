"""What a split asks of its versions and its hosts, and what it says of the cluster."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components import later, traffic_split
from components.manifests import routes, workload
from components.settings.model import (
    App,
    Check,
    Convergence,
    Grpc,
    Mirror,
    Port,
    Probe,
    Probes,
    RequestMark,
    Routing,
    Version,
)
from components.traffic_split import NotAskedError, TrafficSplit, TrafficSplitArgs, changes
from tests.unit.fake_cluster import fake_cluster
from tests.unit.fake_engine import known_hooks
from tests.unit.pulumi_run import Registered, run, value
from tests.unit.test_order import engine, hooks

__all__ = ["engine"]

HOSTS = ("shop.example", "other.example")
PLAIN = TrafficSplitArgs(
    App("shop", "web"),
    {"v1": Version("shop:1"), "v2": Version("shop:2")},
    {"v1": 100, "v2": 0},
    "kubeconfig",
    routing=Routing(hosts=HOSTS),
)
PROOF: list[dict[str, Any]] = [{"pod": "gw/a", "at": "noon", "weights": {"v1": 100}, "images": {"v1": ["a"]}}]
NO_PROOF: dict[str, dict[str, Any]] = {"shop-converged": {"proof": []}}


def made(args: TrafficSplitArgs, **outputs: Any) -> tuple[TrafficSplit, Registered]:
    kept: list[TrafficSplit] = []
    done = run(lambda: kept.append(TrafficSplit("shop", args)), NO_PROOF | outputs)
    return kept[0], done


def inputs(args: TrafficSplitArgs, name: str) -> dict[str, Any]:
    return made(args)[1].named(name).inputs


def question(version: Version, **more: Any) -> dict[str, Any] | None:
    """What the only version with traffic is asked."""
    args = replace(PLAIN, versions={**PLAIN.versions, "v1": version}, **more)
    found = inputs(args, "shop-ready")["questions"]
    assert set(found) <= {"v1"}
    return found.get("v1")


def test_a_version_is_asked_for_the_page_of_its_readiness_probe_or_else_of_the_route() -> None:
    headers = {"Host": "shop.example", "Connection": "close"}
    plain = Version("shop:1", container_port=8080)
    assert question(plain) == {"port": 8080, "path": "/", "headers": headers}
    page = Probes(Probe("/healthz"))
    assert question(replace(plain, probes=page)) == {"port": 8080, "path": "/healthz", "headers": headers}
    elsewhere = Probes(Probe("/healthz", port=9000))
    assert question(replace(plain, probes=elsewhere)) == {
        "port": 9000,
        "path": "/healthz",
        "headers": headers,
    }
    # A connect is no answer: the route's page is asked for, where the app has it.
    connects = Probes(Probe(port=9000))
    asked = Routing(hosts=("*",), check=Check("/ask", {"x": "y"}))
    assert question(replace(plain, probes=connects), routing=asked) == {
        "port": 8080,
        "path": "/ask",
        "headers": {"Host": "shop", "x": "y", "Connection": "close"},
    }


@pytest.mark.parametrize(
    ("version", "more"),
    [
        (Version("shop:1", probes=Probes(Probe(grpc=Grpc()))), {}),
        (Version("shop:1"), {"convergence": Convergence(check="none")}),
        (Version("shop:1"), {"convergence": Convergence(evidence="requests")}),
        (Version("shop:1"), {"app": App("shop", "web", ports=(Port("grpc", 80, "grpc"),))}),
    ],
)
def test_what_may_not_be_asked_or_speaks_something_else_is_asked_nothing(
    version: Version, more: dict[str, Any]
) -> None:
    assert question(version, **more) is None


def test_the_proof_asks_each_host_at_the_gateways_address() -> None:
    found = inputs(replace(PLAIN, url="http://10.0.0.1:80"), "shop-converged")["requests"]
    assert [(one["url"], one["headers"]["Host"]) for one in found] == [
        ("http://10.0.0.1:80/", "shop.example"),
        ("http://10.0.0.1:80/", "other.example"),
    ]
    check = found[0]["check"]
    assert (check["headers"], check["accept"]) == ({}, list(PLAIN.routing.check.accept))
    # The states of earlier releases have none.
    assert "grpc" not in check
    by_grpc = replace(PLAIN.routing, check=Check(grpc=Grpc("shop.Cart")))
    found = inputs(replace(PLAIN, url="http://10.0.0.1", routing=by_grpc), "shop-converged")["requests"]
    assert found[0]["check"]["grpc"] == {"service": "shop.Cart"}


def test_without_an_address_yet_the_proof_asks_nobody() -> None:
    assert inputs(PLAIN, "shop-converged").get("requests") is None

    def program() -> None:
        TrafficSplit("shop", replace(PLAIN, url=pulumi.Output.from_input(None)))

    assert run(program, NO_PROOF).named("shop-converged").inputs["requests"] == []


def test_a_gateway_that_nobody_may_ask_is_told_by_marks_in_the_answers() -> None:
    args = replace(PLAIN, convergence=Convergence(evidence="requests"))
    _, done = made(args)
    converged = done.named("shop-converged").inputs
    assert converged["evidence"] == "requests"
    marked = routes.virtual_service(PLAIN.app, PLAIN.weights, PLAIN.routing, marked=True)
    assert converged["marks"] == routes.marks(marked["spec"]) != {}
    assert done.named("shop-virtualservice").inputs["spec"]["http"] == marked["spec"]["http"]
    # HTTPS could not be waited for.
    assert hooks(done, "shop-gateway") == (set(), set())
    plain = inputs(PLAIN, "shop-converged")
    assert not {"evidence", "marks", "callers", "drawnBy"} & plain.keys()
    assert "room" not in inputs(PLAIN, "shop-ready")
    assert "shop-gateway" in made(PLAIN)[1].after("shop-virtualservice")


def test_a_mark_is_of_the_hosts_that_are_known_later() -> None:
    """The commands make it of those in the state."""
    args = replace(
        PLAIN,
        weights={"v1": 90, "v2": 10, "v3": 0},
        versions={**PLAIN.versions, "v3": Version("shop:3")},
        convergence=Convergence(evidence="requests"),
        mirror=Mirror("v3"),
    )
    _, plain = made(args)

    def program() -> None:
        hosts = [later.stand_in(lambda _, host=host: pulumi.Output.from_input(host)) for host in HOSTS]
        TrafficSplit("shop", replace(args, routing=Routing(hosts=tuple(hosts))))

    known_later = run(program, NO_PROOF)
    for name, key in (("shop-converged", "marks"), ("shop-virtualservice", "spec")):
        assert known_later.named(name).inputs[key] == plain.named(name).inputs[key]


def test_the_state_has_what_the_commands_read_of_a_split() -> None:
    args = replace(
        PLAIN,
        url="http://10.0.0.1",
        weights_key="shop:weights",
        test_routes={"v2": RequestMark(header={"x-version": "v2"})},
    )
    _, done = made(args)
    found = done.component_outputs["shop"]
    assert found.keys() == {"weights", "lastProof", "settings"}
    assert found["weights"] == {"v1": 100, "v2": 0}
    config = done.named("shop-converged").inputs["config"]
    # Where an `up` leaves out a proof of an earlier release, that has none.
    assert found["settings"] == {"weightsKey": "shop:weights", "url": "http://10.0.0.1", "config": config}
    assert config.keys() == {"app", "versions", "routing", "convergence", "testRoutes"}
    assert (config["app"]["name"], config["app"]["namespace"]) == ("shop", "web")
    assert {key: one["image"] for key, one in config["versions"].items()} == {"v1": "shop:1", "v2": "shop:2"}
    assert config["routing"]["hosts"] == ["shop.example", "other.example"]
    assert config["testRoutes"]["v2"]["header"] == {"x-version": "v2"}


def test_a_secret_is_in_no_output_that_pulumi_writes_into_its_debug_log() -> None:
    """The commands read it out of the inputs of the proof."""

    def program() -> None:
        password = later.stand_in(lambda _: pulumi.Output.secret("hunter2"))
        versions = {**PLAIN.versions, "v1": Version("shop:1", env={"PASSWORD": password})}
        TrafficSplit("shop", replace(PLAIN, versions=versions, weights_key="weights"))

    done = run(program, NO_PROOF)
    assert "hunter2" not in str(done.component_outputs["shop"])
    assert done.component_outputs["shop"]["settings"] == {"weightsKey": "weights"}
    # The mock, as the SDK, has the mark at the top.
    config = done.named("shop-converged").inputs["config"]["value"]
    assert config["versions"]["v1"]["env"] == {"PASSWORD": "hunter2"}
    assert config.keys() == {"app", "versions", "routing", "convergence"}
    assert "config" in done.secrets("shop-converged")
    # What asks before the move is written before it: it would be ahead of the proof's weights.
    assert "config" not in done.named("shop-ready").inputs


def test_what_the_config_says_of_the_move_is_what_it_waits_by() -> None:
    convergence = Convergence(timeout_seconds=7, drain_seconds=8, room=90)
    args = replace(PLAIN, convergence=convergence, routing=replace(PLAIN.routing, mesh_callers=True))
    _, done = made(args)
    ready, converged = (done.named(f"shop-{name}").inputs for name in ("ready", "converged"))
    assert (ready["room"], ready["timeoutSeconds"], converged["timeoutSeconds"]) == (90, 7, 7)
    assert "room" not in converged
    assert (ready["callers"], converged["callers"]) == (True, True)
    for version in PLAIN.versions:
        drain = done.named(f"shop-{version}-drain").inputs
        assert (drain["version"], drain["drainSeconds"]) == (version, 8)
        assert drain["host"] == "shop"


def test_the_gateways_are_asked_about_the_entrance_that_the_split_makes() -> None:
    routing = replace(PLAIN.routing, tls_secret="tls", port=443)  # noqa: S106 - the Secret's name
    _, done = made(replace(PLAIN, routing=routing))
    gateway = done.named("shop-gateway").inputs
    for name in ("shop-ready", "shop-converged"):
        asked = done.named(name).inputs
        assert asked["gateway"] == gateway["metadata"]["name"]
        assert asked["hosts"] == gateway["spec"]["servers"][0]["hosts"]
        assert asked["gatewaySelector"] == gateway["spec"]["selector"]
        assert (asked["tlsSecret"], asked["port"]) == ("tls", 80)
        assert (asked["namespace"], asked["virtualService"], asked["host"]) == ("web", "shop", "shop")


def test_only_what_gets_requests_is_to_be_proved() -> None:
    ready, converged = (inputs(PLAIN, f"shop-{name}") for name in ("ready", "converged"))
    assert ready["weights"] == converged["weights"] == {"v1": 100}
    assert converged["images"] == {"v1": "shop:1"}
    assert set(ready["workloads"]) == set(converged["workloads"]) == {"v1"}
    more = {"v3": Version("shop:3"), "v4": Version("shop:4")}
    args = replace(
        PLAIN,
        versions={**PLAIN.versions, **more},
        weights={"v1": 100, "v2": 0, "v3": 0, "v4": 0},
        test_routes={"v2": RequestMark(header={"x-version": "v2"})},
        mirror=Mirror("v3"),
    )
    # A test route's requests and copies come to a version too; its image nobody proves.
    found = inputs(args, "shop-ready")
    assert set(found["workloads"]) == {"v1", "v2", "v3"}
    assert len(set(found["workloads"].values())) == 3
    assert inputs(args, "shop-converged")["images"] == {"v1": "shop:1"}


def test_it_tells_all_weights_and_who_said_so() -> None:
    split, _ = made(PLAIN, **{"shop-converged": {"proof": PROOF, "weights": {"v1": 100.0}}})
    assert value(split.weights) == {"v1": 100, "v2": 0}
    # Images are long, and Pulumi prints the outputs at every `up`.
    assert value(split.last_proof) == {"gw/a": {"at": "noon", "weights": {"v1": 100}}}


def test_what_was_not_proved_is_not_told_as_if_it_were() -> None:
    """As where --target leaves the proof out: its state has the weights of before."""
    split, _ = made(PLAIN, **{"shop-converged": {"proof": PROOF, "weights": {"v2": 100.0}}})
    assert value(split.weights) == {"v1": 0, "v2": 100}


@pytest.mark.parametrize(("asked_for", "stops"), [({"v1": 100.0}, False), ({"v2": 100.0}, True)])
def test_traffic_does_not_move_where_nobody_asked_whether_the_versions_can_take_it(
    asked_for: dict[str, float], stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = known_hooks(monkeypatch)
    made(PLAIN, **{"shop-ready": {"weights": asked_for}})
    (hook,) = (one for one in kept if one.name == "shop asked first")
    # A preview that would move it says so.
    assert hook.opts is not None
    assert hook.opts.on_dry_run
    write: Any = hook.callback(pulumi.ResourceHookArgs("", "", "shop-virtualservice", ""))
    loop = asyncio.get_event_loop()
    if not stops:
        loop.run_until_complete(write)
        return
    with pytest.raises(NotAskedError, match="--target or --exclude leaves out shop-ready, which asks"):
        loop.run_until_complete(write)


def test_a_version_without_traffic_that_is_not_ready_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Sequence[str]]] = []
    said: list[str] = []

    def idle(props: Any, versions: Sequence[str]) -> tuple[str, ...]:
        asked.append((props, versions))
        return ("v2 is not ready",)

    def warn(sentence: str, _resource: object) -> None:
        said.append(sentence)

    monkeypatch.setattr(traffic_split, "idle_warnings", idle)
    monkeypatch.setattr(pulumi.log, "warn", warn)
    made(replace(PLAIN, kubeconfig="mine"))
    ((props, versions),) = asked
    assert (props["kubeconfig"], props["host"], versions) == ("mine", "shop", ("v2",))
    assert said.count("v2 is not ready") == 1
    made(replace(PLAIN, weights={"v1": 50, "v2": 50}))
    assert len(asked) == 1


PROPS: dict[str, Any] = {
    "gatewaySelector": {"istio": "ingressgateway"},
    "namespace": "web",
    "virtualService": "shop",
    "host": "shop",
    "weights": {"v2": 100},
}
SERVICE = workload.service(PLAIN.app)
WANTED = routes.virtual_service(PLAIN.app, {"v1": 0, "v2": 100}, PLAIN.routing)
STANDS = routes.virtual_service(PLAIN.app, {"v1": 100, "v2": 0}, PLAIN.routing)
SERVICE_PATH = "/api/v1/namespaces/web/services/shop"
ROUTES_PATH = "/apis/networking.istio.io/v1/namespaces/web/virtualservices/shop"


def deployment(version: str, ready: int) -> dict[str, Any]:
    path = f"/apis/apps/v1/namespaces/web/deployments/shop-{version}"
    return {path: {"metadata": {"name": f"shop-{version}"}, "status": {"readyReplicas": ready}}}


def said(objects: dict[str, Any], *, preview: bool, room: int | None = None) -> Sequence[str]:
    with fake_cluster(objects=objects) as cluster:
        props = {**PROPS, "kubeconfig": cluster.kubeconfig}
        return changes(props, SERVICE, WANTED if preview else None, room)


def test_of_a_cluster_as_the_stack_left_it_nothing_is_said() -> None:
    for objects in ({}, {SERVICE_PATH: SERVICE, ROUTES_PATH: STANDS}):
        for preview in (False, True):
            assert said(objects, preview=preview) == []


def test_a_port_that_others_wrote_is_said_with_its_cure() -> None:
    ports = [*SERVICE["spec"]["ports"], {"name": "more", "port": 81}]
    service = SERVICE | {"spec": SERVICE["spec"] | {"ports": ports}}
    for preview in (False, True):
        (sentence,) = said({SERVICE_PATH: service}, preview=preview)
        assert sentence.startswith("Service web/shop has the port 81, which the stack does not write")
        assert "/spec/ports/1" in sentence


@pytest.mark.parametrize("its_own", [True, False])
def test_of_a_service_that_the_stack_does_not_make_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, *, its_own: bool
) -> None:
    asked: list[Any] = []

    def looked_at(_props: object, service: object, *_: object) -> tuple[()]:
        asked.append(service)
        return ()

    def none(*_: object) -> None:
        return None

    monkeypatch.setattr(traffic_split, "changes", looked_at)
    monkeypatch.setattr(traffic_split, "existing", none)
    made(PLAIN if its_own else replace(PLAIN, app=App("shop", "web", service="shop-http")))
    assert asked == [SERVICE if its_own else None]


def test_a_preview_says_what_of_others_the_next_write_takes_away() -> None:
    stands = STANDS | {"spec": STANDS["spec"] | {"tls": []}}
    (sentence,) = said({ROUTES_PATH: stands}, preview=True)
    assert sentence == (
        "a change takes away: VirtualService web/shop has tls: [], which the stack does not write"
    )
    assert said({ROUTES_PATH: stands}, preview=False) == []


def test_a_preview_says_which_version_would_have_too_few_pods() -> None:
    pods = {**deployment("v1", 4), **deployment("v2", 1)}
    crowd = "v2 is to get 100 % of the traffic with 1 ready pod, and needs"
    (sentence,) = said({ROUTES_PATH: STANDS, **pods}, preview=True)
    # Half as many as serve it now, and nobody waits for them.
    assert sentence == f"{crowd} 2: 4 serve all of it now; without convergence.room no up waits for them"
    (sentence,) = said({ROUTES_PATH: STANDS, **pods}, preview=True, room=100)
    assert sentence == f"{crowd} 4: 4 serve all of it now"
    assert said({ROUTES_PATH: STANDS, **pods, **deployment("v2", 2)}, preview=True) == []


def test_a_cluster_that_does_not_answer_says_nothing() -> None:
    with fake_cluster() as cluster:
        gone = cluster.kubeconfig
    assert changes({**PROPS, "kubeconfig": gone}, SERVICE, WANTED, None) == []
    with fake_cluster(objects={ROUTES_PATH: STANDS, **deployment("v1", 4)}) as cluster:
        cluster.forbidden = "/services/shop"
        (sentence,) = changes({**PROPS, "kubeconfig": cluster.kubeconfig}, SERVICE, WANTED, None)
        assert sentence.startswith("v2 is to get 100 %")
