"""A version's autoscaler: the object, the number of pods beside it, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.application import Application
from components.manifests import workload
from components.settings.mistakes import ConfigError
from components.settings.model import App, Autoscaling, Settings, Version
from components.settings.parse import parse
from tests.unit.pulumi_run import run

APP = App("shop", "web")


def parsed(**version: Any) -> Settings:
    config: Mapping[str, Any] = {
        "cluster": {"kind": "kubeconfig"},
        "app": {"name": "shop"},
        "versions": {"v1": {"image": "shop:1", **version}},
        "weights": {"v1": 100},
    }
    return parse(config)


def test_it_is_kubernetes_own_with_the_metrics_of_the_config() -> None:
    queue = {"type": "Pods", "pods": {"metric": {"name": "queue"}}}
    manifest = workload.autoscaler(
        APP, "v1", Version("shop:1", autoscaling=Autoscaling(2, 5, 70, 80, (queue,)))
    )
    assert manifest is not None
    assert (manifest["apiVersion"], manifest["kind"]) == ("autoscaling/v2", "HorizontalPodAutoscaler")
    spec = manifest["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-v1"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    cpu, memory, last = spec["metrics"]
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert memory["resource"]["name"] == "memory"
    assert last == queue


def test_without_a_metric_kubernetes_chooses_its_own() -> None:
    manifest = workload.autoscaler(APP, "v1", Version("shop:1", autoscaling=Autoscaling(1, 2)))
    assert manifest is not None
    assert "metrics" not in manifest["spec"]


def test_it_stands_behind_its_deployment_which_begins_with_the_fewest_pods() -> None:
    versions = {"v1": Version("shop:1", autoscaling=Autoscaling(3, 5)), "v2": Version("shop:2")}
    done = run(lambda: Application("shop", APP, versions))
    autoscalers = [name for name in done.names() if "Autoscaler" in name]
    assert autoscalers == ["kubernetes:autoscaling/v2:HorizontalPodAutoscaler shop-v1-autoscaler"]
    assert done.named("shop-v1-deployment").inputs["spec"]["replicas"] == 3
    assert "shop-v1-disruptionbudget" in [one.name for one in done.resources]


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (
            {"autoscaling": {"min": 1, "max": 2}, "replicas": 2},
            "autoscaling: replicas says the number of pods",
        ),
        (
            {"autoscaling": {"min": 3, "max": 2}},
            "versions.v1.autoscaling.min: 3 is more than max, 2. Lower it",
        ),
        ({"autoscaling": {"min": 0, "max": 2}}, "versions.v1.autoscaling.min: 0 is out of range"),
        ({"autoscaling": {"min": 1}}, "versions.v1.autoscaling.max: it is missing. Write an integer"),
        (
            {"autoscaling": {"min": 1, "max": 2}, "image": None, "deployment": "cart"},
            "versions.v1.autoscaling: the owner of Deployment cart says that. Take it out.",
        ),
    ],
)
def test_a_mistake_is_a_sentence(version: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parsed(**version)
    assert sentence in str(refused.value)


def test_a_share_of_nothing_is_warned_of() -> None:
    aim = {"min": 1, "max": 2, "cpu": 70}
    warned = "autoscaling.cpu: it is a share of what is requested, and resources.requests has no cpu"
    assert warned in "\n".join(parsed(autoscaling=aim).warnings)
    resources = {"requests": {"cpu": "1"}}
    assert warned not in "\n".join(parsed(autoscaling=aim, resources=resources).warnings)
    assert warned not in "\n".join(parsed(autoscaling=aim, podTemplate={"spec": {}}).warnings)
