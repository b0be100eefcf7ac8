"""Several ports of an app: what is made of them, and what is refused."""

from typing import Any

import pytest

from components.gateway import chain, envoy
from components.gateway.beside import of_rule
from components.gateway.chain import Wanted
from components.gateway.claims import claim
from components.gateway.envoy import Target
from components.manifests import routes, workload
from components.manifests.charts import releases
from components.port_change import both
from components.settings.model import App, Istio, Mirror, Port, RequestMark, Routing
from components.split_proof import chain_inputs
from tests.unit.test_settings import load, mistakes

APP = App("shop", ports=(Port("http", 80), Port("api", 9000, "http2", 9001), Port("metrics", 9100)))
WEIGHTS = {"v1": 90, "v2": 10}


def rules(routing: Routing | None = None, **beside: Any) -> list[dict[str, Any]]:
    return routes.virtual_service(APP, WEIGHTS, routing or Routing(), **beside)["spec"]["http"]


def test_the_short_form_is_the_same_as_no_list() -> None:
    short, listed = App("shop"), App("shop", ports=(Port("http", 80),))
    assert routes.virtual_service(short, WEIGHTS, Routing()) == routes.virtual_service(
        listed, WEIGHTS, Routing()
    )
    assert routes.gateway(short, Routing()) == routes.gateway(listed, Routing())


def test_every_port_is_on_the_service_and_no_pod_knows_of_it() -> None:
    assert workload.service(APP)["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"},
        {"name": "api", "port": 9000, "targetPort": 9000, "appProtocol": "http2"},
        {"name": "metrics", "port": 9100, "targetPort": 9100, "appProtocol": "http"},
    ]
    version = load().versions["v1"]
    assert workload.deployment(APP, "v1", version) == workload.deployment(App("shop"), "v1", version)


def test_each_way_in_has_a_server_of_the_gateway() -> None:
    def ports(routing: Routing) -> list[dict[str, Any]]:
        return [one["port"] for one in routes.gateway(APP, routing)["spec"]["servers"]]

    assert ports(Routing()) == [
        {"number": 80, "name": "http", "protocol": "HTTP"},
        {"number": 9001, "name": "http-api", "protocol": "HTTP"},
    ]
    secret = Routing(port=443, tls_secret="shop-tls")  # noqa: S106
    assert [one["protocol"] for one in ports(secret)] == ["HTTPS", "HTTPS"]


def test_each_way_in_has_the_weights_for_itself_and_the_first_port_is_last() -> None:
    beside = {"test_routes": {"v2": RequestMark({"x": "2"})}, "mirror": Mirror("v3", methods=("GET",))}
    found = rules(Routing(paths=("/a",)), **beside)
    assert [one["name"].partition("/")[2] for one in found] == [
        "test-v2/port-api",
        "mirror/port-api",
        "port-api",
        "test-v2",
        "mirror",
        "",
    ]
    for one, entrance, port in zip(found, [9001] * 3 + [80] * 3, [9000] * 3 + [80] * 3, strict=True):
        assert {match["port"] for match in one["match"]} == {entrance}
        assert {target["destination"]["port"]["number"] for target in one["route"]} == {port}
    assert routes.split({"http": found}) == WEIGHTS


def test_callers_in_the_mesh_come_to_a_port_by_its_own_number() -> None:
    *_, metrics, first = rules(Routing(hosts=("shop.example",), mesh_callers=True))
    assert metrics["match"] == [{"port": 9100, "gateways": ["mesh"]}]
    assert first["match"] == [
        {"port": 80, "gateways": ["app-gateway"]},
        {"port": 80, "gateways": ["mesh"]},
    ]


def test_the_proof_is_told_of_the_ports_that_the_gateways_know() -> None:
    routing = Routing(hosts=("shop.example",), mesh_callers=True)
    service = routes.virtual_service(APP, WEIGHTS, routing, {"v2": RequestMark({"x": "2"})})
    inputs = chain_inputs(routes.gateway(APP, routing), service)
    assert (inputs["port"], inputs["ports"]) == (80, [9000])
    one = App("shop")
    inputs = chain_inputs(routes.gateway(one, Routing()), routes.virtual_service(one, WEIGHTS, Routing()))
    assert "ports" not in inputs


def envoys(rule: dict[str, Any], table: str) -> dict[str, Any]:
    """A rule as Istio writes it for an Envoy, in the table of one port."""
    clusters = [
        {
            "name": f"outbound|{one['destination']['port']['number']}|{one['destination']['subset']}"
            "|shop.default.svc.cluster.local",
            "weight": one["weight"],
        }
        for one in rule["route"]
    ]
    config = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/shop"
    route = {
        "name": rule["name"],
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": clusters}},
        "metadata": {"filter_metadata": {"istio": {"config": config}}},
    }
    hosts = [{"name": "*", "domains": ["*"], "routes": [route]}]
    return {"route_config": {"name": table, "virtual_hosts": hosts}}


def said(*tables: dict[str, Any]) -> list[str]:
    found = envoy.routes({"configs": list(tables)}, Target("default", "shop", "shop", (80, 9000)))
    api, first = rules()
    return [one.cause for one in chain.routing(found, Wanted(WEIGHTS, first["name"], (of_rule(api),), 80))]


def test_the_proof_looks_at_each_port() -> None:
    api, first = rules()
    # The numbers of the tables are the gateway's own: a Service may lead to another port of its pods.
    both = envoys(first, "http.8080"), envoys(api, "http.9001")
    old = ["still has the routes from before the last update"]
    assert said(*both) == []
    assert said(both[0]) == old
    assert said(both[1]) == old
    swapped = {**api, "route": first["route"]}
    assert said(both[0], envoys(swapped, "http.9001")) == [
        f"leads to outbound|80|{version}|shop.default.svc.cluster.local, and not to port 9000"
        for version in WEIGHTS
    ]
    swapped = {**first, "route": api["route"]}
    assert len(said(both[1], envoys(swapped, "http.8080"))) == 2
    other = [{**one, "weight": weight} for one, weight in zip(api["route"], (80, 20), strict=True)]
    assert said(both[0], envoys({**api, "route": other}, "http.9001")) == [
        "still routes by v1 90 %, v2 10 % and v1 80 %, v2 20 %"
    ]


