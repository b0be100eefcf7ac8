"""One look at an Envoy, link by link: what it asks for, and what of its answers is a finding."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.gateway import chain
from components.gateway.admin import EnvoyAdmin
from components.gateway.chain import Entrance, Seen, Split, Wanted
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link
from components.gateway.gateways import Answer, Gateways
from components.gateway.listeners import CERTS
from components.gateway.pods import GatewayPod
from components.kubernetes.api import Api
from components.kubernetes.errors import ForbiddenError, GatewayError
from tests.unit.fake_cluster import fake_cluster, version_pod
from tests.unit.test_gateway_chain import PLAIN, V1, listener, table

PLAIN_HTTP = Split(
    "", {}, Target("default", "myapp", "myapp", (80,)), Entrance("app-gateway", ("shop.example",))
)
HTTPS = replace(
    PLAIN_HTTP,
    entrance=Entrance("app-gateway", ("shop.example",), "tls"),
)
TABLE = "https.443.https.app-gateway.default"
OTHERS = "https.443.https.older.prod"
WANTED = Wanted({"v1": 100})


KINDS = {
    "dynamic_route_configs": "routes",
    "dynamic_endpoint_configs": "endpoints",
    "dynamic_listeners": "listeners",
    "dynamic_active_secrets": "secrets",
}


class Admin:
    """An Envoy's admin interface, by what is asked for; it keeps the order."""

    def __init__(self, **dumps: Any) -> None:
        self.dumps = dumps
        self.asked: list[str] = []

    def get(self, target: str) -> Any:
        """The dump, empty where there is none of it."""
        resource = target.partition("resource=")[2].partition("&")[0]
        kind = "certificates" if target == CERTS else KINDS[resource]
        self.asked.append(kind)
        return self.dumps.get(kind, {})


def looked(split: Split, **dumps: Any) -> tuple[list[str], list[str], chain.Seen]:
    """What was found, what was asked for, and all of it."""
    admin = Admin(**dumps)
    seen = chain.look(cast("EnvoyAdmin", admin), split, WANTED)
    return [one.cause for one in seen.findings], admin.asked, seen


def endpoints(*addresses: str) -> dict[str, Any]:
    items = [{"endpoint": {"address": {"socket_address": {"address": one}}}} for one in addresses]
    return {"configs": [{"endpoint_config": {"cluster_name": V1, "endpoints": [{"lb_endpoints": items}]}}]}


def routes(name: str) -> dict[str, Any]:
    """The split's own table."""
    found = table(PLAIN | {"match": {"prefix": "/"}}, name=name)
    found["configs"][0]["route_config"]["virtual_hosts"][0]["domains"] = ["shop.example"]
    return found


def https(route_table: str) -> dict[str, Any]:
    """An active listener that gives the host's connections to the server of this table."""
    found = listener("active_state", route_table, "tls")
    (entry,) = found["configs"][0]["active_state"]["listener"]["filter_chains"]
    entry["filter_chain_match"] = {"server_names": ["shop.example"]}
    return found


def test_an_envoy_that_serves_the_split_has_no_finding_and_tells_to_whom_it_sends() -> None:
    found, asked, seen = looked(
        PLAIN_HTTP,
        routes=routes("http.80"),
        endpoints=endpoints("10.0.0.1", "10.0.0.2"),
        listeners=listener("active_state", "http.80"),
    )
    assert found == []
    assert seen.healthy == {"v1": {"10.0.0.1", "10.0.0.2"}}
    assert [route.weights for route in seen.routes] == [{"v1": 100}]
    # No certificate of a server that has none.
    assert asked == ["routes", "endpoints", "listeners"]


def test_behind_a_broken_link_no_other_is_asked_for() -> None:
    found, asked, seen = looked(PLAIN_HTTP)
    assert (found, asked) == (["has no route of the VirtualService"], ["routes"])
    assert [one.link for one in seen.findings] == [Link.HOST]
    assert (seen.routes, seen.healthy) == ((), {})


def test_routes_to_nobody_and_a_port_that_nobody_listens_on_are_both_found() -> None:
    found, *_ = looked(PLAIN_HTTP, routes=routes("http.80"), endpoints=endpoints())
    assert found == ["has no healthy endpoint of v1", "does not listen on port 80"]


def test_a_version_whose_cluster_is_missing_has_nobody_to_send_to() -> None:
    found, _, seen = looked(
        PLAIN_HTTP, routes=routes("http.80"), listeners=listener("active_state", "http.80")
    )
    assert found == ["has no cluster of v1"]
    assert seen.healthy == {"v1": frozenset()}


def test_a_split_whose_entrance_is_not_known_is_not_asked_for_one() -> None:
    """As the states of the first releases have it."""
    split = replace(PLAIN_HTTP, entrance=None)
    found, asked, _ = looked(split, routes=routes("http.80"), endpoints=endpoints("10.0.0.1"))
    assert (found, asked) == ([], ["routes", "endpoints"])


