"""Whose objects may answer at a gateway beside the routes."""

from typing import Any

import pytest

from components.gateway.causes import route_filters
from components.gateway.gateways import Gateways
from components.gateway.suspects import suspects
from tests.unit.fake_cluster import FakeGateway, fake_cluster

SELECTOR = {"istio": "ingressgateway"}
FILTERS = "/apis/networking.istio.io/v1alpha3/envoyfilters"
POLICIES = "/apis/security.istio.io/v1/authorizationpolicies"


def item(spec: dict[str, Any], namespace: str = "istio-system") -> dict[str, Any]:
    return {"items": [{"metadata": {"namespace": namespace, "name": "theirs"}, "spec": spec}]}


def named(objects: dict[str, Any]) -> list[str]:
    with (
        fake_cluster(FakeGateway("a", {"v1": 100}), objects=objects) as cluster,
        Gateways(cluster.kubeconfig, SELECTOR) as gateways,
    ):
        return [str(one) for one in suspects(gateways)]


@pytest.mark.parametrize("labels", [{}, SELECTOR])
def test_what_is_for_the_gateways_pods_is_named(labels: dict[str, str]) -> None:
    objects = {
        FILTERS: item({"workloadSelector": {"labels": labels}}),
        POLICIES: item({"selector": {"matchLabels": labels}}),
    }
    assert named(objects) == [
        "AuthorizationPolicy istio-system/theirs",
        "EnvoyFilter istio-system/theirs",
    ]


def test_what_is_for_other_pods_is_not() -> None:
    assert named({FILTERS: item({"workloadSelector": {"labels": {"istio": "egress"}}})}) == []
    assert named({FILTERS: item({}, "default")}) == []


def test_what_a_stack_of_ours_made_is_not() -> None:
    filters = item({})
    filters["items"][0]["metadata"]["annotations"] = {"blue-green/owner": "org/project/stack/shop-sticky"}
    assert named({FILTERS: filters}) == []


def test_of_routes_that_do_more_than_the_split_the_filters_are_a_cause() -> None:
    objects = {FILTERS: item({}), POLICIES: item({})}
    with (
        fake_cluster(FakeGateway("a", {"v1": 100}), objects=objects) as cluster,
        Gateways(cluster.kubeconfig, SELECTOR) as gateways,
    ):
        (found,) = route_filters(gateways)
    assert found.cause == "EnvoyFilter istio-system/theirs acts on the gateways"
    assert found.cure == "kubectl -n istio-system get envoyfilter theirs -o yaml"
