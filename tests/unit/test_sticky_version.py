"""The EnvoyFilter that keeps users on their version: for which routes it is, and when it is there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.history.routes import applied_with
from components.manifests import routes, sticky_version
from components.manifests.manifest import Manifest
from components.settings.model import App, Mirror, Port, RequestMark, Routing, StickyVersion, Version
from components.traffic_split import TrafficSplit, TrafficSplitArgs
from tests.unit.pulumi_run import Registered, run

APP = App("shop", "web")
BY_HEADER = StickyVersion(header="x-user")
ROUTING = Routing(hosts=("shop.example", "*.shop.example"), sticky_version=BY_HEADER)
HALF = {"v1": 50, "v2": 50}
ACTION = {
    "hash_policy": [{"header": {"header_name": "x-user"}}],
    "weighted_clusters": {"use_hash_policy": True},
}


def spec_of(routing: Routing = ROUTING, weights: Mapping[str, int] = HALF, app: App = APP) -> Manifest:
    marks = {"v3": RequestMark(header={"x-version": "v3"})}
    return routes.virtual_service(app, weights, routing, marks, Mirror("v3"))["spec"]


def names(spec: Manifest) -> list[str]:
    return [rule["name"] for rule in spec["http"]]


def test_it_is_for_each_route_of_several_versions_and_for_no_other() -> None:
    spec = spec_of()
    test, mirror, split = names(spec)
    assert test.startswith("shop-")
    assert mirror.startswith("web_shop-")
    assert split.startswith("web_shop-")
    found = sticky_version.patches(BY_HEADER, spec)
    matches = [one["match"]["routeConfiguration"]["vhost"] for one in found]
    # By the name alone: istiod makes one virtual host of hosts with the same routes, and appends to lists.
    assert matches == [{"route": {"name": name, "action": "ROUTE"}} for name in (mirror, split)]
    assert {one["match"]["context"] for one in found} == {"GATEWAY"}
    assert [one["patch"] for one in found] == 2 * [{"operation": "MERGE", "value": {"route": ACTION}}]
    by_cookie = sticky_version.patches(StickyVersion(cookie="session"), spec)
    assert by_cookie[0]["patch"]["value"]["route"]["hash_policy"] == [{"cookie": {"name": "session"}}]


def test_the_split_of_a_further_port_has_it_too() -> None:
    app = App("shop", "web", ports=(Port("http", 80), Port("api", 81, gateway_port=8081)))
    spec = routes.virtual_service(app, HALF, Routing(sticky_version=BY_HEADER))["spec"]
    found = sticky_version.patches(BY_HEADER, spec)
    assert [one["match"]["routeConfiguration"]["vhost"]["route"]["name"] for one in found] == names(spec)
    assert len(set(names(spec))) == 2


def test_one_version_alone_has_the_name_that_no_filter_is_for() -> None:
    alone = spec_of(weights={"v1": 100, "v2": 0})
    assert names(alone) == names(spec_of(replace(ROUTING, sticky_version=None), {"v1": 100}))
    assert sticky_version.patches(BY_HEADER, alone) == []
    assert sticky_version.drawn_by(ROUTING, {"v1": 100, "v2": 0}) == ""
    assert sticky_version.drawn_by(ROUTING, HALF) == "the header x-user"
    assert sticky_version.drawn_by(Routing(), HALF) == ""


def test_the_weights_leave_the_name_as_it_is_and_whatever_else_changes_names_every_route_anew() -> None:
    weighted = set(names(spec_of())[1:])
    assert set(names(spec_of(weights={"v1": 10, "v2": 30, "v4": 60}))[1:]) == weighted
    others = [
        spec_of(replace(ROUTING, timeout="5s")),
        spec_of(replace(ROUTING, sticky_version=StickyVersion(header="x-other"))),
        spec_of(replace(ROUTING, sticky_version=StickyVersion(cookie="x-user"))),
        spec_of(app=App("shop", "other")),
        # A test route more or less: two filters would both be merged onto what they have in common.
        routes.virtual_service(APP, HALF, ROUTING, {}, Mirror("v3"))["spec"],
        routes.virtual_service(APP, HALF, ROUTING, {}, Mirror("v3", methods=("GET",)))["spec"],
    ]
    for other in others:
        assert not weighted & set(names(other))
    assert len({sticky_version.object_name(one) for one in [spec_of(), *others]}) == 7
    assert sticky_version.object_name(spec_of()).startswith("web.shop-")


def test_a_rollback_at_once_to_one_version_takes_the_routes_from_the_filter() -> None:
    spec = spec_of()
    found = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "shop", "namespace": "web"},
        "spec": spec,
    }
    _, alone = applied_with(found, {"v1": 100})
    assert sticky_version.patches(BY_HEADER, alone["spec"]) == []
    assert not [name for name in names(alone["spec"]) if name.startswith("web_")]
    _, several = applied_with(found, {"v1": 80, "v2": 20})
    assert names(several["spec"]) == names(spec)


def up(weights: Mapping[str, int], routing: Routing = ROUTING) -> Registered:
    versions = {name: Version(f"app:{name}") for name in weights}
    args = TrafficSplitArgs(
        APP, versions, weights, "kubeconfig", routing=routing, gateway_namespace="gateways"
    )
    return run(lambda: TrafficSplit("shop", args), {"shop-converged": {"proof": []}})


def filters(done: Registered) -> list[Any]:
    return [one for one in done.resources if one.type.endswith(":EnvoyFilter")]


def test_an_up_makes_it_beside_the_gateway_and_proves_it() -> None:
    done = up(HALF)
    (made,) = filters(done)
    (rule,) = done.named("shop-virtualservice").inputs["spec"]["http"]
    assert made.inputs["metadata"]["namespace"] == "gateways"
    assert made.inputs["metadata"]["name"] == rule["name"].replace("_", ".")
    assert made.name == f"shop-sticky-{rule['name'][-8:]}"
    assert made.inputs["spec"]["workloadSelector"] == {"labels": {"istio": "ingressgateway"}}
    assert len(made.inputs["spec"]["configPatches"]) == 1
    assert done.named("shop-converged").inputs["drawnBy"] == "the header x-user"


@pytest.mark.parametrize(
    ("weights", "routing"), [({"v1": 100, "v2": 0}, ROUTING), (HALF, replace(ROUTING, sticky_version=None))]
)
def test_where_it_has_nothing_to_do_there_is_none(weights: Mapping[str, int], routing: Routing) -> None:
    done = up(weights, routing)
    assert filters(done) == []
    assert "drawnBy" not in done.named("shop-converged").inputs
