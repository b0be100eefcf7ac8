"""Whether a version's workload is rolled out, and its pods' own reasons if it is not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .api import Api

# The ends of the reasons of a workload without pods, and of one whose pods stay, as its spec says.
EMPTY, PAUSED = "is scaled to 0", "is paused: no change of it is rolled out"
_UNSEEN = "Kubernetes has not seen the change yet"
# A Deployment's label of the pods of one template (DefaultDeploymentUniqueLabelKey in k8s.io/api/apps/v1).
_TEMPLATE = "pod-template-hash"


@dataclass(frozen=True)
class Workload:
    """What runs the pods of one version.

    Attributes:
        kind: Deployment or StatefulSet.
        name: its name in the app's namespace.
        labels: those of its pods by which they are told from other versions'.
        container: the app's own container.
    """

    kind: str
    name: str
    labels: Mapping[str, str]
    container: str


@dataclass(frozen=True)
class Serving:
    """What the ready pods of a version are.

    Attributes:
        images: of the app's own container, by digest.
        templates: the hashes of the pod templates that a Deployment made them of.
    """

    images: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pod:
    """One pod.

    Attributes:
        name: in its namespace.
        labels: all that it has.
        maker: kind and name of the controller that it belongs to; empty: none.
        ready: whether it is.
        addresses: its IP addresses.
        images: by container that is ready, its image by digest.
    """

    name: str
    labels: Mapping[str, str]
    maker: str
    ready: bool
    addresses: frozenset[str]
    images: Mapping[str, str]

    def has(self, workload: Workload) -> bool:
        """Whether it has the labels of the workload's pods."""
        return workload.labels.items() <= self.labels.items()

    def is_of(self, deployment: str) -> bool:
        """Whether it is a Deployment's: that names its ReplicaSets by the hashes of its templates."""
        return self.maker == f"ReplicaSet {deployment}-{self.labels.get(_TEMPLATE)}"


def own(app: str, version: str) -> Workload:
    """The workload that the stack itself makes of a version."""
    return Workload("Deployment", f"{app}-{version}", {"app": app, "version": version}, app)


def read(
    api: Api, namespace: str, kind: str, name: str, labels: Mapping[str, str]
) -> tuple[Workload, Mapping[str, Any]] | None:
    """A workload that somebody else has, and the object itself; None: there is none. Raises GatewayError.

    `labels` tell its pods from others'; none: those of its selector, which may have no matchLabels.
    """
    found = api.find(path(namespace, Workload(kind, name, labels, "")))
    if found is None:
        return None
    template: Mapping[str, Any] = found["spec"]["template"]
    metadata: Mapping[str, Any] = template.get("metadata") or {}
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    # https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container
    first: str = template["spec"]["containers"][0]["name"]
    container = annotations.get("kubectl.kubernetes.io/default-container", first)
    own: Mapping[str, str] = labels or found["spec"]["selector"].get("matchLabels") or {}
    return Workload(kind, name, own, container), found


def path(namespace: str, workload: Workload) -> str:
    """Where the API server has it."""
    return f"/apis/apps/v1/namespaces/{namespace}/{workload.kind.lower()}s/{workload.name}"


def not_rolled_out(api: Api, namespace: str, workload: Workload) -> str | None:
    """Why a workload is not what its spec says; None when it is. Raises GatewayError.

    The conditions of `kubectl rollout status`, without waiting for the old pods to end.
    """
    return rollout_gap(_where(namespace, workload), api.get(path(namespace, workload)))


def rollout_gap(where: str, found: Mapping[str, Any]) -> str | None:
    """Why a Deployment or StatefulSet is not what its spec says, with its name `where`; None when it is."""
    status: Mapping[str, Any] = found.get("status") or {}
    wanted: int = found["spec"].get("replicas", 1)
    if not _is_seen(found):
        return f"{where}: {_UNSEEN}"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    # A StatefulSet counts none as updated once all are.
    revision = status.get("updateRevision")
    if revision is not None and status.get("currentRevision") == revision:
        updated = status.get("replicas", 0)
    if wanted == 0:
        return f"{where} {EMPTY}"
    # A StatefulSet's owner may keep pods of the old kind, and those serve as well.
    strategy: Mapping[str, Any] = found["spec"].get("updateStrategy") or {}
    rolling: Mapping[str, int] = strategy.get("rollingUpdate") or {}
    kept = wanted if strategy.get("type") == "OnDelete" else rolling.get("partition", 0)
    if updated < wanted - kept:
        if found["spec"].get("paused"):
            return f"{where} {PAUSED}"
        return f"{where}: {updated} of {wanted - kept} pods are of the new kind{_refused(status)}"
    # Old pods count as available too, so those of the new kind are what they leave over.
    ready = available if kept else available - (status.get("replicas", updated) - updated)
    if ready < wanted:
        return f"{where}: {max(ready, 0)} of {wanted} {'' if kept else 'new '}pods are ready"
    return None


