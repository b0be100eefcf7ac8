"""The pods that an Envoy sends a version's requests to: the version's, and nobody else's."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.gateway import version_pods
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link
from components.kubernetes.api import Api
from components.kubernetes.workloads import Workload
from tests.unit.fake_cluster import fake_cluster, version_pod

PODS, APPS = "/api/v1/namespaces/default/pods", "/apis/apps/v1/namespaces/default"
ONE, TWO = version_pod("v1", "10.0.0.1"), version_pod("v2", "10.0.0.2")
LABELS = {"app": "myapp", "version": "v1", "pod-template-hash": "3c4d"}
JOB = {"kind": "Job", "name": "nightly", "controller": True}
# As kubectl's `label --overwrite` leaves one of v2's: it is of no controller any more.
TAKEN = version_pod("v1", "10.0.0.9", name="taken", labels=LABELS, ownerReferences=[])
OF_A_JOB = version_pod("v1", "10.0.0.9", name="nightly-x", labels=LABELS, ownerReferences=[JOB])
OF_ANOTHER = version_pod(
    "v1", "10.0.0.9", name="other-x", ownerReferences=[{**JOB, "kind": "ReplicaSet", "name": "other-1a2b"}]
)
UNREADY = {**ONE, "status": {"conditions": [], "podIPs": [{"ip": "10.0.0.1"}]}}
THEIRS = {"v1": Workload("StatefulSet", "cart", {"app": "myapp", "version": "v1"}, "cart")}
WITH_LABELS = "with its labels app=myapp,version=v1, and not of Deployment myapp-v1"


def found(
    pods: list[dict[str, Any]],
    *endpoints: str,
    existing: dict[str, Workload] | None = None,
    objects: dict[str, Any] | None = None,
) -> tuple[Finding, ...]:
    target = Target("default", "myapp", "myapp", existing=existing or {})
    there: dict[str, Any] = {PODS: {"items": pods}, **(objects or {})}

    def all_of() -> Iterator[Finding]:
        with fake_cluster(objects=there) as cluster, Api(cluster.kubeconfig) as api:
            yield from version_pods.of(api, target, {"v1"})["v1"].findings(frozenset(endpoints))

    return tuple(all_of())


def test_its_own_pods_and_addresses_of_pods_that_are_gone_are_no_finding() -> None:
    ended = {**TWO, "status": {**TWO["status"], "phase": "Succeeded"}}
    assert found([ONE, TWO], "10.0.0.1", "10.0.0.8") == ()
    assert found([ONE, ended], "10.0.0.1", "10.0.0.2") == ()
    # Two on one node's own network.
    assert found([ONE, version_pod("v2", "10.0.0.1")], "10.0.0.1") == ()


@pytest.mark.parametrize("pods", [[], [UNREADY], [TWO]], ids=["none", "not ready", "another version's"])
@pytest.mark.parametrize("existing", [{}, THEIRS], ids=["its own", "somebody else's"])
def test_endpoints_of_a_version_without_a_ready_pod_are_a_finding(
    pods: list[dict[str, Any]], existing: dict[str, Workload]
) -> None:
    down = {"statefulsets/cart" if existing else "deployments/myapp-v1": {"status": {"replicas": 1}}}
    objects = {f"{APPS}/{name}": item for name, item in down.items()}
    (one,) = found(pods, "10.0.0.9", "10.0.0.8", existing=existing, objects=objects)
    cause = "still sends requests of v1 to 10.0.0.8, 10.0.0.9, and none of its pods is ready"
    assert one == Finding(Link.ENDPOINTS, cause)


@pytest.mark.parametrize(
    "objects",
    [{}, {f"{APPS}/deployments/myapp-v1": {"status": {"readyReplicas": 1}}}],
    ids=["no workload", "ready pods with other labels"],
)
def test_where_a_versions_pods_are_not_known_its_endpoints_are_no_finding(objects: dict[str, Any]) -> None:
    """As for `rollback --now`, which does not know of workloads that somebody else has."""
    assert found([], "10.0.0.9", objects=objects) == ()
    assert found([UNREADY], "10.0.0.9", objects=objects) == ()


@pytest.mark.parametrize(
    ("stranger", "name", "cure"),
    [
        (TAKEN, "taken", "kubectl -n default label pod taken version-"),
        (
            OF_A_JOB,
            "nightly-x",
            "give the pods of Job nightly other labels: kubectl -n default get job nightly",
        ),
        (
            OF_ANOTHER,
            "other-x",
            "give the pods of ReplicaSet other-1a2b other labels: "
            "kubectl -n default get replicaset other-1a2b",
        ),
    ],
)
def test_a_pod_with_the_versions_labels_is_not_the_versions(
    stranger: dict[str, Any], name: str, cure: str
) -> None:
    (one,) = found([ONE, stranger], "10.0.0.1", "10.0.0.9")
    assert one == Finding(
        Link.ENDPOINTS, f"sends requests of v1 to pod default/{name}, {WITH_LABELS}", cure, grade=Grade.BROKEN
    )
    # No request reaches it while it is not ready.
    assert found([ONE, stranger], "10.0.0.1") == ()


def test_pods_without_its_labels_may_be_left_soon() -> None:
    many = [version_pod("v2", f"10.0.0.{number}") for number in range(2, 7)]
    (one,) = found([ONE, *many], *(f"10.0.0.{number}" for number in range(1, 7)))
    assert (one.link, one.grade) == (Link.RULE, Grade.LATE)
    assert one.cause == (
        "sends requests of v1 to pods default/myapp-v2-1a2b-2, default/myapp-v2-1a2b-3, "
        "default/myapp-v2-1a2b-4 and 2 more, without its labels"
    )


def test_of_a_workload_that_somebody_else_has_the_labels_say_whose_pods_they_are() -> None:
    assert found([ONE, TAKEN], "10.0.0.1", "10.0.0.9", existing=THEIRS) == ()
    (one,) = found([ONE, TWO], "10.0.0.1", "10.0.0.2", existing=THEIRS)
    assert one.link is Link.RULE
