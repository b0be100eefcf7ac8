"""The app's Kubernetes objects as plain manifests; knows nothing of Pulumi."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..settings.model import App, ConfigMapKey, Probe, SecretKey, Version
from ..settings.pod_template import FILES_VOLUME, PRE_STOP_SECONDS, laid_over
from ..settings.variables import in_order
from .manifest import AT_ONCE, PATCH_FORCE, Manifest


def namespace(name: str) -> Manifest:
    """The Namespace of the app or the mesh."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(app: App) -> Manifest:
    """The Service over all versions; Istio knows HTTP by a port's name `http`, or by its appProtocol.

    It finds the first port of a pod by name, so that each version may have its own; the others by their
    numbers, so that no pod is another one for a new port.
    """
    metadata = _metadata(app.name, app, {"app": app.name})
    # Whatever the mesh has as its default, the gateways may be in any namespace.
    metadata["annotations"]["networking.istio.io/exportTo"] = "*"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": app.name},
            "ports": _service_ports(app),
        },
    }


def _service_ports(app: App) -> list[Manifest]:
    if not app.ports:
        return [{"name": "http", "port": app.port, "targetPort": "http"}]
    return [
        {
            "name": one.name,
            "port": one.port,
            "targetPort": one.port if place else "http",
            "appProtocol": one.protocol,
        }
        for place, one in enumerate(app.ports)
    ]


def deployment(app: App, name: str, version: Version) -> Manifest:
    """The Deployment of one version, which rolls over without losing requests."""
    selector = {"app": app.name, "version": name}
    labels = {**app.labels, **version.labels, **selector}
    template: Manifest = {"metadata": {"labels": labels}, "spec": _pod(app, name, version)}
    spec: Manifest = {
        "selector": {"matchLabels": selector},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "template": _with_old_names(laid_over(template, app, version)),
    }
    given = {
        # What it begins with, where an autoscaler has the number later.
        "replicas": version.autoscaling.min if version.autoscaling else version.replicas,
        "minReadySeconds": version.min_ready_seconds,
        "progressDeadlineSeconds": version.progress_deadline_seconds,
        "revisionHistoryLimit": version.revision_history_limit,
    }
    spec |= {key: value for key, value in given.items() if value is not None}
    metadata = _metadata(f"{app.name}-{name}", app, selector)
    # So that a version that comes back at once does not find its old self, which is still going.
    metadata["annotations"] |= AT_ONCE
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def files(app: App, name: str, version: Version) -> Manifest | None:
    """The ConfigMap of the files whose texts the config has; None: it has none.

    A new content is a new name, so a pod keeps the files that it was made with.
    """
    data = {key: version.files[path] for path, key in _keys(version).items()}
    if not data:
        return None
    metadata = _metadata(files_name(app, name, data), app, {"app": app.name, "version": name})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data, "immutable": True}


def files_name(app: App, name: str, data: Mapping[str, object]) -> str:
    """The name of the ConfigMap with these contents."""
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:10]
    return f"{app.name}-{name}-files-{digest}"


def _keys(version: Version) -> dict[str, str]:
    """By path, the key in the ConfigMap of each file whose text the config has."""
    texts = sorted(path for path, one in version.files.items() if isinstance(one, str))
    # Two paths may end alike, and a key has no slash.
    return {path: f"{index}.{path.rpartition('/')[2]}" for index, path in enumerate(texts)}


def _with_old_names(template: Manifest) -> Manifest:
    """With the service account by its old name too.

    Kubernetes writes that one beside ours, and gives the pods an account by it once ours is taken out again.
    """
    pod = template.get("spec", {})
    named = {"serviceAccount": pod["serviceAccountName"]} if "serviceAccountName" in pod else {}
    return {**template, "spec": {**named, **pod}}


def image(deployment: Mapping[str, Any]) -> str:
    """The image of a Deployment's own container."""
    return own_container(deployment["spec"]["template"])["image"]


