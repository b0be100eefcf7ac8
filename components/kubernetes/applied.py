"""What Pulumi's provider has applied of an object, to write it again in its name with a change."""

from collections.abc import Mapping, Sequence
from typing import Any

from .api import Api

# How pulumi-kubernetes begins the name of its field manager (pkg/provider, fieldManagerName).
_PULUMI = "pulumi-kubernetes"


def write(api: Api, path: str, found: Mapping[str, Any], **spec: object) -> None:
    """Writes an object as Pulumi has applied it, but for these fields of its spec. Raises GatewayError."""
    manager, manifest = applied(found, **spec)
    api.apply(path, manifest, manager)


def applied(found: Mapping[str, Any], **spec: object) -> tuple[str, dict[str, Any]]:
    """Pulumi's field manager and what it applied, out of `managedFields`; the newest, if there are more.

    An apply names everything that its manager has: what it left out would be taken away. These fields of the
    `spec` stand in place of what it applied; None takes one out.
    """
    entries: Sequence[Mapping[str, Any]] = found["metadata"].get("managedFields") or []
    ours = [
        entry
        for entry in entries
        if entry["manager"].startswith(_PULUMI) and entry.get("operation") == "Apply"
    ]
    last = max(ours, key=lambda entry: str(entry.get("time", "")), default=None)
    fields: dict[str, Any] = _owned(found, last["fieldsV1"]) if last else {}
    names = {key: found["metadata"][key] for key in ("name", "namespace")}
    whole: dict[str, object] = {**fields.get("spec", {}), **spec}
    manifest = {
        **fields,
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {**fields.get("metadata", {}), **names},
        "spec": {key: one for key, one in whole.items() if one is not None},
    }
    return last["manager"] if last else _PULUMI, manifest


def _owned(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of an object that `fieldsV1` names. The lists of Istio's objects are atomic: whole or not."""
    names = [name for name in fields if name.startswith("f:")]
    if not names:
        return value
    return {
        name.removeprefix("f:"): _owned(value[name.removeprefix("f:")], fields[name])
        for name in names
        if name.removeprefix("f:") in value
    }
