"""The mesh's settings that hide an app from a gateway's istiod."""

from typing import Any

import pytest
import yaml

from components.gateway.envoy import Target
from components.gateway.mesh import hides_rules, out_of_sight
from components.gateway.pods import GatewayPod
from components.kubernetes.api import Api
from tests.unit.fake_cluster import fake_cluster

TARGET = Target("shop", "shop", "shop", (80,))
WATCHED = {"matchLabels": {"watched": "yes"}}
EXPRESSION = {"matchExpressions": [{"key": "watched", "operator": "Exists"}]}


ISTIODS = "/api/v1/namespaces/mesh/pods"


def said(
    selectors: list[dict[str, Any]], labels: dict[str, str], revision: str | None = None
) -> list[tuple[str, str]]:
    """Cause and cure, for a gateway of the revision canary."""
    pod = GatewayPod("edge", "a", ready=True, terminating=False, control_plane="mesh", revision="canary")
    service = {"metadata": {"labels": {"istio.io/rev": revision} if revision else {}}}
    objects: dict[str, Any] = {
        "/api/v1/namespaces/shop": {"metadata": {"labels": labels}},
        "/api/v1/namespaces/mesh/configmaps/istio-canary": {
            "data": {"mesh": yaml.safe_dump({"discoverySelectors": selectors})}
        },
        "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/shop": service,
        ISTIODS: {"items": []},
    }
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        return [(one.cause, one.cure) for one in out_of_sight(api, TARGET, (pod, pod))]


@pytest.mark.parametrize(
    ("selectors", "labels"),
    [
        ([], {}),
        ([WATCHED], {"watched": "yes", "other": "label"}),
        ([{"matchLabels": {"other": "one"}}, WATCHED], {"watched": "yes"}),
        # By expressions none is decided here.
        ([WATCHED, EXPRESSION], {}),
    ],
)
def test_a_namespace_that_a_selector_takes_is_in_sight(
    selectors: list[dict[str, Any]], labels: dict[str, str]
) -> None:
    assert said(selectors, labels) == []


def test_a_namespace_that_no_selector_takes_is_named_with_the_label_that_it_lacks() -> None:
    ((cause, cure),) = said([WATCHED], {"watched": "no"})
    assert "gateway edge/a does not watch the namespace shop" in cause
    assert cure == "kubectl label namespace shop watched=yes"


def test_objects_for_another_revision_are_named() -> None:
    assert said([], {}, "canary") == []
    ((cause, _),) = said([], {}, "stable")
    assert "istio.io/rev=stable, and gateway edge/a is of revision canary" in cause


@pytest.mark.parametrize(
    ("setting", "hidden"),
    [
        ({}, False),
        ({"defaultDestinationRuleExportTo": ["*"]}, False),
        ({"defaultDestinationRuleExportTo": ["."]}, True),
    ],
)
def test_a_default_that_keeps_rules_in_their_namespace_hides_them(
    setting: dict[str, Any], *, hidden: bool
) -> None:
    plain = GatewayPod("edge", "a", ready=True, terminating=False)
    canary = GatewayPod("edge", "b", ready=True, terminating=False, revision="canary")
    maps = "/api/v1/namespaces/istio-system/configmaps"
    objects = {
        f"{maps}/istio": {"data": {"mesh": yaml.safe_dump({})}},
        f"{maps}/istio-canary": {"data": {"mesh": yaml.safe_dump(setting)}},
    }
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        assert hides_rules(api, (plain, canary)) is hidden
        assert not hides_rules(api, (plain,))


@pytest.mark.parametrize(
    ("setting", "namespaces", "named"),
    [
        ("true", ("shop", "team"), ["team/gateway"]),
        ("1", ("team", "edge"), ["edge/gateway"]),
        ("true", ("shop",), []),
        ("false", ("shop", "team"), []),
        ("", ("shop", "team"), []),
    ],
)
def test_a_gateway_that_gets_the_gateways_of_its_own_namespace_alone_is_named(
    setting: str, namespaces: tuple[str, ...], named: list[str]
) -> None:
    pods = [
        GatewayPod(one, "gateway", ready=True, terminating=False, control_plane="mesh") for one in namespaces
    ]
    scope = {"name": "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "value": setting}
    istiod = {"spec": {"containers": [{"env": [{"name": "REVISION", "value": "default"}, scope]}]}}
    objects: dict[str, Any] = {
        ISTIODS: {"items": [istiod]},
        "/api/v1/namespaces/mesh/configmaps/istio": {"data": {"mesh": yaml.safe_dump({})}},
    }
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        found = out_of_sight(api, TARGET, pods)
    assert [one.cause.split()[4] for one in found] == named
    assert all("PILOT_SCOPE_GATEWAY_TO_NAMESPACE), and the stack's is in shop" in one.cause for one in found)
