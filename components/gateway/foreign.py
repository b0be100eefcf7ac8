"""What somebody else wrote into the stack's objects; pure functions over the API server's JSON."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..kubernetes.writers import writer
from .finding import Finding, Grade, Link

# The field manager of Pulumi's provider begins so (its documentation, "Server-Side Apply").
_PULUMI = "pulumi-kubernetes"


def foreign(item: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The fields of the VirtualService that the stack does not write, each with its writer.

    Pulumi's refresh does not see what stands beside the stack's own fields; the next write takes it away.
    """
    by = writer(item, "http")
    if by is not None and by.startswith(f"written by {_PULUMI}"):
        return ()
    name = f"VirtualService {item['metadata']['namespace']}/{item['metadata']['name']}"
    return tuple(
        Finding(Link.ROUTE, f"{name} has {what}, which the stack does not write", "", by, Grade.NOTE)
        for what in _beside(item["spec"], manifest["spec"])
    )


def foreign_ports(item: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The Service's ports that the stack does not write, each with its writer.

    An apply of the stack's fields leaves them where they are, so Pulumi shows an update for ever.
    """
    metadata = item["metadata"]
    name = f"Service {metadata['namespace']}/{metadata['name']}"
    own = {port["port"] for port in manifest["spec"]["ports"]}
    return tuple(
        Finding(
            Link.CLUSTER,
            f"{name} has the port {port['port']}, which the stack does not write: "
            "each preview shows it as an update, and no `up` takes it away",
            _without(metadata, f"/spec/ports/{index}"),
            _port_writer(item, port),
            Grade.NOTE,
        )
        for index, port in enumerate(item["spec"]["ports"])
        if port["port"] not in own
    )


def _without(metadata: Mapping[str, Any], path: str) -> str:
    patch = json.dumps([{"op": "remove", "path": path}])
    return f"kubectl -n {metadata['namespace']} patch service {metadata['name']} --type=json -p '{patch}'"


def _port_writer(item: Mapping[str, Any], port: Mapping[str, Any]) -> str | None:
    key = {"port": port["port"], "protocol": port.get("protocol", "TCP")}
    field = f"k:{json.dumps(key, separators=(',', ':'))}"
    entries: Iterable[Mapping[str, Any]] = item["metadata"].get("managedFields") or ()
    for entry in entries:
        spec: Mapping[str, Any] = entry.get("fieldsV1", {}).get("f:spec") or {}
        if field in (spec.get("f:ports") or {}):
            return f"written by {entry['manager']} at {entry.get('time', '')}"
    return None


def _beside(spec: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[str]:
    for field in sorted(spec.keys() - wanted.keys()):
        yield f"{field}: {json.dumps(spec[field])}"
    rules: list[Mapping[str, Any]] = spec.get("http") or []
    found = _own(rules, wanted["http"])
    for index, rule in enumerate(rules):
        own = found.get(index)
        if own is None:
            yield f"another rule: {json.dumps(rule)}"
            continue
        for field in sorted(rule.keys() - {"route"}):
            if rule[field] != own.get(field):
                yield f"{field}: {json.dumps(rule[field])}"


def _own(rules: list[Mapping[str, Any]], wanted: list[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Where the stack's own rules stand: by their names; the split's, which is the last, else first."""
    by_name = {own["name"]: own for own in wanted}
    found = {place: by_name[rule["name"]] for place, rule in enumerate(rules) if rule.get("name") in by_name}
    if wanted[-1] not in found.values():
        rest = [place for place in range(len(rules)) if place not in found]
        found |= dict.fromkeys(rest[:1], wanted[-1])
    return found
