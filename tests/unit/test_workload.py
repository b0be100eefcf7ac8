"""The app's objects, each as a whole, as the stacks of all releases have it.

A field more, or another value, is another pod template: the first `up` of a new release would replace every
pod of every stack. Where that is meant, it is in the changelog, and here.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from components.manifests import workload
from components.settings.model import (
    App,
    Autoscaling,
    ConfigMapKey,
    Grpc,
    Port,
    Probe,
    Probes,
    Resources,
    SecretKey,
    Version,
)
from components.settings.pod_template import outline

APP = App("shop", "web", labels={"team": "t"})
SELECTOR = {"app": "shop", "version": "v1"}
# Whether a version is ready is asked of those that get traffic; what others wrote is taken back.
ANNOTATIONS = {"pulumi.com/skipAwait": "true", "pulumi.com/patchForce": "true"}
TCP: Mapping[str, Any] = {
    "tcpSocket": {"port": 80},
    "initialDelaySeconds": 0,
    "periodSeconds": 2,
    "timeoutSeconds": 1,
    "failureThreshold": 3,
}
CONTAINER: Mapping[str, Any] = {
    "name": "shop",
    "image": "shop:1",
    "imagePullPolicy": "IfNotPresent",
    "ports": [{"name": "http", "containerPort": 80}],
    "readinessProbe": TCP,
    # Until every gateway knows that the pod is going, it serves on.
    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    "securityContext": {"allowPrivilegeEscalation": False},
}


def metadata(name: str, labels: Mapping[str, str] = SELECTOR, more: Mapping[str, str] = {}) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "web",
        "labels": {"team": "t", **labels},
        "annotations": {**ANNOTATIONS, **more},
    }


def pod(version: Version) -> dict[str, Any]:
    return workload.deployment(APP, "v1", version)["spec"]["template"]["spec"]


def test_the_service_is_seen_in_the_whole_mesh_and_finds_a_pods_port_by_its_name() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("shop", {"app": "shop"}, {"networking.istio.io/exportTo": "*"}),
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "shop"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    }
    assert workload.service(App("shop", "web", 8080, labels={"team": "t"})) == service


def test_of_several_ports_each_says_its_protocol_and_the_first_alone_goes_by_name() -> None:
    ports = (Port("web", 80), Port("api", 9000, "grpc"))
    assert workload.service(App("shop", ports=ports))["spec"]["ports"] == [
        {"name": "web", "port": 80, "targetPort": "http", "appProtocol": "http"},
        {"name": "api", "port": 9000, "targetPort": 9000, "appProtocol": "grpc"},
    ]


def test_a_plain_version() -> None:
    assert workload.deployment(APP, "v1", Version("shop:1")) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("shop-v1", more={"pulumi.com/deletionPropagationPolicy": "background"}),
        "spec": {
            "selector": {"matchLabels": SELECTOR},
            "strategy": {
                "type": "RollingUpdate",
                # No pod goes before its successor is ready.
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": {
                "metadata": {"labels": {"team": "t", **SELECTOR}},
                "spec": {
                    "containers": [CONTAINER],
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                },
            },
        },
    }


def test_a_version_with_all_that_it_may_have() -> None:
    version = Version(
        "shop:1",
        replicas=3,
        min_ready_seconds=1,
        progress_deadline_seconds=2,
        revision_history_limit=0,
        container_port=8080,
        image_pull_policy="Always",
        image_pull_secrets=("one", "two"),
        pod_security="restricted",
        resources=Resources({"cpu": "1"}, {"memory": "1Gi"}),
        env={"B": "2", "A": SecretKey("s", "k"), "C": ConfigMapKey("m", "l")},
        files={"/etc/b": ConfigMapKey("m", "l"), "/etc/a": SecretKey("s", "k")},
        probes=Probes(
            Probe("/ready", None, 9000, 1, 2, 3, 4),
            liveness=Probe(grpc=Grpc("shop.Cart")),
            startup=Probe(),
        ),
    )
    spec = workload.deployment(APP, "v1", version)["spec"]
    rest = {key: spec[key] for key in spec if key not in ("selector", "strategy", "template")}
    assert rest == {
        "replicas": 3,
        "minReadySeconds": 1,
        "progressDeadlineSeconds": 2,
        "revisionHistoryLimit": 0,
    }
    often = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
    mount = {"name": "files", "readOnly": True}
    assert spec["template"]["spec"] == {
        "containers": [
            {
                **CONTAINER,
                "imagePullPolicy": "Always",
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {
                    "httpGet": {"path": "/ready", "port": 9000},
                    "initialDelaySeconds": 1,
                    "periodSeconds": 2,
                    "timeoutSeconds": 3,
                    "failureThreshold": 4,
                },
                "livenessProbe": {"grpc": {"port": 8080, "service": "shop.Cart"}, **often},
                "startupProbe": {"tcpSocket": {"port": 8080}, **often},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": True,
                },
                "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": "B", "value": "2"},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "l"}}},
                ],
                "volumeMounts": [
                    {**mount, "mountPath": "/etc/a", "subPath": "etc/a"},
                    {**mount, "mountPath": "/etc/b", "subPath": "etc/b"},
                ],
            }
        ],
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {
                "name": "files",
                "projected": {
                    "sources": [
                        {"secret": {"name": "s", "items": [{"key": "k", "path": "etc/a"}]}},
                        {"configMap": {"name": "m", "items": [{"key": "l", "path": "etc/b"}]}},
                    ]
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("env", "order"),
    [
        ({"URL": "http://$(ZONE)/$(HOST)", "ZONE": "a", "HOST": "h"}, "HOST ZONE URL"),
        ({"A": "$(B)", "B": "$(C)", "C": SecretKey("s", "k"), "D": "d"}, "C B A D"),
        # What is in order already stays so: another order would restart the pods.
        ({"A": "a", "B": "$(A)", "C": "c"}, "A B C"),
        # An escape, one that is no variable of ours, and one that is not closed name nothing.
        ({"A": "$$(C) $(D) $(B", "B": "b", "C": "c"}, "A B C"),
        ({"A": "$$$(B)", "B": "b"}, "B A"),
        # Of those that name themselves or each other, Kubernetes can expand none in any order.
        ({"A": "$(A)", "B": "$(C)", "C": "$(B)"}, "A B C"),
    ],
)
def test_a_variable_that_another_one_names_stands_before_it(
    env: Mapping[str, str | SecretKey], order: str
) -> None:
    version = Version("shop:1", env=env)
    templates = (pod(version), outline(APP, "v1", version)["spec"])
    for spec in templates:
        assert [one["name"] for one in spec["containers"][0]["env"]] == order.split()


def test_the_files_of_a_config_are_a_config_map_of_their_content() -> None:
    version = Version("shop:1", files={"/etc/b/x": "2", "/etc/a/x": "1"})
    assert workload.files(APP, "v1", version) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata("shop-v1-files-76617cd285"),
        "data": {"0.x": "1", "1.x": "2"},
        "immutable": True,
    }
    # In whichever order the engine hands them over.
    named = workload.files_name(APP, "v1", {"1.x": "2", "0.x": "1"})
    assert named == "shop-v1-files-76617cd285"


def test_a_drained_node_takes_one_pod_at_a_time_and_the_only_one_at_once() -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata("shop-v1"),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": SELECTOR},
        },
    }
    for replicas, made in ((None, budget), (0, None), (1, None), (2, budget)):
        assert workload.disruption_budget(APP, "v1", Version("shop:1", replicas=replicas)) == made


def test_an_autoscaler_without_metrics_has_those_of_kubernetes() -> None:
    assert workload.autoscaler(APP, "v1", Version("shop:1")) is None
    assert workload.autoscaler(APP, "v1", Version("shop:1", autoscaling=Autoscaling(2, 5))) == {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata("shop-v1"),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-v1"},
            "minReplicas": 2,
            "maxReplicas": 5,
        },
    }


def test_an_autoscaler_aims_at_a_share_of_what_a_pod_asks_for() -> None:
    queue = {"type": "Pods", "pods": {"metric": {"name": "queue"}}}
    made = workload.autoscaler(
        APP, "v1", Version("shop:1", autoscaling=Autoscaling(2, 5, memory=80, metrics=(queue,)))
    )
    assert made is not None
    target = {"type": "Utilization", "averageUtilization": 80}
    memory = {"type": "Resource", "resource": {"name": "memory", "target": target}}
    assert made["spec"]["metrics"] == [memory, queue]


def test_a_namespace_is_a_name_and_nothing_else() -> None:
    """Others may make it too."""
    assert workload.namespace("web") == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}


def test_a_users_labels_never_replace_those_that_select() -> None:
    version = Version("shop:1", labels={"tier": "front"})
    template = workload.deployment(APP, "v1", version)["spec"]["template"]
    assert template["metadata"]["labels"] == {
        "team": "t",
        "tier": "front",
        "app": "shop",
        "version": "v1",
    }


def test_the_image_is_that_of_the_apps_own_container() -> None:
    piece = {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}
    made = workload.deployment(APP, "v1", Version("shop:1", pod_template=piece))
    # As Kubernetes merges it, the new one comes first.
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["proxy", "shop"]
    assert workload.image(made) == "shop:1"
    # Of somebody else's, whose container has a name of its own, it is the first.
    theirs = {
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "b"}]}}}
    }
    assert workload.image(theirs) == "web:1"


def test_a_piece_of_a_pod_template_is_known_by_its_key() -> None:
    app, one, other = {"a": 1}, {"b": 2}, {"c": 3}
    versions = {"v1": Version("shop:1", pod_template=one), "v2": Version("shop:2", pod_template=other)}
    assert workload.pieces(App("shop", pod_template=app), versions) == {
        "app.podTemplate": app,
        "versions.v1.podTemplate": one,
        "versions.v2.podTemplate": other,
    }


def test_a_service_account_goes_again_with_the_piece_that_names_it() -> None:
    """The API server adds the old name, and would keep the account by it."""
    version = Version("shop:1", pod_template={"spec": {"serviceAccountName": "shop"}})
    assert pod(version)["serviceAccount"] == "shop"
    assert "serviceAccount" not in pod(Version("shop:1"))
