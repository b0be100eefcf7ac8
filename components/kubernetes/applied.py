"""What Pulumi's provider has applied of an object, to write it again in its name with a change."""

from collections.abc import Mapping, Sequence
from typing import Any

# How pulumi-kubernetes begins the name of its field manager (pkg/provider, fieldManagerName).
_PULUMI = "pulumi-kubernetes"


def applied(found: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Pulumi's field manager and what it applied, out of `managedFields`; the newest, if there are more.

    An apply names everything that its manager has: what it left out would be taken away.
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
    manifest = {
        **fields,
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {**fields.get("metadata", {}), **names},
        "spec": fields.get("spec", {}),
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
