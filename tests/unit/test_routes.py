"""The Istio objects for what routing says."""

import re
from dataclasses import replace
from typing import Any

from components.manifests import routes
from components.manifests.objects import objects
from components.settings.model import (
    App,
    Mirror,
    Port,
    RequestMark,
    Retries,
    Routing,
    StickySession,
    Subset,
    Version,
)
from components.settings.parse import parse

APP = App("shop", "web")


def test_every_part_of_the_routing_is_in_the_virtual_service() -> None:
    routing = Routing(
        hosts=("shop.example",),
        paths=("/a", "/b"),
        headers={"x-beta": "yes"},
        response_headers={"x-split": "on"},
        timeout="5s",
        retries=Retries(2, "1s", "5xx"),
        mesh_callers=True,
    )
    spec = routes.virtual_service(APP, {"v1": 0, "v2": 100}, routing)["spec"]
    assert re.fullmatch(r"shop-[0-9a-f]{8}", spec["http"][0].pop("name"))
    header = {"x-beta": {"exact": "yes"}}
    assert spec == {
        "hosts": ["shop.example", "shop"],
        "gateways": ["app-gateway", "mesh"],
        "exportTo": ["*"],
        "http": [
            {
                "match": [
                    {"headers": header, "uri": {"prefix": "/a"}},
                    {"headers": header, "uri": {"prefix": "/b"}},
                ],
                "route": [
                    {"destination": {"host": "shop", "subset": "v2", "port": {"number": 80}}, "weight": 100}
                ],
                "headers": {"response": {"set": {"x-split": "on"}}},
                "timeout": "5s",
                "retries": {"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx"},
            }
        ],
    }


def test_a_percent_sign_of_a_response_header_means_itself() -> None:
    """Envoy takes %…% for a command, and rejects the routes of all apps for one that it does not know."""
    routing = Routing(response_headers={"x-note": "50%20off%20today"})
    (rule,) = routes.virtual_service(APP, {"v1": 100}, routing)["spec"]["http"]
    assert rule["headers"]["response"]["set"] == {"x-note": "50%%20off%%20today"}


def test_the_routes_name_is_another_one_when_anything_but_the_weights_is() -> None:
    def name(weights: dict[str, int], routing: Routing) -> str:
        return routes.virtual_service(APP, weights, routing)["spec"]["http"][0]["name"]

    routing = Routing(hosts=("shop.example",))
    assert name({"v1": 100}, routing) == name({"v1": 50, "v2": 50}, routing)
    others = [
        replace(routing, hosts=("other.example",)),
        replace(routing, timeout="5s"),
        replace(routing, response_headers={"a": "b"}),
        replace(routing, mesh_callers=True),
    ]
    assert len({name({"v1": 100}, one) for one in (routing, *others)}) == 5


def test_another_entrance_of_an_only_port_is_another_name_as_no_match_has_it() -> None:
    def name(port: int, tls: str | None = None, app: App = APP) -> str:
        routing = Routing(hosts=("shop.example",), port=port, tls_secret=tls)
        return routes.virtual_service(app, {"v1": 100}, routing)["spec"]["http"][-1]["name"]

    # Those of a usual port are as they ever were.
    assert name(80) == name(443, "tls") == "shop-1d9857fd"
    assert len({name(80), name(8080), name(9090), name(443), name(80, "tls")}) == 5
    two = App("shop", "web", ports=(Port("http", 80), Port("api", 81, gateway_port=8081)))
    assert name(80, app=two) != name(8080, app=two)


def test_tls_is_a_named_secret() -> None:
    routing = Routing(hosts=("shop.example",), port=443, tls_secret="shop-tls")  # noqa: S106
    (server,) = routes.gateway(APP, routing)["spec"]["servers"]
    assert server["port"] == {"number": 443, "name": "https", "protocol": "HTTPS"}
    assert server["tls"] == {"mode": "SIMPLE", "credentialName": "shop-tls"}


def test_sticky_sessions_are_a_policy_of_each_subset() -> None:
    def balancer(session: StickySession) -> object:
        rule = routes.destination_rule(APP, "v1", Version("app:1"), Routing(sticky_session=session))
        return rule["spec"]["subsets"][0]["trafficPolicy"]["loadBalancer"]["consistentHash"]

    assert balancer(StickySession(cookie="s", ttl="1h")) == {"httpCookie": {"name": "s", "ttl": "1h"}}
    assert balancer(StickySession(header="x-user")) == {"httpHeaderName": "x-user"}