def ready_count(api: Api, namespace: str, workload: Workload) -> int | None:
    """How many pods of a workload are ready, by its status; None: it is not there. Raises GatewayError."""
    found = api.find(path(namespace, workload))
    if found is None:
        return None
    status: Mapping[str, Any] = found.get("status") or {}
    return int(status.get("readyReplicas", 0))


def _where(namespace: str, workload: Workload) -> str:
    """A workload in words."""
    return f"{workload.kind.lower()} {namespace}/{workload.name}"


def _is_seen(found: Mapping[str, Any]) -> bool:
    """Whether its controller knows the newest spec."""
    status: Mapping[str, Any] = found.get("status") or {}
    return status.get("observedGeneration", 0) >= found["metadata"]["generation"]


def emptied_at(api: Api, deployment: Mapping[str, Any]) -> str | None:
    """When a Deployment was scaled to 0 (UTC, ISO 8601); None where its events are gone: they live an hour.

    Raises GatewayError.
    """
    metadata = deployment["metadata"]
    selector = f"involvedObject.uid={metadata['uid']},reason=ScalingReplicaSet"
    events = api.get(f"/api/v1/namespaces/{metadata['namespace']}/events", {"fieldSelector": selector})
    times = [str(event["lastTimestamp"]) for event in events["items"] if event["message"].endswith(" to 0")]
    return max(times, default=None)


def serves_on(deployment: Mapping[str, Any]) -> bool:
    """Whether the rollout has ended and some of its pods are ready: one that is lost is being replaced."""
    status: Mapping[str, Any] = deployment.get("status") or {}
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    return (
        _is_seen(deployment)
        and any(one.get("reason") == "NewReplicaSetAvailable" for one in conditions)
        and not _refused(status)
        and status.get("availableReplicas", 0) > 0
    )


def _refused(status: Mapping[str, Any]) -> str:
    """Why pods could not even be created: a quota, Pod Security, a LimitRange or a webhook refused them."""
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    reasons = [
        one["message"] for one in conditions if one["type"] == "ReplicaFailure" and one["status"] == "True"
    ]
    return "".join(f"; {reason}" for reason in reasons)


def serving(api: Api, namespace: str, of: Mapping[str, Workload]) -> dict[str, Serving]:
    """By version, what its ready pods are; not pods on their way out. Raises GatewayError."""
    found = {
        version: [one for one in some if of[version].container in one.images]
        for version, some in _of_each(api, namespace, of).items()
    }
    return {
        version: Serving(
            tuple(sorted({one.images[of[version].container] for one in some})),
            tuple(sorted({one.labels[_TEMPLATE] for one in some if _TEMPLATE in one.labels})),
        )
        for version, some in found.items()
    }


def being_replaced(api: Api, namespace: str, workload: Workload) -> str | None:
    """How many pods of a Deployment are not of its template; None: none. Raises GatewayError."""
    found = api.find(path(namespace, workload))
    if found is None:
        return None
    where = _where(namespace, workload)
    status: Mapping[str, Any] = found.get("status") or {}
    if not _is_seen(found):
        return f"{where}: {_UNSEEN}"
    replicas: int = status.get("replicas", 0)
    older = replicas - status.get("updatedReplicas", 0)
    if older > 0 and found["spec"].get("paused"):
        return f"{where} {PAUSED}"
    return f"{where}: {older} of {replicas} pods are of an older kind" if older > 0 else None


def addresses(api: Api, namespace: str, of: Mapping[str, Workload]) -> dict[str, frozenset[str]]:
    """By version, the addresses of its ready pods; not of pods on their way out. Raises GatewayError."""
    found = _of_each(api, namespace, of)
    return {version: addresses_of(one for one in some if one.ready) for version, some in found.items()}


def _of_each(api: Api, namespace: str, of: Mapping[str, Workload]) -> dict[str, list[Pod]]:
    """By version, the pods with its labels. Raises GatewayError."""
    found = pods(api, namespace, common_labels(of.values())) if of else ()
    return {version: [one for one in found if one.has(workload)] for version, workload in of.items()}


def pods(api: Api, namespace: str, labels: Mapping[str, str]) -> tuple[Pod, ...]:
    """The pods with these labels that have not ended and are not on their way out. Raises GatewayError."""
    query = {"labelSelector": selector(labels)} if labels else None
    items: list[Mapping[str, Any]] = api.get(f"/api/v1/namespaces/{namespace}/pods", query)["items"]
    return tuple(_pod(item) for item in items if not _has_left(item))


