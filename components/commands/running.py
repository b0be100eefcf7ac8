"""A Deployment that runs already, as the config of a version: by keys, and the rest as a pod template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..settings.variables import named

Object: TypeAlias = Mapping[str, Any]

# What Kubernetes writes into every pod and container by itself, so what nobody has asked for.
_SPEC_DEFAULTS: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "serviceAccountName": "default",
}
_CONTAINER_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
# Of the app's container, what keys of the config say, and what the stack sets itself.
_SAID = (
    "name",
    "image",
    "imagePullPolicy",
    "ports",
    "env",
    "resources",
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
)
_PROBES = {"readiness": "readinessProbe", "liveness": "livenessProbe", "startup": "startupProbe"}
# Each with what Kubernetes takes for it.
_SECONDS = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
# The kubectl command `rollout restart` leaves it behind.
_RESTARTED = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Proposal:
    """A version's config that runs what a Deployment runs.

    `in_place` tells whether the stack would make an object of the very same name and selector, so can take it
    over; `left` says what of it the config does not carry.
    """

    app: str
    version: str
    config: Mapping[str, object]
    in_place: bool
    left: tuple[str, ...]


def propose(deployment: Object, autoscaler: str | None = None) -> Proposal:
    """The version that a Deployment's pods would be; `autoscaler`: the one that changes their number."""
    name: str = deployment["metadata"]["name"]
    selector = _object(deployment["spec"]["selector"].get("matchLabels"))
    template: Object = deployment["spec"]["template"]
    containers: Sequence[Object] = template["spec"]["containers"]
    app, version = str(selector.get("app", name)), str(selector.get("version", "v1"))
    own = next((one for one in containers if one["name"] == app), containers[0])
    in_place = (name, own["name"]) == (f"{app}-{version}", app) and selector == {
        "app": app,
        "version": version,
    }
    left: list[str] = []
    config: dict[str, object] = {"image": own["image"]}
    # In place the autoscaler goes on; it has no Deployment beside, which would begin with one pod.
    replicas = None if in_place and autoscaler else deployment["spec"].get("replicas")
    if replicas:
        config["replicas"] = replicas
    if autoscaler:
        left.append(_not_fixed(autoscaler, in_place=in_place))
    if own.get("imagePullPolicy") in ("Always", "Never"):
        config["imagePullPolicy"] = own["imagePullPolicy"]
    env, other_env = _env(_objects(own.get("env")))
    labels = _object(template["metadata"].get("labels"))
    found: dict[str, object] = {
        "containerPort": _port(own),
        "env": env,
        "resources": _amounts(_object(own.get("resources")), left),
        "probes": _probes(own, left),
        "labels": {key: value for key, value in labels.items() if key not in ("app", "version")},
        "imagePullSecrets": [one["name"] for one in _objects(template["spec"].get("imagePullSecrets"))],
        "podTemplate": _piece(app, template, own, other_env, left),
    }
    return Proposal(
        app, version, config | {key: one for key, one in found.items() if one}, in_place, tuple(left)
    )


def _not_fixed(autoscaler: str, *, in_place: bool) -> str:
    if in_place:
        return (
            f"replicas, which the autoscaler {autoscaler} changes; `autoscaling` gives the version one of "
            "the stack's own (docs/workloads.md)"
        )
    return (
        f"the autoscaler {autoscaler}, which changes the number of pods: `replicas` is what runs now; "
        "`autoscaling` in its place gives the version one (docs/workloads.md)"
    )


def _piece(
    app: str, template: Object, own: Object, env: Sequence[Object], left: list[str]
) -> dict[str, object]:
    """What no key says, as a piece of a pod template; the app's container has the app's name there."""
    spec: Object = template["spec"]
    rest = _without(spec, _SPEC_DEFAULTS, ("containers", "imagePullSecrets", "serviceAccount"))
    mine = _without(own, _CONTAINER_DEFAULTS, _SAID)
    if mine.pop("lifecycle", None):
        left.append("lifecycle of the container: the stack's preStop lets a pod serve on while it stops")
    if env:
        mine["env"] = list(env)
    others = [dict(one) for one in spec["containers"] if one is not own]
    if len(_objects(own.get("ports"))) > 1:
        left.append("ports of the container beside the first: list them as app.ports (docs/ports.md)")
    if mine or others:
        rest["containers"] = [{"name": app, **mine}, *others]
    annotations = _without(_object(template["metadata"].get("annotations")), {}, (_RESTARTED,))
    piece: dict[str, object] = {"metadata": {"annotations": annotations}} if annotations else {}
    return {**piece, "spec": rest} if rest else piece


def _without(whole: Object, defaults: Object, said: Sequence[str]) -> dict[str, Any]:
    return {
        key: value
        for key, value in whole.items()
        if key not in said and not (key in defaults and value == defaults[key])
    }


def _port(container: Object) -> int | None:
    """The port named http, else the first."""
    ports = _objects(container.get("ports"))
    named = [one for one in ports if one.get("name") == "http"]
    return next((one["containerPort"] for one in (*named, *ports)), None)


def _env(variables: Sequence[Object]) -> tuple[dict[str, object], list[Object]]:
    """The variables that the config can say, and those that a pod template has to.

    What names one of the latter goes with it: in the pods these come last, in the order that they have here.
    """
    said: dict[str, object] = {}
    others: list[Object] = []
    for one in variables:
        secret = _object(_object(one.get("valueFrom")).get("secretKeyRef"))
        if set(secret) == {"name", "key"}:
            said[one["name"]] = {"secret": secret["name"], "key": secret["key"]}
        elif "valueFrom" in one or named(one.get("value")) & {other["name"] for other in others}:
            others.append(one)
        else:
            said[one["name"]] = one.get("value", "")
    return said, others


def _amounts(resources: Object, left: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in ("requests", "limits"):
        amounts = _object(resources.get(part))
        known = {name: amounts[name] for name in ("cpu", "memory") if name in amounts}
        left += [f"resources.{part}.{name} of the container" for name in amounts if name not in known]
        found |= {part: known} if known else {}
    return found


def _probes(own: Object, left: list[str]) -> dict[str, object]:
    """The probes by HTTP or TCP; one of another kind is left, and readiness is then a TCP connect."""
    found: dict[str, object] = {}
    for name, field in _PROBES.items():
        probe = _object(own.get(field))
        way = _object(probe.get("httpGet") or probe.get("tcpSocket"))
        if way and not way.keys() - {"path", "port", "scheme"} and way.get("scheme", "HTTP") == "HTTP":
            found[name] = _probe(probe, way, own)
        elif probe:
            left.append(f"{field} of the container")
    return found


def _probe(probe: Object, way: Object, own: Object) -> dict[str, object]:
    found: dict[str, object] = {"path": way.get("path", "/")} if "httpGet" in probe else {}
    names = {one.get("name"): one["containerPort"] for one in _objects(own.get("ports"))}
    number = names.get(way["port"], way["port"])
    if number != _port(own):
        found["port"] = number
    return found | {key: probe.get(key, default) for key, default in _SECONDS.items()}


def _object(value: object) -> Object:
    return cast("Object", value) if isinstance(value, Mapping) else {}


def _objects(value: object) -> Sequence[Object]:
    return cast("Sequence[Object]", value) if isinstance(value, list) else ()