def test_a_versions_policy_goes_before_the_routings_and_beside_the_sticky_session() -> None:
    pool, ejection = {"http": {"http1MaxPendingRequests": 1}}, {"consecutive5xxErrors": 5}
    routing = Routing(
        sticky_session=StickySession(header="x-user"),
        traffic_policy={"connectionPool": pool, "outlierDetection": ejection},
    )
    version = Version("app:1", traffic_policy={"outlierDetection": {}})
    rule = routes.destination_rule(APP, "v1", version, routing)
    assert rule["spec"]["subsets"][0]["trafficPolicy"] == {
        "connectionPool": pool,
        "outlierDetection": {},
        "loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}},
    }


def test_what_verify_compares_has_a_versions_own_settings() -> None:
    versions = {
        "v1": {"image": "app:1", "replicas": 1, "trafficPolicy": {"outlierDetection": {"interval": "1s"}}}
    }
    config: dict[str, object] = {
        "cluster": {"kind": "minikube", "profile": "dev"},
        "app": {"name": "app"},
        "versions": versions,
        "weights": {"v1": 100},
    }
    made = {one["kind"]: one for one in objects(parse(config))}
    subset = made["DestinationRule"]["spec"]["subsets"][0]
    assert subset["trafficPolicy"] == versions["v1"]["trafficPolicy"]
    assert "PodDisruptionBudget" not in made


def test_test_routes_stand_before_the_split_with_all_that_the_routing_says() -> None:
    routing = Routing(
        hosts=("shop.example",),
        paths=("/a", "/b"),
        headers={"x-beta": "yes"},
        response_headers={"x-split": "on"},
        timeout="5s",
        retries=Retries(0),
    )
    marks = {
        "v3": RequestMark(cookie={"version": "v3"}),
        "v2": RequestMark(header={"x-version": "v2"}, strip=True),
    }
    plain = routes.virtual_service(APP, {"v1": 100}, routing)["spec"]
    spec = routes.virtual_service(APP, {"v1": 100}, routing, marks)["spec"]
    *tests, split = spec["http"]
    # Neither the split nor its name is another one: nothing of it is written anew.
    assert [split] == plain["http"]
    second, third = tests
    assert re.fullmatch(r"shop-[0-9a-f]{8}/test-v2", second["name"])
    beta = {"x-beta": {"exact": "yes"}}
    assert second["match"] == [
        {"headers": {**beta, "x-version": {"exact": "v2"}}, "uri": {"prefix": path}} for path in ("/a", "/b")
    ]
    cookie = {"cookie": {"regex": "(.*; *)?version=v3(;.*)?"}}
    assert [match["headers"] for match in third["match"]] == [beta | cookie] * 2
    assert second["route"] == [
        {"destination": {"host": "shop", "subset": "v2", "port": {"number": 80}}},
    ]
    assert second["headers"] == {"response": {"set": {"x-split": "on"}}, "request": {"remove": ["x-version"]}}
    assert third["headers"] == split["headers"]
    assert all((one["timeout"], one["retries"]) == ("5s", {"attempts": 0}) for one in spec["http"])


def test_a_test_routes_name_is_another_one_when_anything_of_it_is() -> None:
    def name(mark: RequestMark, routing: Routing) -> str:
        return routes.virtual_service(APP, {"v1": 100}, routing, {"v2": mark})["spec"]["http"][0]["name"]

    mark, routing = RequestMark(header={"x-version": "v2"}), Routing()
    others = [
        name(replace(mark, strip=True), routing),
        name(RequestMark(header={"x-version": "v3"}), routing),
        name(mark, replace(routing, timeout="5s")),
        name(mark, replace(routing, hosts=("shop.example",))),
    ]
    assert len({name(mark, routing), *others}) == 5


def test_a_test_route_is_no_part_of_the_split() -> None:
    marks = {"v2": RequestMark(header={"x-version": "v2"})}
    spec = routes.virtual_service(APP, {"v1": 60, "v2": 40}, Routing(), marks)["spec"]
    assert routes.split(spec) == {"v1": 60, "v2": 40}


