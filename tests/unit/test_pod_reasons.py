"""What a pod that is not ready says of itself: the reason of the container that keeps it."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.kubernetes import workloads
from components.kubernetes.api import Api
from tests.unit.fake_cluster import fake_cluster

PODS, EVENTS = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/events"
WAITING: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
RUNNING = {"running": {"startedAt": "2026-11-24T00:00:00Z"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
PULLED = {"waiting": {"reason": "ImagePullBackOff"}}
FAILED = {"terminated": {"exitCode": 3, "reason": "Error"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
READY = {"type": "Ready", "status": "False", "message": "containers with unready status: [app]"}
INITIALIZED = {
    "type": "Initialized",
    "status": "False",
    "message": "containers with incomplete status: [migrate]",
}


def container(name: str, state: Mapping[str, Any], **status: object) -> dict[str, Any]:
    return {"name": name, "image": f"{name}:1", "state": state, **status}


def reason(*init: dict[str, Any], app: dict[str, Any], initialized: bool = False) -> str:
    """Of a pod whose init containers are these; of their names, proxy is a native sidecar's."""
    always = {"restartPolicy": "Always"}
    pod: dict[str, Any] = {
        "metadata": {"namespace": "default", "name": "x", "uid": "u"},
        "spec": {
            "initContainers": [
                {"name": one["name"], **(always if one["name"] == "proxy" else {})} for one in init
            ]
        },
        "status": {
            "conditions": [READY] if initialized else [INITIALIZED, READY],
            "initContainerStatuses": list(init),
            "containerStatuses": [app],
        },
    }
    objects: dict[str, Any] = {PODS: {"items": [pod]}, EVENTS: {"items": []}}
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        (found,) = workloads.pod_reasons(api, "default", {"app": "myapp"})
    return found.removeprefix("pod default/x: ")


@pytest.mark.parametrize(
    ("init", "says"),
    [
        ([container("migrate", FAILED)], "init container migrate: Error, exit code 3"),
        (
            [container("migrate", BACK_OFF, lastState=FAILED), container("warm", WAITING)],
            "init container migrate: CrashLoopBackOff, exit code 3: back-off 10s",
        ),
        (
            [container("migrate", DONE), container("warm", PULLED)],
            "init container warm: ImagePullBackOff: image warm:1",
        ),
        (
            [container("proxy", BACK_OFF, lastState=FAILED, started=False), container("migrate", WAITING)],
            "init container proxy: CrashLoopBackOff, exit code 3: back-off 10s",
        ),
        # The kubelet calls each container without a startup probe that runs a started one.
        (
            [container("migrate", RUNNING, lastState=FAILED, started=True)],
            "init container migrate: Error, exit code 3",
        ),
        ([container("migrate", RUNNING, started=True)], INITIALIZED["message"]),
        (
            [container("proxy", RUNNING, lastState=FAILED, started=True), container("migrate", RUNNING)],
            INITIALIZED["message"],
        ),
    ],
    ids=[
        "failed",
        "the first",
        "after one that has ended",
        "a native sidecar",
        "at it again",
        "at work",
        "behind a native sidecar",
    ],
)
def test_the_init_container_that_keeps_the_others_waiting_is_named(
    init: list[dict[str, Any]], says: str
) -> None:
    assert reason(*init, app=container("app", WAITING)) == says


def test_init_containers_that_have_done_their_part_say_nothing() -> None:
    init = (
        container("migrate", DONE, lastState=FAILED),
        container("proxy", RUNNING, lastState=FAILED, started=True),
    )
    said = reason(*init, app=container("app", BACK_OFF, lastState=FAILED), initialized=True)
    assert said == "CrashLoopBackOff, exit code 3: back-off 10s"
    assert reason(*init, app=container("app", RUNNING), initialized=True) == READY["message"]