def own_container(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The container of a pod template that is called as the app is; else the first one."""
    containers: Sequence[Mapping[str, Any]] = template["spec"]["containers"]
    labels: Mapping[str, str] = template.get("metadata", {}).get("labels") or {}
    own = (one for one in containers if one.get("name") == labels.get("app"))
    return next(own, containers[0])


def pieces(app: App, versions: Mapping[str, Version]) -> dict[str, Mapping[str, object]]:
    """The pieces of pod templates that the config has, by their keys."""
    own = {f"versions.{name}.podTemplate": version.pod_template for name, version in versions.items()}
    return {"app.podTemplate": app.pod_template, **own}


def disruption_budget(app: App, name: str, version: Version) -> Manifest | None:
    """Lets a drained node take one pod of the version at a time; None: it has one pod at most.

    Of pods that are not ready it takes any: they get no traffic, and those of a broken version would keep
    the node for ever (Kubernetes' documentation, "Specifying a Disruption Budget for your Application").
    """
    if version.replicas is not None and version.replicas <= 1:
        return None
    selector = {"app": app.name, "version": name}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(f"{app.name}-{name}", app, selector),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector},
        },
    }


def autoscaler(app: App, name: str, version: Version) -> Manifest | None:
    """Gives the number of the version's pods to Kubernetes; None: it has none."""
    wanted = version.autoscaling
    if wanted is None:
        return None
    aims = {"cpu": wanted.cpu, "memory": wanted.memory}
    metrics = [*(_utilization(key, aim) for key, aim in aims.items() if aim), *map(dict, wanted.metrics)]
    target = f"{app.name}-{name}"
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(target, app, {"app": app.name, "version": name}),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": wanted.min,
            "maxReplicas": wanted.max,
            **({"metrics": metrics} if metrics else {}),
        },
    }


def _utilization(resource: str, percent: int) -> Manifest:
    aim = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": aim}}


def _metadata(name: str, app: App, labels: Mapping[str, str]) -> Manifest:
    return {
        "name": name,
        "namespace": app.namespace,
        "labels": {**app.labels, **labels},
        # Whether a version is ready is asked only of versions that are to get traffic.
        "annotations": {"pulumi.com/skipAwait": "true", **PATCH_FORCE},
    }


def _pod(app: App, name: str, version: Version) -> Manifest:
    pod: Manifest = {
        "containers": [_container(app, version)],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    if version.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": secret} for secret in version.image_pull_secrets]
    if version.files:
        pod["volumes"] = [{"name": FILES_VOLUME, "projected": {"sources": _sources(app, name, version)}}]
    return pod


def _sources(app: App, name: str, version: Version) -> list[Manifest]:
    """Where the files come from: in the volume they have their whole paths."""
    own, keys = files(app, name, version), _keys(version)
    items = [{"key": key, "path": path[1:]} for path, key in keys.items()]
    found = [{"configMap": {"name": own["metadata"]["name"], "items": items}}] if own else []
    for path, one in sorted(version.files.items()):
        if not isinstance(one, str):
            kind, source = _source(one)
            found.append({kind: {"name": source, "items": [{"key": one.key, "path": path[1:]}]}})
    return found


def _source(one: SecretKey | ConfigMapKey) -> tuple[str, str]:
    """The kind of the object that has a key, as Kubernetes writes it, and its name."""
    return ("secret", one.secret) if isinstance(one, SecretKey) else ("configMap", one.config_map)


def _container(app: App, version: Version) -> Manifest:
    port = version.container_port
    security: Manifest = {"allowPrivilegeEscalation": False}
    if version.pod_security == "restricted":
        # https://kubernetes.io/docs/concepts/security/pod-security-standards/
        security |= {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container: Manifest = {
        "name": app.name,
        "image": version.image,
        "imagePullPolicy": version.image_pull_policy,
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": _probe(version.probes.readiness, port),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "securityContext": security,
    }
    for key, probe in (
        ("livenessProbe", version.probes.liveness),
        ("startupProbe", version.probes.startup),
    ):
        if probe is not None:
            container[key] = _probe(probe, port)
    resources = {
        key: dict(amounts)
        for key, amounts in (
            ("requests", version.resources.requests),
            ("limits", version.resources.limits),
        )
        if amounts
    }
    if resources:
        container["resources"] = resources
    if version.env:
        container["env"] = [_variable(name, version.env[name]) for name in in_order(version.env)]
    if version.files:
        # A subPath: a file comes alone, and hides nothing of what the image has beside it.
        container["volumeMounts"] = [
            {"name": FILES_VOLUME, "mountPath": path, "subPath": path[1:], "readOnly": True}
            for path in sorted(version.files)
        ]
    return container


def _variable(name: str, value: str | SecretKey | ConfigMapKey) -> Manifest:
    if isinstance(value, str):
        return {"name": name, "value": value}
    kind, source = _source(value)
    return {"name": name, "valueFrom": {f"{kind}KeyRef": {"name": source, "key": value.key}}}


def _probe(probe: Probe, container_port: int) -> Manifest:
    port = container_port if probe.port is None else probe.port
    check: Manifest = {"tcpSocket": {"port": port}}
    if probe.path is not None:
        check = {"httpGet": {"path": probe.path, "port": port}}
    elif probe.grpc is not None:
        check = {"grpc": {"port": port, "service": probe.grpc.service}}
    return check | {
        "initialDelaySeconds": probe.initial_delay_seconds,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
    }