def test_the_mirror_is_the_split_once_more_for_its_methods() -> None:
    routing = Routing(paths=("/a",), timeout="5s")
    plain = routes.virtual_service(APP, {"v1": 60, "v3": 40}, routing)["spec"]["http"]
    mirror, *split = routes.virtual_service(
        APP, {"v1": 60, "v3": 40}, routing, None, Mirror("v2", 10, ("GET", "HEAD"))
    )["spec"]["http"]
    assert split == plain
    assert re.fullmatch(r"shop-[0-9a-f]{8}/mirror", mirror.pop("name"))
    assert mirror == {
        "match": [{"uri": {"prefix": "/a"}, "method": {"exact": method}} for method in ("GET", "HEAD")],
        "route": split[0]["route"],
        "mirrors": [
            {
                "destination": {"host": "shop", "subset": "v2", "port": {"number": 80}},
                "percentage": {"value": 10},
            }
        ],
        "timeout": "5s",
    }


def test_names_and_marks_are_those_of_earlier_commits_in_any_order_of_the_keys() -> None:
    """Another name would write the routes of every stack anew; Pulumi orders keys as it likes."""
    spec = routes.virtual_service(APP, {"v1": 60, "v2": 40}, Routing(hosts=("shop.example",)))["spec"]
    (rule,) = spec["http"]
    assert rule["name"] == "shop-1d9857fd"
    assert routes.marks(spec) == {"v1": "v1 4836d76a", "v2": "v2 4836d76a"}
    turned = {**_turned(spec), "http": [_turned({**rule, "route": [_turned(one) for one in rule["route"]]})]}
    again = routes.rule_name(APP, Routing(), turned, turned["http"][0], APP.namespace)
    assert again == rule["name"]
    assert routes.marks(turned) == routes.marks(spec)


def _turned(known: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(known.items()))


def test_the_marks_are_the_splits_though_test_routes_and_a_mirror_stand_before_it() -> None:
    weights, routing = {"v1": 60, "v2": 40}, Routing()
    beside = ({"v3": RequestMark(header={"x-version": "v3"})}, Mirror("v3", 10, ("GET",)))
    alone = routes.marks(routes.virtual_service(APP, weights, routing)["spec"])
    spec = routes.virtual_service(APP, weights, routing, *beside, marked=True)["spec"]
    *before, split = spec["http"]
    assert routes.marks(spec) == alone
    assert [one["headers"]["response"]["set"][routes.MARK] for one in split["route"]] == [*alone.values()]
    assert "headers" not in before[0]["route"][0]


def test_the_split_of_what_somebody_else_wrote_is_its_first_rule_that_names_subsets() -> None:
    def route(subset: str, **more: int) -> dict[str, Any]:
        return {"destination": {"host": "shop", "subset": subset}, **more}

    whole: dict[str, Any] = {"http": [{"route": [route("v1")]}, {"route": [route("v2")]}]}
    assert routes.split(whole) == {"v1": 100}
    assert routes.split({"http": [{"redirect": {"uri": "/"}}]}) == {}
    assert routes.split({"http": [{"route": [{"destination": {"host": "shop"}}]}]}) == {}
    assert routes.split({}) == {}


def test_a_rule_takes_its_exports_and_the_pods_labels_from_the_one_that_stands() -> None:
    def rule(version: str, existing: Version) -> dict[str, Any]:
        return routes.destination_rule(APP, version, existing, Routing())

    somebodys = Version(deployment="cart")
    ours = rule("v1", Version("shop:1"))
    assert routes.as_written(ours, None) == ours
    assert routes.as_written(ours, {"spec": {"exportTo": ["."], "subsets": []}}) == ours
    exported = routes.as_written(ours, {"spec": {"exportTo": ["*"], "subsets": []}})
    assert exported["spec"] == {**ours["spec"], "exportTo": ["*"]}

    subsets = [{"name": "v0", "labels": {"part": "old"}}, {"name": "v1", "labels": {"part": "cart"}}]
    without = rule("v1", somebodys)
    assert without["spec"]["subsets"] == [{"name": "v1", "labels": {}}]
    assert routes.as_written(without, {"spec": {"subsets": subsets}})["spec"]["subsets"] == [subsets[1]]
    assert routes.as_written(without, {"spec": {"subsets": subsets[:1]}}) == without
    named = rule("v1", replace(somebodys, subset=Subset({"part": "mine"})))
    assert routes.as_written(named, {"spec": {"subsets": subsets}}) == named
    # Its own labels are never another rule's.
    assert routes.as_written(ours, {"spec": {"subsets": subsets}}) == ours
