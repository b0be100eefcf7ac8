"""A split written into the VirtualService as the field manager that Pulumi's provider has there."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..kubernetes.api import Api
from ..manifests.routes import is_test
from .past import Past

# How pulumi-kubernetes begins the name of its field manager (pkg/provider, fieldManagerName).
_PULUMI = "pulumi-kubernetes"


def write(api: Api, where: str, past: Past) -> None:
    """Write a split to the VirtualService at a path, and nothing else of it.

    Pulumi's next `up` finds its own write there, and no difference.

    Raises:
        GatewayError: the API server did not take it.
    """
    manager, manifest = applied_with(api.get(where), past.weights)
    api.apply(where, manifest, manager)


def applied_with(found: Mapping[str, Any], weights: Mapping[str, int]) -> tuple[str, Mapping[str, Any]]:
    """Return Pulumi's field manager, and what it applied but with these weights."""
    manager, fields = _applied(found)
    names = {key: found["metadata"][key] for key in ("name", "namespace")}
    manifest = {
        **fields,
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {**fields.get("metadata", {}), **names},
        "spec": {**fields.get("spec", {}), "http": _with_weights(found["spec"]["http"], weights)},
    }
    return manager, manifest


def _applied(found: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Pulumi's field manager and what it applied, out of `managedFields`; the newest, if there are more.

    An apply names everything that its manager has: what it left out would be taken away.
    """
    entries: Sequence[Mapping[str, Any]] = found["metadata"].get("managedFields") or []
    ours = [
        entry
        for entry in entries
        if entry["manager"].startswith(_PULUMI) and entry.get("operation") == "Apply"
    ]
    if not ours:
        return _PULUMI, {}
    last = max(ours, key=lambda entry: str(entry.get("time", "")))
    return last["manager"], _owned(found, last["fieldsV1"])


def _owned(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of an object that `fieldsV1` names. The lists in a VirtualService are atomic: whole or not."""
    names = [name for name in fields if name.startswith("f:")]
    if not names:
        return value
    return {
        name.removeprefix("f:"): _owned(value[name.removeprefix("f:")], fields[name])
        for name in names
        if name.removeprefix("f:") in value
    }


def _with_weights(rules: Sequence[Mapping[str, Any]], weights: Mapping[str, int]) -> list[Mapping[str, Any]]:
    return [
        {**rule, "route": _routes(rule, weights)} if "route" in rule and not is_test(rule) else rule
        for rule in rules
        # What a version with traffic would get as copies could not be told from its own requests.
        if not any(one["destination"].get("subset") in weights for one in rule.get("mirrors") or ())
    ]


def _routes(rule: Mapping[str, Any], weights: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """The destinations of a rule, as they are but for subset and weight."""
    destination: Mapping[str, Any] = rule["route"][0]["destination"]
    return [
        {"destination": {**destination, "subset": version}, "weight": weight}
        for version, weight in sorted(weights.items())
    ]
