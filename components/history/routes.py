"""A split written into the VirtualService as the field manager that Pulumi's provider has there."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.applied import applied
from ..manifests.routes import is_test, to_one_version
from .past import Past


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
    return applied(found, http=_with_weights(found["spec"]["http"], weights))


def _with_weights(rules: Sequence[Mapping[str, Any]], weights: Mapping[str, int]) -> list[Mapping[str, Any]]:
    return [
        {**rule, **_split(rule, weights)} if "route" in rule and not is_test(rule) else rule
        for rule in rules
        # What a version with traffic would get as copies could not be told from its own requests.
        if not any(one["destination"].get("subset") in weights for one in rule.get("mirrors") or ())
    ]


def _split(rule: Mapping[str, Any], weights: Mapping[str, int]) -> Mapping[str, Any]:
    """The destinations of a rule, as they are but for subset and weight.

    What an EnvoyFilter does to a route of several versions, no route of one alone takes.
    """
    destination: Mapping[str, Any] = rule["route"][0]["destination"]
    route = [
        {"destination": {**destination, "subset": version}, "weight": weight}
        for version, weight in sorted(weights.items())
    ]
    named = {"name": to_one_version(rule["name"])} if len(route) == 1 and "name" in rule else {}
    return {"route": route, **named}
