"""Workloads and a Service that somebody else has: what the split needs to know of them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from . import later
from .ending import failed
from .kubernetes import workloads
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .kubernetes.writers import OWNER
from .ownership import stack_of, this_stack
from .settings.model import App, Port, Version

# What Istio knows by an appProtocol, or by what a port's name begins with (istio.io, "Protocol Selection").
# Where a port says none of what it knows, a gateway speaks HTTP/1.
_TCP = ("tcp", "tls", "udp", "mongo", "mysql", "redis")
_HTTP2 = ("http2", "grpc", "kubernetes.io/h2c")


def existing(
    kubeconfig: pulumi.Input[Kubeconfig], app: App, versions: Mapping[str, Version]
) -> pulumi.Output[Mapping[str, Any]] | None:
    """By version, the workload that somebody else has, as plain data; None: the stack has all of its own.

    Raises pulumi.RunError where one is missing, or the split cannot be made with them.
    """
    if app.service is None and all(version.existing is None for version in versions.values()):
        return None

    def read(known: Sequence[Any]) -> Mapping[str, Any]:
        try:
            return _read(known[0], dataclasses.replace(app, namespace=known[1]), versions, known[2])
        except (GatewayError, pulumi.RunError) as error:
            raise failed(error) from error

    # It may be a secret; what owners say of their workloads is none.
    public = pulumi.Output.unsecret(pulumi.Output.from_input(kubeconfig))
    own = {name: {**app.labels, **one.labels} for name, one in versions.items() if one.existing is None}
    return pulumi.Output.all(public, later.filled(app.namespace), later.filled(own)).apply(read)


def _read(
    kubeconfig: Kubeconfig,
    app: App,
    versions: Mapping[str, Version],
    own: Mapping[str, Mapping[str, str]],
) -> Mapping[str, Any]:
    """The workloads; `own` are the labels of the other versions' pods, beside ours."""
    found: dict[str, workloads.Workload] = {}
    # By version, all labels of its pods.
    pods: dict[str, Mapping[str, str]] = {}
    mistakes: list[str] = []
    with Api(kubeconfig) as api:
        for name, version in versions.items():
            one = version.existing
            if one is None:
                pods[name] = {**own[name], "app": app.name, "version": name}
                continue
            read = workloads.read(api, app.namespace, one.kind, one.name, version.subset.labels)
            if read is None:
                mistakes.append(f"versions.{name}: there is no {one.kind} {app.namespace}/{one.name}")
            else:
                found[name], item = read
                pods[name] = item["spec"]["template"]["metadata"].get("labels") or {}
                if not found[name].labels:
                    mistakes.append(
                        f"versions.{name}: the selector of {one.kind} {app.namespace}/{one.name} has no "
                        "matchLabels. Write a label that its pods alone have as "
                        f"versions.{name}.subset.labels"
                    )
                if stack_of(item) == this_stack():
                    kind = one.kind.lower()
                    mistakes.append(
                        f"versions.{name}: {one.kind} {app.namespace}/{one.name} is this stack's own, which "
                        "would delete it with its pods. Give its version back its image; or, if the stack "
                        "has it no more (pulumi state delete), take its mark off: "
                        f"{api.kubectl} -n {app.namespace} annotate {kind} {one.name} {OWNER}-"
                    )
        service = None
        if app.service is not None:
            service = api.find(f"/api/v1/namespaces/{app.namespace}/services/{app.service}")
    if not mistakes:
        labels = {name: found[name].labels if name in found else {"version": name} for name in versions}
        mistakes = [*overlaps(labels, pods), *_unreached(app, service, pods)]
    if mistakes:
        lines = [f"{one}." for one in mistakes]
        raise pulumi.RunError("\n  ".join(["The split cannot be made; no traffic has moved.", *lines]))
    return {name: dataclasses.asdict(one) for name, one in found.items()}


def overlaps(labels: Mapping[str, Mapping[str, str]], pods: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The versions whose subset has another one's pods too; or none, for a label that its pods lack."""
    for name, wanted in labels.items():
        text = ",".join(f"{key}={value}" for key, value in wanted.items())
        for other, theirs in pods.items():
            matches = wanted.items() <= theirs.items()
            if other == name and not matches:
                yield f"versions.{name}.subset.labels: its own pods have not {text}"
            elif other != name and matches:
                yield (
                    f"versions.{name}: its label {text} is on the pods of {other} too, which would get its "
                    f"traffic. Write one that they have not as versions.{name}.subset.labels"
                )


def _unreached(
    app: App, service: Mapping[str, Any] | None, pods: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """What keeps the Service from leading to the versions' pods as HTTP."""
    if app.service is None:
        selector: Mapping[str, str] = {"app": app.name}
        remedy = "Name the Service that does as app.service"
    elif service is None:
        yield f"app.service: there is no Service {app.namespace}/{app.service}"
        return
    else:
        selector = service["spec"].get("selector") or {}
        remedy = "Widen its selector to what they have in common"
        for port in app.served:
            yield from _port(app, port, service["spec"].get("ports") or [])
    text = ",".join(f"{key}={value}" for key, value in selector.items())
    lack = f"selects {text}, which its pods have not" if selector else "selects no pods"
    for name, labels in pods.items():
        if not selector or not selector.items() <= labels.items():
            yield f"versions.{name}: the Service {app.host} {lack}. {remedy}"


def _port(app: App, wanted: Port, ports: list[Mapping[str, Any]]) -> Iterator[str]:
    known = {port["port"]: port for port in ports}
    port = known.get(wanted.port)
    if port is None:
        key, numbers = "app.ports" if app.ports else "app.port", ", ".join(map(str, known)) or "none"
        yield f"{key}: the Service {app.host} has no port {wanted.port}. It has {numbers}"
        return
    name, protocol = port.get("name") or "", port.get("appProtocol") or ""
    kind = (protocol or name).lower().partition("-")[0]
    if kind in _TCP or (wanted.protocol != "http" and kind not in _HTTP2):
        taken = "TCP, without weights" if kind in _TCP else "HTTP/1"
        named = "" if protocol else f"name it {wanted.protocol}, or to "
        yield (
            f"app.service: Istio takes the port {name or wanted.port} of the Service {app.host} for {taken}. "
            f"Its owner has to {named}give it appProtocol: {wanted.protocol}"
        )
