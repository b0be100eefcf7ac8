"""What stands on the Service, and where the routes lead, while a port gets another number."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
import pytest

from components import port_change
from components.gateway.gateways import Gateways
from components.kubernetes.errors import GatewayError
from components.manifests import routes, workload
from components.manifests.manifest import object_path
from components.port_change import PortKeptError, both, changed, leading_to, lost, refuse
from components.settings.model import App, Convergence, Port, Routing
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.fake_engine import known_hooks

HTTP = {"name": "http", "port": 80.0, "targetPort": "http"}
API = {"name": "api", "port": 9000.0, "targetPort": 9000.0}


@pytest.mark.parametrize(
    ("after", "numbers"),
    [
        ([HTTP], {}),
        ([HTTP | {"port": 8080.0}], {80: 8080}),
        ([HTTP, API | {"port": 9001.0, "targetPort": 9001.0}], {9000: 9001}),
        # Two ports of a Service cannot have one number.
        ([HTTP | {"port": 9000.0}, API | {"port": 80.0}], {}),
        ([HTTP | {"name": "web", "port": 8080.0}], {}),
    ],
)
def test_a_port_of_the_same_name_moves(after: list[dict[str, Any]], numbers: dict[int, int]) -> None:
    assert changed([HTTP, API], after) == numbers


def test_the_service_has_both_numbers_under_two_names() -> None:
    assert both([HTTP, API], [HTTP | {"port": 8080.0}, API], {80: 8080}) == [
        {"name": "http", "port": 8080, "targetPort": "http"},
        {"name": "api", "port": 9000, "targetPort": 9000},
        {"name": "http-80", "port": 80, "targetPort": "http"},
    ]
    assert both([API], [API | {"port": 9001.0, "targetPort": 9001.0}], {9000: 9001}) == [
        {"name": "api", "port": 9001, "targetPort": 9001},
        {"name": "api-9000", "port": 9000, "targetPort": 9000},
    ]


def test_every_destination_of_the_host_leads_to_the_new_number_and_no_other() -> None:
    def rules(number: int) -> list[dict[str, Any]]:
        ours = {"host": "shop", "subset": "v1", "port": {"number": number}}
        theirs = {"host": "cart", "port": {"number": 80}}
        return [
            {
                "match": [{"port": 80}],
                "route": [{"destination": ours, "weight": 90}, {"destination": theirs, "weight": 10}],
                "mirrors": [{"destination": ours}],
            }
        ]

    assert leading_to(rules(80), "shop", {80: 8080}) == rules(8080)


FIRST, FURTHER = Port("http", 80), Port("api", 9000, gateway_port=9000)
ONE, TWO = App("shop"), App("shop", ports=(FIRST, FURTHER))
ROUTES = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/shop"


def app(*ports: Port) -> App:
    return App("shop", ports=ports)


def change(before: App, after: App, routing: Routing) -> None:
    """The Service becomes another one while the routes of before stand."""
    old, new = (workload.service(one) for one in (before, after))
    gone = lost(old["spec"]["ports"], new["spec"]["ports"])
    objects = {ROUTES: routes.virtual_service(before, {"v1": 100}, routing)}
    with fake_cluster(objects=objects) as cluster:
        refuse(cluster.kubeconfig, new, gone, {80, *after.more_entrances.values()})


@pytest.mark.parametrize("routing", [Routing(), Routing(hosts=("shop.example",), mesh_callers=True)])
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ONE, app(Port("web", 8080)), "go to 80, the port http of the Service shop"),
        # Another port had the number.
        (TWO, App("shop", port=9000), "go to 80, the port http of the Service shop"),
        (TWO, app(Port("http", 9000)), "go to 80, the port http of the Service shop"),
        (TWO, app(Port("api", 9000)), "go to 80, the port http of the Service shop"),
        (TWO, app(Port("http", 9000), Port("api", 80, gateway_port=9000)), "go to 80, the port http"),
        (
            TWO,
            app(FIRST, Port("grpc", 9001, gateway_port=9000)),
            "go to 9000, the port api of the Service shop",
        ),
    ],
)
def test_a_port_that_has_requests_is_not_taken_from_them(
    routing: Routing, before: App, after: App, said: str
) -> None:
    with pytest.raises(PortKeptError, match=said) as raised:
        change(before, after, routing)
    assert "then give it to " in str(raised.value)


@pytest.mark.parametrize("routing", [Routing(), Routing(hosts=("shop.example",), mesh_callers=True)])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ONE, TWO),
        # Another name alone, or another number, which `move` opens beside the old one.
        (ONE, app(Port("web", 80))),
        (TWO, app(Port("http", 8080), Port("api", 9001, gateway_port=9000))),
        # Its entrance is closed too, or is another one.
        (TWO, ONE),
        (TWO, app(FIRST, Port("grpc", 9001, gateway_port=9001))),
        # No request of a gateway comes there.
        (app(FIRST, Port("metrics", 9100)), app(FIRST, Port("stats", 9101))),
    ],
)
def test_a_port_that_stays_or_moves_or_is_closed_is_let_through(
    routing: Routing, before: App, after: App
) -> None:
    change(before, after, routing)


def test_without_routes_any_number_goes() -> None:
    with fake_cluster() as cluster:
        refuse(cluster.kubeconfig, workload.service(app(Port("web", 8080))), {80: "http"}, {80})


def test_a_preview_refuses_and_an_up_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = known_hooks(monkeypatch)
    moves: list[Any] = []

    def moved(*args: object) -> None:
        moves.append(args[4])

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monkeypatch.setattr(port_change, "move", moved)
    old = workload.service(ONE)

    def update(after: App, *, dry_run: bool, secret: Iterable[str] = ()) -> None:
        monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: dry_run)
        port_change.port_change(cluster.kubeconfig, after, Routing(), Convergence())
        new = workload.service(after)
        new |= {key: pulumi.Output.secret(new[key]) for key in secret}
        args = pulumi.ResourceHookArgs("", "", "shop-service", "", old_inputs=old, new_inputs=new)
        written: Any = kept[-1].callback(args)
        loop.run_until_complete(written)

    with fake_cluster(objects={ROUTES: routes.virtual_service(ONE, {"v1": 100}, Routing())}) as cluster:
        for dry_run in (True, False):
            with pytest.raises(PortKeptError):
                update(app(Port("web", 8080)), dry_run=dry_run)
            # As a namespace that is a secret makes all of its metadata one.
            with pytest.raises(PortKeptError):
                update(app(Port("web", 8080)), dry_run=dry_run, secret=("metadata", "spec"))
            update(App("shop", port=8080), dry_run=dry_run)
    loop.close()
    assert all(hook.opts is not None and hook.opts.on_dry_run for hook in kept)
    assert moves == [{80: 8080}]


@pytest.mark.parametrize(
    ("stands", "serves", "expected"),
    [(True, True, "old"), (False, True, "new"), (True, False, "new")],
    ids=["they serve", "their Gateway is gone", "none of them runs any more"],
)
def test_the_gateways_that_have_the_routes_now_are_asked(
    monkeypatch: pytest.MonkeyPatch, *, stands: bool, serves: bool, expected: str
) -> None:
    """Those of another selector have none yet, so nothing of theirs leads to the old number."""
    asked = list[Mapping[str, str]]()

    def gateways(_kubeconfig: object, selector: Mapping[str, str]) -> Gateways:
        asked.append(selector)
        raise GatewayError("enough")

    monkeypatch.setattr(port_change, "Gateways", gateways)
    old, new = (workload.service(one) for one in (ONE, App("shop", port=8080)))
    before, config = Routing(gateway_selector={"istio": "old"}), {"istio": "new"}
    gateway = routes.gateway(ONE, before)
    objects = {ROUTES: routes.virtual_service(ONE, {"v1": 100}, before)}
    objects |= {object_path(gateway): gateway} if stands else {}
    running = [FakeGateway("a", {})] if serves else []
    with fake_cluster(*running, objects=objects) as cluster, pytest.raises(GatewayError, match="enough"):
        port_change.move(cluster.kubeconfig, config, old, new, {80: 8080}, Convergence())
    assert asked == [{"istio": expected}]
