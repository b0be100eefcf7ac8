"""What a pod template of the config may not change: that on which the promise of no dropped request rests."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from .model import App, ConfigMapKey, Probe, SecretKey, Version
from .strategic_merge import MergeError, merge
from .variables import in_order

# Kubernetes takes a pod out of its Services while it stops: the pod serves on for as long.
# https://kubernetes.io/docs/tutorials/services/pods-and-endpoint-termination-flow/
PRE_STOP_SECONDS = 5
# What Kubernetes takes for spec.terminationGracePeriodSeconds.
_GRACE_SECONDS = 30
# The name of the volume with a version's files.
FILES_VOLUME = "files"
_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")

# Where in the config something is wrong, what, and what to write.
Found: TypeAlias = tuple[tuple[str, ...], str, str]
_Template: TypeAlias = Mapping[str, Any]


def laid_over(template: _Template, app: App, version: Version) -> dict[str, Any]:
    """The template with the app's piece laid over it, then the version's. Raises MergeError."""
    return merge(merge(template, app.pod_template), version.pod_template)


def asks_the_app(app: App, name: str, version: Version) -> bool:
    """Whether a version's readiness is the app's own word: a connect is answered by the kernel.

    The pieces have no mistakes.
    """
    spec = laid_over(outline(app, name, version), app, version)["spec"]
    own = next(one for one in _objects(spec["containers"]) if one.get("name") == app.name)
    return "tcpSocket" not in own["readinessProbe"]


def mistakes(app: App, versions: Mapping[str, Version]) -> Iterator[Found]:
    """What is wrong with the pieces of pod templates, each said of the piece that brings it in."""
    seen: set[Found] = set()
    for name, version in versions.items():
        template: _Template = outline(app, name, version)
        pieces = (
            (("app", "podTemplate"), app.pod_template),
            (("versions", name, "podTemplate"), version.pod_template),
        )
        for path, piece in pieces:
            try:
                template = merge(template, piece)
            except MergeError as error:
                found = [((*path, error.place), error.wrong, error.remedy)]
            else:
                broken = [*_others(piece), *_broken(template, app, name, version)]
                found = [((*path, place), wrong, remedy) for place, wrong, remedy in broken]
            yield from (one for one in found if one not in seen)
            seen.update(found)
            if found:
                break


def outline(app: App, name: str, version: Version) -> _Template:
    """Of our own template what the promise rests on, and all that a piece is merged with."""
    port = version.container_port
    security = {"capabilities": {"drop": ["ALL"]}} if version.pod_security == "restricted" else {}
    container: dict[str, object] = {
        "name": app.name,
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": _asked(version.probes.readiness, port),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "securityContext": security,
    }
    probes = {"livenessProbe": version.probes.liveness, "startupProbe": version.probes.startup}
    container |= {key: _asked(probe, port) for key, probe in probes.items() if probe is not None}
    amounts = {"requests": version.resources.requests, "limits": version.resources.limits}
    resources = {key: one for key, one in amounts.items() if one}
    env = [{"name": key, **_from(version.env[key])} for key in in_order(version.env)]
    mounts = [{"mountPath": path} for path in sorted(version.files)]
    lists = {"resources": resources, "env": env, "volumeMounts": mounts}
    container |= {key: one for key, one in lists.items() if one}
    spec: dict[str, object] = {"containers": [container], "securityContext": {"seccompProfile": {}}}
    if version.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": one} for one in version.image_pull_secrets]
    if version.files:
        spec["volumes"] = [{"name": FILES_VOLUME, "projected": {"sources": sorted(version.files)}}]
    return {"metadata": {"labels": {"app": app.name, "version": name}}, "spec": spec}


def _asked(probe: Probe, port: int) -> _Template:
    way = "httpGet" if probe.path else "grpc" if probe.grpc else "tcpSocket"
    return {way: {"port": port}}


def _from(value: str | SecretKey | ConfigMapKey) -> _Template:
    """Where the value of a variable is from."""
    if isinstance(value, str):
        return {}
    return {"valueFrom": {"secretKeyRef" if isinstance(value, SecretKey) else "configMapKeyRef": {}}}


def _others(piece: _Template) -> Iterator[tuple[str, str, str]]:
    """What belongs to the Deployment, not to its pods' template."""
    for key in sorted(piece.keys() - {"metadata", "spec"}):
        if not key.startswith("$"):
            yield key, "a pod template has metadata and spec alone", "Take it out"


