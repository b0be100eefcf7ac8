"""What somebody else wrote into the stack's VirtualService; pure functions over the API server's JSON."""

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


def _beside(spec: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[str]:
    for field in sorted(spec.keys() - wanted.keys()):
        yield f"{field}: {json.dumps(spec[field])}"
    (own,) = wanted["http"]
    rules: list[Mapping[str, Any]] = spec.get("http") or []
    ours = _own(rules, own)
    for index, rule in enumerate(rules):
        if index != ours:
            yield f"another rule: {json.dumps(rule)}"
            continue
        for field in sorted(rule.keys() - {"route"}):
            if rule[field] != own.get(field):
                yield f"{field}: {json.dumps(rule[field])}"


def _own(rules: list[Mapping[str, Any]], own: Mapping[str, Any]) -> int:
    """Where the stack's own rule stands: by its name, else the first."""
    names = [rule.get("name") for rule in rules]
    return names.index(own["name"]) if own["name"] in names else 0