def test_a_version_is_known_when_each_port_has_it() -> None:
    target = Target("default", "shop", "shop", (80, 9000))

    def known(*ports: int) -> frozenset[str] | None:
        configs = [
            {
                "endpoint_config": {
                    "cluster_name": f"outbound|{port}|v1|shop.default.svc.cluster.local",
                    "endpoints": [
                        {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "a"}}}}]}
                    ],
                }
            }
            for port in ports
        ]
        return envoy.healthy_endpoints({"configs": configs}, target, "v1")

    assert known(80) is None
    assert known(80, 9000) == {"a"}


def test_a_split_asks_for_the_requests_of_all_its_ports() -> None:
    def claimed(app: App) -> Any:
        return claim(routes.virtual_service(app, WEIGHTS, Routing()), [routes.gateway(app, Routing())])

    other = App("cart", port=9001)
    assert claimed(APP).shared(claimed(other)) is not None
    port = Routing(port=9001)
    alone = claim(routes.virtual_service(other, WEIGHTS, port), [routes.gateway(other, port)])
    assert "on port 9001 of the gateway" in str(claimed(APP).shared(alone))


def test_the_installed_gateway_gets_the_ports() -> None:
    gateway: Any = releases(Istio(), APP)[2].values
    assert gateway["service"]["ports"][-1] == {
        "name": "app-api",
        "port": 9001,
        "targetPort": 9001,
        "protocol": "TCP",
    }
    assert (
        "ports"
        not in releases(Istio(), App("a", ports=(Port("http", 80), Port("api", 81, "http", 443))))[2].values[
            "service"
        ]
    )  # type: ignore[operator]


def ports(*found: dict[str, object]) -> dict[str, object]:
    return {"app__ports": [{"name": "http", "port": 80}, *found]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"app__ports": [{"name": "http", "port": 80, "gatewayPort": 80}]},
            "app.ports[0].gatewayPort: the first port comes in at routing.port. Take it out.",
        ),
        (ports({"name": "http", "port": 81}), "app.ports[1].name: http is there twice."),
        (
            ports({"name": "a" * 58, "port": 81, "gatewayPort": 81}),
            "app.ports[1].name: it has 58 characters, too many for the names made of it. Take at most 57.",
        ),
        (ports({"name": "api", "port": 80}), "app.ports[1].port: 80 is there twice."),
        (
            ports({"name": "api", "port": 81, "gatewayPort": 80}),
            "app.ports[1].gatewayPort: 80 is there twice. Give each port its own.",
        ),
        (ports() | {"app__port": 81}, "app.port: app.ports says 80. Take one of them out."),
        (
            ports({"name": "api", "port": 81, "gatewayPort": 81}) | {"convergence": {"evidence": "requests"}},
            "app.ports: convergence.evidence: requests proves the first port alone.",
        ),
        (ports({"name": "api"}), "app.ports[1].port: it is missing."),
        (ports({"name": "api", "port": 81, "protocol": "tcp"}), "'tcp' is not http or http2 or grpc."),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], says: str) -> None:
    assert says in "\n".join(mistakes(**changes))


def by_values(*ports: int) -> dict[str, object]:
    return {"istio__values": {"gateway": {"service": {"ports": [{"port": one} for one in ports]}}}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"routing__port": 8080},
            "routing.port: the gateway's Service would not have 8080, only 15021, 80, 443. "
            "Write one of them, or all the Service's ports as istio.values.gateway.service.ports, "
            "with 8080: docs/ports.md.",
        ),
        ({"routing__port": 8080} | by_values(80, 443), "would not have 8080, only 80, 443. Write"),
        (
            ports({"name": "api", "port": 81, "gatewayPort": 9000}) | by_values(80),
            "app.ports[1].gatewayPort: the gateway's Service would not have 9000, only 80. Write",
        ),
    ],
)
def test_a_way_in_that_the_installed_gateway_would_not_have_is_refused(
    changes: dict[str, object], says: str
) -> None:
    (mistake,) = mistakes(**changes)
    assert says in mistake


@pytest.mark.parametrize(
    "changes",
    [
        {"routing__port": 443},
        {"routing__port": 8080, "istio__install": False},
        {"routing__port": 8080} | by_values(80, 8080),
        ports({"name": "api", "port": 81, "gatewayPort": 9000}) | by_values(80, 9000),
        ports({"name": "api", "port": 81, "gatewayPort": 9000}),
    ],
)
def test_a_way_in_that_the_gateway_has_is_taken(changes: dict[str, object]) -> None:
    load(**changes)


def test_every_name_made_of_a_ports_name_is_one_of_kubernetes() -> None:
    port = Port("a" * 57, 65535, gateway_port=65535)
    app = load(**ports({"name": port.name, "port": port.port, "gatewayPort": port.gateway_port})).app
    values: Any = releases(Istio(), app)[2].values
    (kept,) = both([{"name": port.name, "port": 65535}], [], {65535: 65534})
    for name in (values["service"]["ports"][-1]["name"], kept["name"]):
        assert name.startswith(("app-aaa", "aaa"))
        assert len(name) <= 63


def test_the_first_port_is_the_apps_port() -> None:
    assert load(app__port=None, app__ports=[{"name": "web", "port": 8080}]).app.port == 8080
