"""The config's key for a field that the API server refuses, and the command that tells of it."""

from typing import Any

import pytest

from components.manifests import workload
from components.manifests.config_key import config_key, explained
from components.settings.model import App, Autoscaling, Version

SIDECAR: dict[str, Any] = {"spec": {"containers": [{"name": "side", "livenessProbe": {}}]}}
OWN: dict[str, Any] = {
    "spec": {
        "containers": [{"name": "shop", "volumeMounts": [{"name": "no", "mountPath": "/a"}]}],
        "tolerations": [{"key": "a", "effect": "b"}],
    }
}
APP = App("shop", pod_template=SIDECAR)
VERSION = Version("shop:1", pod_template=OWN, autoscaling=Autoscaling(1, 2), files={"/a": "text"})
PIECES = workload.pieces(APP, {"v1": VERSION})
OBJECTS = {
    one["kind"]: one
    for one in (
        workload.service(APP),
        workload.deployment(APP, "v1", VERSION),
        workload.autoscaler(APP, "v1", VERSION),
        workload.files(APP, "v1", VERSION),
    )
    if one is not None
}
POD = "spec.template.spec"
CONTAINERS: list[Any] = OBJECTS["Deployment"]["spec"]["template"]["spec"]["containers"]
SHOP, SIDE = (next(i for i, one in enumerate(CONTAINERS) if one["name"] == name) for name in ("shop", "side"))


@pytest.mark.parametrize(
    ("kind", "field", "key"),
    [
        (
            "Deployment",
            f"{POD}.containers[{SHOP}].volumeMounts[0].name",
            "versions.v1.podTemplate.spec.containers.shop.volumeMounts.no.name",
        ),
        (
            "Deployment",
            f"{POD}.containers[{SIDE}].livenessProbe",
            "app.podTemplate.spec.containers.side.livenessProbe",
        ),
        # The piece has the container, and what the API server misses in it.
        ("Deployment", f"{POD}.containers[{SIDE}].image", "app.podTemplate.spec.containers.side.image"),
        ("Deployment", f"{POD}.tolerations[0].effect", "versions.v1.podTemplate.spec.tolerations.0.effect"),
        # As an apply names the members of a list.
        (
            "Deployment",
            f'{POD}.containers[name="side"].env',
            "app.podTemplate.spec.containers.side.env",
        ),
        ("Deployment", f"{POD}.tolerations[0].{{key, effect}}", "versions.v1.podTemplate.spec.tolerations.0"),
        ("Deployment", f"{POD}.securityContext", "versions.v1"),
        ("Deployment", "spec.replicas", "versions.v1"),
        ("Deployment", "", "versions.v1"),
        ("HorizontalPodAutoscaler", "spec.metrics[0].resource", "versions.v1.autoscaling"),
        ("ConfigMap", "data[0.a]", "versions.v1.files"),
        ("Service", "spec.ports[0].name", "app"),
    ],
)
def test_a_field_has_the_key_that_brings_it_in(kind: str, field: str, key: str) -> None:
    assert config_key(OBJECTS[kind], field, PIECES) == key


@pytest.mark.parametrize(
    ("kind", "field", "told"),
    [
        ("Deployment", f"{POD}.containers[0].image", "deployment.spec.template.spec.containers.image"),
        (
            "Deployment",
            f"{POD}.containers[0].resources.limits[cpu]",
            "deployment.spec.template.spec.containers.resources.limits",
        ),
        (
            "Deployment",
            f'{POD}.hostAliases[ip="10.0.0.1"].hostnames',
            "deployment.spec.template.spec.hostAliases.hostnames",
        ),
        ("Deployment", f"{POD}.nodeSelector.zone", "deployment.spec.template.spec.nodeSelector"),
        ("Deployment", f"{POD}.volumes[0].{{a, b}}", "deployment.spec.template.spec.volumes"),
        ("HorizontalPodAutoscaler", "", "horizontalpodautoscaler"),
        ("ConfigMap", "data[0.a]", "configmap.data"),
    ],
)
def test_a_field_is_explained_by_kubectl(kind: str, field: str, told: str) -> None:
    assert explained(OBJECTS[kind], field) == told
