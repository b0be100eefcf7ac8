"""The EnvoyFilter by which the gateways draw a version by a hash of the user, and not anew for each request.

Istio has no field for it. Envoy has, since 1.36: WeightedCluster.use_hash_policy.
"""

from collections.abc import Mapping
from typing import Any

from ..settings.model import App, Routing, StickyVersion
from .manifest import AT_ONCE, PATCH_FORCE, Manifest
from .routes import KEEPS

# `istioctl analyze` warns of every EnvoyFilter: the next Envoy may have other fields. `up` proves this one.
_KNOWN = {"galley.istio.io/analyze-suppress": "IST0133"}


def drawn_by(routing: Routing, weights: Mapping[str, int]) -> str:
    """By what the split keeps its users, such as the header x-user; empty where it has nobody to keep."""
    several = sum(1 for weight in weights.values() if weight) > 1
    return str(routing.sticky_version) if routing.sticky_version is not None and several else ""


def is_needed(virtual_service: Mapping[str, Any]) -> bool:
    """Whether the VirtualService has a rule that keeps its users."""
    return len(virtual_service["spec"]["http"][-1]["route"]) > 1


def object_name(spec: Mapping[str, Any]) -> str:
    """The name of the EnvoyFilter of a VirtualService's spec: another one when it is for other routes."""
    return spec["http"][-1]["name"].replace(KEEPS, ".")


def envoy_filter(app: App, routing: Routing, namespace: str) -> Manifest:
    """The EnvoyFilter without its name and its patches, which the VirtualService decides."""
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {
            "namespace": namespace,
            "labels": {**app.labels, "app": app.name},
            "annotations": {**PATCH_FORCE, **AT_ONCE, **_KNOWN},
        },
        "spec": {"workloadSelector": {"labels": dict(routing.gateway_selector)}},
    }


def patches(sticky: StickyVersion, spec: Mapping[str, Any]) -> list[Manifest]:
    """What is merged onto each route of several versions of a VirtualService's spec.

    Onto one of a single cluster it would be merged in its place, and Envoy would take no route any more.
    A route is found by its name alone: istiod makes one virtual host of hosts with the same routes, and a
    patch for each host would give that one route the same policy again.
    """
    policy: Manifest = (
        {"cookie": {"name": sticky.cookie}}
        if sticky.header is None
        else {"header": {"header_name": sticky.header}}
    )
    action: Manifest = {"hash_policy": [policy], "weighted_clusters": {"use_hash_policy": True}}
    return [
        {
            "applyTo": "HTTP_ROUTE",
            "match": {
                "context": "GATEWAY",
                "routeConfiguration": {"vhost": {"route": {"name": rule["name"], "action": "ROUTE"}}},
            },
            "patch": {"operation": "MERGE", "value": {"route": action}},
        }
        for rule in spec["http"]
        if len(rule["route"]) > 1
    ]