def test_a_server_that_an_older_gateway_has_taken_is_named_though_there_is_no_table_left_of_ours() -> None:
    found, asked, _ = looked(HTTPS, listeners=https(OTHERS))
    assert found == [
        "has no route of the VirtualService",
        "gives the TLS connections for host shop.example to the Gateway prod/older",
    ]
    assert asked == ["routes", "listeners"]
    # Plain HTTP knows no names to take.
    assert looked(PLAIN_HTTP, listeners=https(OTHERS))[1] == ["routes"]


@pytest.mark.parametrize("server", [TABLE, OTHERS])
def test_https_needs_its_certificate_and_the_connections_of_its_hosts(server: str) -> None:
    found, asked, _ = looked(
        HTTPS,
        routes=routes(TABLE),
        endpoints=endpoints("10.0.0.1"),
        listeners=https(server),
    )
    not_loaded = "ends each TLS connection: it could not load the certificate tls"
    assert asked == ["routes", "endpoints", "listeners", "secrets", "certificates"]
    if server == TABLE:
        assert found == [not_loaded]
    else:
        elsewhere = "gives the TLS connections for host shop.example to the Gateway prod/older"
        assert found == ["does not listen on port 443", not_loaded, elsewhere]


LINKS = (Link.HOST, Link.ROUTE, Link.CLUSTER, Link.ENDPOINTS, Link.LISTENER)


@pytest.mark.parametrize(
    ("ready", "terminating", "counted"),
    [
        (True, False, LINKS),
        # No connection will come to one that goes.
        (True, True, (Link.HOST, Link.ROUTE, Link.CLUSTER, Link.ENDPOINTS)),
        # One that comes has routes before it has traffic: those have to be right.
        (False, False, (Link.ROUTE,)),
        (False, True, (Link.ROUTE,)),
    ],
)
def test_of_a_gateway_counts_what_requests_meet(
    ready: bool, terminating: bool, counted: tuple[Link, ...]
) -> None:
    pod = GatewayPod("mesh", "a", ready=ready, terminating=terminating)
    seen = Seen((), tuple(Finding(link, "is broken") for link in LINKS))
    found = chain.broken((Answer(pod, seen),))
    assert [one.link for one in found] == [*counted]
    assert {one.cause for one in found} == {"gateway mesh/a is broken"}


def test_a_gateway_that_does_not_answer_counts_while_it_may_have_requests() -> None:
    serves, comes = (GatewayPod("mesh", name, ready=name == "a", terminating=False) for name in "ab")
    fine, silent = Seen((), ()), GatewayError("it is silent")
    assert chain.broken((Answer(serves, fine), Answer(comes, None, silent))) == ()
    found = chain.broken((Answer(serves, None, silent),))
    assert [one.cause for one in found] == ["gateway mesh/a: it is silent"]
    # Without one that is ready nothing is proved.
    found = chain.broken((Answer(comes, fine),))
    assert [(one.link, one.cause) for one in found] == [(Link.GATEWAY, "no gateway is ready")]


def test_old_endpoints_are_a_finding_beside_the_others_and_of_silent_gateways_none() -> None:
    pod = GatewayPod("mesh", "a", ready=True, terminating=False)
    note = Finding(Link.RULE, "is a note", grade=Grade.NOTE)
    knows, silent = Seen((), (note,), {"v1": frozenset({"10.0.0.9"})}), GatewayError("it is silent")
    pods = {"items": [version_pod("v1", "10.0.0.1")]}
    answered, unanswered = Answer(pod, knows), Answer[Seen](pod, None, silent)
    objects = {"/api/v1/namespaces/default/pods": pods}
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        gateways = cast("Gateways", SimpleNamespace(api=api))
        first, second = chain.against_ready(gateways, PLAIN_HTTP.target, (answered, unanswered))
        assert chain.against_ready(gateways, PLAIN_HTTP.target, (unanswered,)) == (unanswered,)
    assert second == unanswered
    assert first.value is not None
    old = "knows none of the ready pods of v1: it has no news from istiod"
    assert [one.cause for one in first.value.findings] == ["is a note", old]


def test_a_split_in_words_has_the_versions_with_traffic_in_their_order() -> None:
    assert chain.shown({"v2": 10, "v3": 0, "v1": 90}) == "v1 90 %, v2 10 %"


def test_by_what_the_only_version_is_drawn_makes_no_difference() -> None:
    wanted = Wanted({"v1": 100}, "myapp-1", drawn_by="the header x-user")
    admin = Admin(
        routes=routes("http.80"),
        endpoints=endpoints("10.0.0.1"),
        listeners=listener("active_state", "http.80"),
    )
    assert chain.look(cast("EnvoyAdmin", admin), PLAIN_HTTP, wanted).findings == ()


def test_a_right_that_is_missing_is_there_to_stay_and_silence_may_end() -> None:
    missing = chain.unasked("may not be asked", ForbiddenError("no"))
    silent = chain.unasked("is silent", GatewayError("no"))
    assert (missing.grade, silent.grade) == (Grade.BROKEN, Grade.LATE)
