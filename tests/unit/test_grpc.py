"""gRPC through the real Envoy: the health check that asks an app, and how its failures are counted."""

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest

from components.gateway.answered import answered, answered_path
from components.gateway.envoy import Target
from components.manifests.charts import GRPC_STATS_CONFIG, STATS_CONFIG, releases
from components.observation.answers import ask
from components.observation.traffic import Counters, Endpoint, Served, between
from components.settings.model import GRPC_HEALTH, App, Check, Grpc, Istio, Port
from tests.unit.real_envoy import listener, loopback, running
from tests.unit.test_settings import load, mistakes

TARGET = Target("default", "shop", "shop", (9000,))
CLUSTER = "outbound|9000|v1|shop.default.svc.cluster.local"
PORTS = [{"name": "grpc", "port": 9000, "protocol": "grpc"}]
HEALTH = {b"": b"\x08\x01", b"\x0a\x04slow": b"\x08\x02"}
# What the method of this name ends with.
STATUSES = {"Good": None, "Gone": grpc.StatusCode.NOT_FOUND, "Broken": grpc.StatusCode.INTERNAL}


def answer(request: bytes, context: Any, method: str) -> bytes:
    if method == GRPC_HEALTH:
        if request not in HEALTH:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return HEALTH[request]
    status = STATUSES[method.rpartition("/")[2]]
    if status is not None:
        context.abort(status, "as asked")
    return b""


class _Handler(grpc.GenericRpcHandler):
    """A server of bytes, which needs nothing that is made of a .proto file."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = str(handler_call_details.method)

        def serve(request: bytes, context: Any) -> bytes:
            return answer(request, context, method)

        made: Any = grpc
        return made.unary_unary_rpc_method_handler(serve)


@dataclass(frozen=True)
class _Gateway:
    """An Envoy as a gateway has it, in front of a gRPC server."""

    port: int
    admin: int

    def counters(self) -> dict[str, int] | None:
        url = f"http://127.0.0.1:{self.admin}{answered_path(TARGET)}"
        return answered(httpx.get(url).json(), TARGET, "v1", {9000})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Gateway]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    kinds = "type.googleapis.com/envoy.extensions"
    # As Istio has it in its gateways.
    stats = {
        "name": "envoy.filters.http.grpc_stats",
        "typed_config": {
            "@type": f"{kinds}.filters.http.grpc_stats.v3.FilterConfig",
            "emit_filter_state": True,
            "stats_for_all_methods": False,
        },
    }
    http2: dict[str, Any] = {
        "@type": f"{kinds}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    cluster: dict[str, Any] = {
        "name": CLUSTER,
        "alt_stat_name": f"{CLUSTER};",
        "type": "STATIC",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": loopback(port)}}]}],
        },
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": CLUSTER}}
    table = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}
    bootstrap: dict[str, Any] = {
        "admin": {"address": loopback()},
        "static_resources": {"listeners": [listener("in", table, stats)], "clusters": [cluster]},
    }
    with running(bootstrap, tmp_path_factory.mktemp("envoy")) as ports:
        yield _Gateway(ports["in"], ports["admin"])
    server.stop(None).wait()


def call(gateway: _Gateway, method: str) -> None:
    channels: Any = grpc
    with channels.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        ask_bytes = channel.unary_unary(f"/shop.Cart/{method}")
        if STATUSES[method] is None:
            ask_bytes(b"", timeout=30)
        else:
            with pytest.raises(grpc.RpcError):
                ask_bytes(b"", timeout=30)


def test_failures_count_by_their_grpc_status_though_http_has_200(gateway: _Gateway) -> None:
    before = gateway.counters()
    assert before is not None
    for method, times in (("Good", 5), ("Gone", 2), ("Broken", 3)):
        for _ in range(times):
            call(gateway, method)
    after = gateway.counters()
    assert after is not None
    was, now = (Counters({}, {("gateway", "v1"): one}) for one in (before, after))
    assert between(was, now) == {"v1": Served(10, 3, {}, {"INTERNAL": 3})}


@pytest.mark.parametrize(
    ("service", "says", "ok"),
    [
        ("", "SERVING", True),
        ("slow", "NOT_SERVING", False),
        ("none", "gRPC status NOT_FOUND: unknown service", False),
    ],
)
def test_the_app_is_asked_by_its_health_check(gateway: _Gateway, service: str, says: str, ok: bool) -> None:
    url = f"http://127.0.0.1:{gateway.port}{GRPC_HEALTH}"
    (one,) = itertools.islice(ask(url, check=Check(grpc=Grpc(service))), 1)
    assert (one.text, one.ok, one.by_app) == (says, ok, True)


def test_a_gateway_that_keeps_no_statuses_leaves_the_count_to_the_endpoints() -> None:
    def stats(**values: int) -> dict[str, Any]:
        return {"stats": [{"name": f"cluster.{CLUSTER};.{name}", "value": at} for name, at in values.items()]}

    silent = {"upstream_rq_timeout": 0}
    assert answered(stats(upstream_rq_completed=5, **silent), TARGET, "v1", {9000}) is None
    assert answered(stats(upstream_rq_completed=0, **silent), TARGET, "v1", {9000}) is not None
    # By HTTP alone the same counters are what they say.
    assert answered(stats(upstream_rq_completed=5, **silent), TARGET, "v1") is not None
    # The first status comes with the first request that ends: until then the endpoints had the count.
    key = ("gateway", "v1", "10.0.0.1:9000")
    was, now = (
        Counters({key: Endpoint(Served(4, 1))}),
        Counters({key: Endpoint(Served(6, 1))}, {key[:2]: {"grpc.0": 9}}),
    )
    assert between(was, now) == {"v1": Served(2, 0)}


def test_the_installed_gateways_keep_the_statuses_of_an_app_that_has_any() -> None:
    def annotation(app: App) -> Any:
        values: Any = releases(Istio(), app)[2].values
        return next(iter(values["podAnnotations"].values()))

    assert annotation(App("shop")) == STATS_CONFIG
    assert annotation(App("shop", ports=(Port("grpc", 9000, "grpc"),))) == GRPC_STATS_CONFIG
    pattern = re.search(r'[^"]*grpc[^"]*', GRPC_STATS_CONFIG)
    assert pattern
    assert re.fullmatch(pattern[0], f"cluster.{CLUSTER};.grpc.14")


def test_an_app_that_speaks_grpc_first_is_asked_so() -> None:
    settings = load(app__port=None, app__ports=PORTS)
    assert settings.routing.check.grpc == Grpc()
    assert settings.routing.asked_path() == GRPC_HEALTH
    assert load().routing.check.grpc is None
    (said,) = mistakes(app__port=None, app__ports=PORTS, routing__paths=["/shop.Cart/"])
    assert said == (
        "blue-green:routing.paths: the app is asked by /grpc.health.v1.Health/Check, which is below none of "
        "them. Add /grpc.health.v1.Health/."
    )
