"""Are the objects in the cluster what our manifests say, field by field?"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from ...kubernetes.writers import last_writer
from ...manifests import routes, workload
from ...manifests.compare import Path, Unlike, added, unlike
from ...manifests.objects import objects
from ...observation.live import Live, split
from ...settings.model import Settings
from ...settings.weights import same, shown
from .applied import Applied
from .mend import refresh, up
from .verdict import Difference, Status

_ISTIO = "networking.istio.io/v1"
# Pulumi's own notes: what they say is done by Pulumi, not by the cluster.
_NOTES = "pulumi.com/"
# Kubernetes merges ports by these: an `up` would add ours beside the other, of the same name, and be refused.
_PORT_KEYS = ("port", "containerPort", "protocol")


def fields(name: str, settings: Settings, now: Live, applied: Applied) -> Iterator[Difference]:
    """Yield each object that is not there, and each field that a manifest sets and the cluster has otherwise.

    A number of replicas is told by workloads.py.
    """
    for manifest in objects(settings):
        kind, key = manifest["kind"], (manifest["kind"], manifest["metadata"]["name"])
        what = f"{kind} {settings.app.namespace}/{key[1]}"
        live, last = now.objects.get(key), applied.get(key)
        if kind == "DestinationRule":
            manifest = routes.as_written(manifest, last or live)
        if live is None and last is None:
            yield Difference(f"not applied: {what} is not there yet", up(name), Status.NOT_APPLIED)
        elif live is None:
            yield Difference(f"{what} is not there", refresh(name))
        elif kind == "VirtualService" and not same(split(live["spec"]), settings.weights):
            says = shown(split(live["spec"])) or "no split"
            wrong = f"{what} says {says} and not {shown(settings.weights)}"
            drifted = last is None or not same(split(live["spec"]), split(last["spec"]))
            yield _difference(name, wrong, live, ("spec", "http"), drifted=drifted)
        else:
            ours = set[Path]() if last is None else {found.path for found in _unlike(last, live)}
            for found in _unlike(manifest, live):
                yield _field(name, what, now, live, found, drifted=last is None or found.path in ours)


def beside(name: str, settings: Settings, now: Live, version: str) -> Iterator[Difference]:
    """Yield what others wrote into a version's pods beside the manifest's fields."""
    manifest = workload.deployment(settings.app, version, settings.versions[version])
    key = ("Deployment", manifest["metadata"]["name"])
    live, what = now.objects[key], f"Deployment {settings.app.namespace}/{key[1]}"
    template: Path = ("spec", "template", "spec")
    for found in added(manifest["spec"]["template"]["spec"], live["spec"]["template"]["spec"], template):
        by = last_writer(live, found.path)
        if by is not None and not by.is_pulumi:
            yield _field(name, what, now, live, found, drifted=True)


def _unlike(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Unlike]:
    metadata = manifest["metadata"]
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    wanted = {
        "labels": metadata["labels"],
        "annotations": {key: value for key, value in annotations.items() if not key.startswith(_NOTES)},
    }
    for found in unlike({"metadata": wanted, "spec": manifest["spec"]}, live):
        if found.path != ("spec", "replicas"):
            yield found
    # A Service finds the pods that have every label of its selector.
    if manifest["kind"] == "Service":
        selector = ("spec", "selector")
        yield from added(manifest["spec"]["selector"], live["spec"].get("selector") or {}, selector)
    # What anybody adds to a route changes where requests go; no admission does that.
    if manifest["apiVersion"] == _ISTIO:
        yield from added(manifest["spec"], live["spec"], ("spec",))


def _field(
    name: str, what: str, now: Live, live: Mapping[str, Any], found: Unlike, *, drifted: bool
) -> Difference:
    place, kind = _shown(found.path, live), what.partition(" ")[0]
    if found.wanted is None:
        wrong = f"{what}: {place} is not of the config"
        foreign = _difference(name, wrong, live, found.path, drifted=drifted)
        # Pulumi's refresh does not see what the program never wrote.
        cure = _patch(now.kubectl, kind, live, {"op": "remove", "path": _pointer(found.path)})
        return replace(foreign, mend=cure) if drifted else foreign
    # What stands in a variable may be a secret.
    is_secret = "env" in found.path
    values = "another one" if is_secret else f"{_value(found.live)} and not {_value(found.wanted)}"
    changed = _difference(name, f"{what}: {place} is {values}", live, found.path, drifted=drifted)
    if not drifted or found.path[-1] not in _PORT_KEYS:
        return changed
    put_back = {"op": "replace", "path": _pointer(found.path), "value": found.wanted}
    return replace(changed, mend=_patch(now.kubectl, kind, live, put_back))


def _difference(name: str, wrong: str, live: Mapping[str, Any], path: Path, *, drifted: bool) -> Difference:
    """A field that is as the last `up` left it was edited in the config since."""
    if not drifted:
        return Difference(f"not applied: {wrong}", up(name), Status.NOT_APPLIED)
    by = last_writer(live, path)
    # The stack itself is nobody who drifts.
    named = f", written by {by}" if by is not None and not by.is_pulumi else ""
    return Difference(f"{wrong}{named}", refresh(name))


def _shown(path: Path, live: Mapping[str, Any]) -> str:
    """The path as kubectl writes it, with the names of a list's items where they have some."""
    text = ""
    at: Any = live
    for step in path:
        at = at[step] if isinstance(step, int) or step in at else {}
        name = (
            cast("Mapping[str, Any]", at).get("name", step) if isinstance(cast("object", at), dict) else step
        )
        text += f"[{name}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _value(value: object) -> str:
    text = "missing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _patch(kubectl: str, kind: str, live: Mapping[str, Any], change: Mapping[str, object]) -> str:
    """The command that changes one field and leaves the rest of the object to whoever has it."""
    metadata = live["metadata"]
    # Kubernetes has a Gateway of its own.
    resource = "gateway.networking.istio.io" if kind == "Gateway" else kind.lower()
    where = f"-n {metadata['namespace']} patch {resource} {metadata['name']}"
    return f"{kubectl} {where} --type=json -p {shlex.quote(json.dumps([change]))}"


def _pointer(path: Path) -> str:
    """The path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
