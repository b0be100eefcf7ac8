"""The DestinationRules whose limits make a gateway answer itself for a version."""

from collections.abc import Mapping
from typing import Any

from ..kubernetes import istio
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from .envoy import Target
from .rules import is_for

_LIMITS = ("outlierDetection", "connectionPool", "tls")


def limits(api: Api, target: Target) -> str:
    """A clause that names the rules for the split's host with a limit, and which; empty without one.

    What cannot be read says nothing: it is asked for to explain a failure, which is told all the same.
    """
    try:
        items: list[Mapping[str, Any]] = api.get(f"{istio.GROUP}/destinationrules")["items"]
    except GatewayError:
        return ""
    found = [
        f"{', '.join(fields)} of DestinationRule {item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in items
        if is_for(item, target) and (fields := _fields(item["spec"]))
    ]
    return f"; look at {' and '.join(found)}" if found else ""


def _fields(spec: Mapping[str, Any]) -> list[str]:
    """The limits of a rule, for all of the host or for one of its subsets."""
    subsets: list[Mapping[str, Any]] = spec.get("subsets") or []
    policies = [part["trafficPolicy"] for part in (spec, *subsets) if "trafficPolicy" in part]
    return [field for field in _LIMITS if any(field in policy for policy in policies)]
