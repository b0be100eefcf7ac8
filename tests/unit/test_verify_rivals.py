"""Disruption budgets and autoscalers of others beside the stack's own: which of them `verify` warns of."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.commands.verify.rivals import rivals
from components.manifests.objects import objects
from components.observation.live import Live
from components.settings.parse import parse

SETTINGS = parse(
    {
        "cluster": {"kind": "minikube", "profile": "dev"},
        "app": {"name": "app", "namespace": "shops"},
        "versions": {
            "v1": {"image": "app:1", "autoscaling": {"min": 2, "max": 4}},
            "v2": {"image": "app:2", "replicas": 1},
        },
        "weights": {"v1": 100},
    }
)


def warned(kind: str, **spec: object) -> list[str]:
    found: dict[tuple[str, str], Mapping[str, Any]] = {
        (one["kind"], one["metadata"]["name"]): one for one in objects(SETTINGS)
    }
    found[kind, "theirs"] = {"spec": spec}
    return list(rivals(SETTINGS, Live({"v1": 100}, None, found, (), {}, kubectl="kubectl --context a")))


def test_a_budget_for_the_same_pods_is_named_with_the_line_that_deletes_it() -> None:
    assert warned("PodDisruptionBudget", selector={"matchLabels": {"app": "app"}}) == [
        "PodDisruptionBudget shops/theirs is for the pods of v1, which have the stack's own: Kubernetes "
        "evicts no pod of two, so their nodes cannot be drained. Where nothing else needs it: "
        "kubectl --context a delete -n shops poddisruptionbudget/theirs"
    ]


def test_an_autoscaler_of_the_same_deployment_is_named() -> None:
    theirs = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app-v1"}
    assert warned("HorizontalPodAutoscaler", scaleTargetRef=theirs) == [
        "HorizontalPodAutoscaler shops/theirs is for the pods of v1, which have the stack's own: of two, "
        "neither scales. Where nothing else needs it: "
        "kubectl --context a delete -n shops horizontalpodautoscaler/theirs"
    ]
    for other in ({"name": "app-v2"}, {"name": "other"}, {"kind": "StatefulSet"}):
        assert warned("HorizontalPodAutoscaler", scaleTargetRef={**theirs, **other}) == []


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        pytest.param({}, True, id="all of the namespace"),
        pytest.param(None, False, id="no selector"),
        pytest.param({"matchLabels": {"app": "app", "version": "v1"}}, True, id="v1"),
        pytest.param({"matchLabels": {"app": "app", "version": "v2"}}, False, id="v2, which has none"),
        pytest.param({"matchLabels": {"app": "other"}}, False, id="another app"),
        *(
            pytest.param({"matchExpressions": [{"key": "version", **one}]}, takes, id=str(one))
            for one, takes in (
                ({"operator": "In", "values": ["v0", "v1"]}, True),
                ({"operator": "In", "values": ["v2"]}, False),
                ({"operator": "NotIn", "values": ["v2"]}, True),
                ({"operator": "NotIn", "values": ["v1"]}, False),
                ({"operator": "Exists"}, True),
                ({"operator": "DoesNotExist"}, False),
            )
        ),
        pytest.param(
            {"matchLabels": {"app": "other"}, "matchExpressions": [{"key": "version", "operator": "Exists"}]},
            False,
            id="both have to fit",
        ),
    ],
)
def test_a_selector_is_read_by_kubernetes_rules(selector: Mapping[str, Any] | None, takes: bool) -> None:
    spec = {} if selector is None else {"selector": selector}
    assert bool(warned("PodDisruptionBudget", **spec)) is takes
