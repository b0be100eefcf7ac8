"""The pods that an `up` replaces: which are waited for, and what a failure says."""

import threading
from typing import Any

import pytest

from components.gateway import serving
from components.gateway.chain import Split
from components.gateway.envoy import Target
from components.gateway.serving import Served
from components.kubernetes.errors import NotConvergedError
from tests.unit.fake_cluster import FakeCluster, fake_cluster

PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/myapp-v1"
PROVED = Served({"v1": ("sha256:1",)}, {"v1": ("a",)})
NOW = Served({"v1": ("sha256:1",)}, {"v1": ("a",)})


def pod(image: str, template: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "myapp", "version": "v1", "pod-template-hash": template}},
        "status": {"containerStatuses": [{"name": "myapp", "ready": True, "imageID": image}]},
    }


def deployment(replicas: int, updated: int, seen_generation: int = 2) -> dict[str, Any]:
    status = {"observedGeneration": seen_generation, "replicas": replicas, "updatedReplicas": updated}
    return {"metadata": {"generation": 2}, "spec": {"replicas": updated}, "status": status}


def wait(
    cluster: FakeCluster, seconds: float, proved: Served = PROVED, own: tuple[str, ...] = ("v1",)
) -> Served:
    split = Split(cluster.kubeconfig, {"istio": "ingressgateway"}, Target("default", "myapp", "myapp"))
    return serving.wait_for_replaced(split, ("v1",), own, proved, seconds)


@pytest.mark.parametrize(
    ("image", "template", "rollout", "left"),
    [
        ("sha256:2", "b", deployment(3, 2), "1 of 3 pods are of an older kind"),
        ("sha256:2", "b", deployment(2, 2, seen_generation=1), "Kubernetes has not seen the change yet"),
        # What is not the image can be another one too: a variable, an argument.
        ("sha256:1", "b", deployment(2, 1), "1 of 2 pods are of an older kind"),
    ],
)
def test_pods_that_are_to_go_and_were_not_proved_are_waited_for(
    image: str, template: str, rollout: dict[str, Any], left: str
) -> None:
    objects = {PODS: {"items": [pod("sha256:1", "a"), pod(image, template)]}, DEPLOYMENT: rollout}
    with fake_cluster(objects=objects) as cluster:
        with pytest.raises(NotConvergedError) as raised:
            wait(cluster, 0)

        def replace() -> None:
            cluster.objects |= {PODS: {"items": [pod("sha256:1", "a")]}, DEPLOYMENT: deployment(2, 2)}

        timer = threading.Timer(0.2, replace)
        timer.start()
        assert wait(cluster, 10) == NOW
        timer.join()
    said = str(raised.value).splitlines()
    assert said[:2] == [
        "Requests still reach pods that are to go after 0 s.",
        f"  deployment default/myapp-v1: {left}",
    ]
    assert "describe pods -l app=myapp" in said[2]
    assert said[3:] == ["  To try again, run pulumi up; to go back, set the config back before it."]


@pytest.mark.parametrize(
    ("running", "proved", "own"),
    [
        ([pod("sha256:1", "a")], PROVED, ("v1",)),
        ([pod("sha256:2", "b")], PROVED, ()),
        # The state of an earlier release knows no templates.
        ([pod("sha256:1", "b")], Served({"v1": ("sha256:1",)}, {}), ("v1",)),
    ],
    ids=["proved pods beside new ones that fail", "somebody else's", "an older state"],
)
def test_no_other_roll_out_is_waited_for(
    running: list[dict[str, Any]], proved: Served, own: tuple[str, ...]
) -> None:
    objects = {PODS: {"items": running}, DEPLOYMENT: deployment(3, 1)}
    with fake_cluster(objects=objects) as cluster:
        assert wait(cluster, 0, proved, own).images.keys() == {"v1"}


def test_what_is_new_and_not_being_replaced_is_noted() -> None:
    objects = {PODS: {"items": [pod("sha256:2", "b")]}, DEPLOYMENT: deployment(2, 2)}
    with fake_cluster(objects=objects) as cluster:
        assert wait(cluster, 0) == Served({"v1": ("sha256:2",)}, {"v1": ("b",)})


def test_a_deployment_that_is_paused_keeps_its_old_pods_until_somebody_resumes_it() -> None:
    rollout = deployment(2, 1)
    rollout["spec"]["paused"] = True
    objects = {PODS: {"items": [pod("sha256:2", "b")]}, DEPLOYMENT: rollout}
    with fake_cluster(objects=objects) as cluster, pytest.raises(NotConvergedError) as raised:
        wait(cluster, 0)
    _, reason, cure, *_ = str(raised.value).splitlines()
    assert reason == "  deployment default/myapp-v1 is paused: no change of it is rolled out"
    assert cure.endswith(" -n default rollout resume deployment/myapp-v1")