def _broken(template: _Template, app: App, name: str, version: Version) -> Iterator[tuple[str, str, str]]:
    labels = _object(_object(template.get("metadata")).get("labels"))
    for key, value in (("app", app.name), ("version", name)):
        if labels.get(key) != value:
            yield f"metadata.labels.{key}", "it selects the version's pods", "Take it out, it is set"
    spec = _object(template.get("spec"))
    own = [one for one in _objects(spec.get("containers")) if one.get("name") == app.name]
    if not own:
        wrong = f"the container {app.name}, which is the app's own, would be gone"
        yield "spec.containers", wrong, f"Leave it in, or write {{name: {app.name}}} for what it is to have"
        return
    yield from _container(own[0], f"spec.containers.{app.name}", name, version)
    yield from _grace(own[0], spec)
    volumes = [one for one in _objects(spec.get("volumes")) if one.get("name") == FILES_VOLUME]
    sources = [_object(one.get("projected")).get("sources") for one in volumes]
    if version.files and sources != [sorted(version.files)]:
        wrong = f"the volume of this name has versions.{name}.files"
        yield f"spec.volumes.{FILES_VOLUME}", wrong, "Leave it as it is, and give yours another name"
    for kind in ("containers", "initContainers"):
        for one in _objects(spec.get(kind)):
            if one is not own[0] and any(port.get("name") == "http" for port in _objects(one.get("ports"))):
                wrong = "http is the name of the app's port, by which the Service finds it"
                yield f"spec.{kind}.{one.get('name')}.ports", wrong, "Give this one another name"


def _container(own: _Template, place: str, name: str, version: Version) -> Iterator[tuple[str, str, str]]:
    if "image" in own:
        yield f"{place}.image", "the app's image has a key of its own", f"Write it as versions.{name}.image"
    found = [one.get("containerPort") for one in _objects(own.get("ports")) if one.get("name") == "http"]
    if found != [version.container_port]:
        wrong = "the Service finds the app by its port named http"
        remedy = f"Leave that name to containerPort {version.container_port} alone"
        yield f"{place}.ports", wrong, remedy
    probe = _object(own.get("readinessProbe"))
    ways = [one for one in _HANDLERS if one in probe]
    if not ways:
        wrong = "without it a pod gets requests before the app listens"
        yield f"{place}.readinessProbe", wrong, "Leave it in, or replace it: {$patch: replace, exec: …}"
    elif len(ways) > 1:
        wrong = f"a probe asks in one way, and this one has {' and '.join(ways)}"
        yield f"{place}.readinessProbe", wrong, "Write $patch: replace beside yours"
    seconds = _sleeps(own)
    if seconds is None or seconds < PRE_STOP_SECONDS:
        wrong = f"a pod that stops has to serve on for {PRE_STOP_SECONDS} s, until every gateway knows of it"
        remedy = f"Write sleep: {{seconds: {PRE_STOP_SECONDS}}} or more, and nothing else"
        yield f"{place}.lifecycle.preStop", wrong, remedy


def _grace(own: _Template, spec: _Template) -> Iterator[tuple[str, str, str]]:
    seconds, grace = _sleeps(own), spec.get("terminationGracePeriodSeconds", _GRACE_SECONDS)
    if seconds is not None and isinstance(grace, int) and grace <= seconds:
        wrong = (
            f"a pod that stops would be killed after {grace} s, before its preStop of {seconds} s has ended"
        )
        yield "spec.terminationGracePeriodSeconds", wrong, f"Write more than {seconds}"


def _sleeps(own: _Template) -> int | None:
    """How many seconds the container's preStop sleeps; None where it does anything else."""
    stop = _object(_object(own.get("lifecycle")).get("preStop"))
    seconds = _object(stop.get("sleep")).get("seconds")
    return seconds if list(stop) == ["sleep"] and isinstance(seconds, int) else None


def _object(value: object) -> _Template:
    return cast("_Template", value) if isinstance(value, Mapping) else {}


def _objects(value: object) -> Sequence[_Template]:
    items = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else ()
    return [cast("_Template", one) for one in items if isinstance(one, Mapping)]