def addresses_of(some: Iterable[Pod]) -> frozenset[str]:
    """All of their addresses."""
    return frozenset(address for one in some for address in one.addresses)


def common_labels(some: Iterable[Workload]) -> dict[str, str]:
    """The labels that the pods of all these workloads have."""
    return dict(sorted(set[tuple[str, str]].intersection(*(set(one.labels.items()) for one in some))))


def _has_left(item: Mapping[str, Any]) -> bool:
    """Whether a pod ends or has ended: its address may be another one's."""
    return "deletionTimestamp" in item["metadata"] or item["status"].get("phase") in {"Succeeded", "Failed"}


def _pod(item: Mapping[str, Any]) -> Pod:
    metadata, status = item["metadata"], item["status"]
    owners: list[Mapping[str, Any]] = metadata.get("ownerReferences") or []
    maker = next((f"{one['kind']} {one['name']}" for one in owners if one.get("controller")), "")
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    ips = frozenset(one["ip"] for one in status.get("podIPs") or ())
    containers: list[Mapping[str, Any]] = status.get("containerStatuses") or []
    images = {one["name"]: one["imageID"] for one in containers if one["ready"]}
    return Pod(metadata.get("name", ""), metadata.get("labels") or {}, maker, ready, ips, images)


def selector(labels: Mapping[str, str]) -> str:
    """The labels as a query for a list of pods has them."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def pod_reasons(api: Api, namespace: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """What the pods that are not ready say of themselves. Raises GatewayError."""
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector(labels)})
    reasons: list[str] = []
    for pod in pods["items"]:
        reason = _reason(api, pod)
        if reason is not None:
            reasons.append(f"pod {namespace}/{pod['metadata']['name']}: {reason}")
    return tuple(reasons)


def _reason(api: Api, pod: Mapping[str, Any]) -> str | None:
    status: Mapping[str, Any] = pod.get("status") or {}
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    not_true = {one["type"]: one for one in conditions if one["status"] != "True"}
    if "PodScheduled" in not_true:
        return not_true["PodScheduled"].get("message", "it is not scheduled")
    if "Ready" not in not_true:
        return None
    first = _unfinished(pod)
    containers: list[Mapping[str, Any]] = status.get("containerStatuses") or []
    for container in containers if first is None else [first]:
        reason = _container_reason(api, pod, container)
        if reason is not None:
            return reason if first is None else f"init container {first['name']}: {reason}"
    condition = not_true.get("Initialized", not_true["Ready"])
    return _event(api, pod, "Unhealthy") or condition.get("message", "it is not ready")


def _unfinished(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first init container, or native sidecar, that the containers behind it wait for; None: none."""
    spec: Mapping[str, Any] = pod.get("spec") or {}
    specs: list[Mapping[str, Any]] = spec.get("initContainers") or []
    sidecars = {one["name"] for one in specs if one.get("restartPolicy") == "Always"}
    statuses: list[Mapping[str, Any]] = pod["status"].get("initContainerStatuses") or []
    for one in statuses:
        state: Mapping[str, Any] = one.get("state") or {}
        ended: Mapping[str, Any] = state.get("terminated") or {}
        # The kubelet calls each one that runs started, so of others than sidecars that tells nothing.
        is_done = one.get("started") if one["name"] in sidecars else ended.get("exitCode") == 0
        if not is_done:
            return one
    return None


def _container_reason(api: Api, pod: Mapping[str, Any], container: Mapping[str, Any]) -> str | None:
    state: Mapping[str, Any] = container.get("state") or {}
    last: Mapping[str, Any] = container.get("lastState") or {}
    ended: Mapping[str, Any] | None = state.get("terminated") or last.get("terminated")
    waiting: Mapping[str, str] | None = state.get("waiting")
    exit_code = f", exit code {ended['exitCode']}" if ended else ""
    if waiting:
        # A container that is still being created has no message: what keeps it is a volume, or its image.
        message = waiting.get("message") or _event(api, pod, "FailedMount") or f"image {container['image']}"
        return f"{waiting.get('reason', 'waiting')}{exit_code}: {message}".rstrip(": ")
    return f"{ended.get('reason', 'it ended')}{exit_code}" if ended else None


def _event(api: Api, pod: Mapping[str, Any], reason: str) -> str | None:
    """What the kubelet last said of a pod, with this reason."""
    metadata = pod["metadata"]
    events = api.get(
        f"/api/v1/namespaces/{metadata['namespace']}/events",
        {"fieldSelector": f"involvedObject.uid={metadata['uid']},reason={reason}"},
    )
    messages = [event["message"] for event in events["items"]]
    return messages[-1] if messages else None
