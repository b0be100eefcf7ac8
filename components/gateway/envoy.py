"""What Envoy's own dumps say; pure functions over their JSON.

Envoy's documentation, "Administration interface"; the names of clusters and the metadata of
routes are Istio's (pilot/pkg/networking).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

ROUTES = "/config_dump?resource=dynamic_route_configs"
CLUSTERS = "/clusters?format=json"


@dataclass(frozen=True)
class Target:
    """The split that an Envoy is asked for: a VirtualService and the host of its subsets."""

    namespace: str
    virtual_service: str
    host: str

    def cluster(self, version: str) -> re.Pattern[str]:
        """Matches the name of a version's cluster: outbound|PORT|SUBSET|HOST."""
        host = re.escape(f"{self.host}.{self.namespace}.svc.")
        return re.compile(rf"outbound\|\d+\|{re.escape(version)}\|{host}.*")


def endpoints_target(target: Target) -> str:
    """The path of the dump with the endpoints of the host's clusters alone."""
    pattern = rf"outbound.*\|{target.host}\.{target.namespace}\.svc\..*"
    return f"/config_dump?include_eds&resource=dynamic_endpoint_configs&name_regex={quote(pattern)}"


def routed_weights(dump: Mapping[str, Any], target: Target) -> tuple[dict[str, int], ...]:
    """The different splits that the routes of the VirtualService have; empty without a route.

    More than one means that Envoy's listeners do not agree yet. A version at 0 is left out.
    """
    config = (
        f"/apis/networking.istio.io/v1/namespaces/{target.namespace}/virtual-service/{target.virtual_service}"
    )
    found: list[dict[str, int]] = []
    for entry in _list(dump, "configs"):
        for host in _list(_object(entry, "route_config"), "virtual_hosts"):
            for route in _list(host, "routes"):
                if _source(route) == config and "route" in route:
                    weights = _weights(route["route"])
                    if weights not in found:
                        found.append(weights)
    return tuple(found)


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return parent.get(key) or {}


def _list(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return parent.get(key) or []


def _source(route: Mapping[str, Any]) -> str | None:
    filters = _object(_object(route, "metadata"), "filter_metadata")
    return _object(filters, "istio").get("config")


def _weights(action: Mapping[str, Any]) -> dict[str, int]:
    """An action names one cluster, or several with weights."""
    if "cluster" in action:
        return {_subset(action["cluster"]): 100}
    clusters = _list(_object(action, "weighted_clusters"), "clusters")
    weights = {_subset(item["name"]): int(item.get("weight", 0)) for item in clusters}
    return {subset: weight for subset, weight in weights.items() if weight}


def _subset(cluster: str) -> str:
    parts = cluster.split("|")
    return parts[2] if len(parts) == 4 else cluster


def healthy_endpoints(dump: Mapping[str, Any], target: Target, version: str) -> frozenset[str] | None:
    """The healthy addresses that Envoy has for a version; None: it has no such cluster."""
    name = target.cluster(version)
    found: set[str] | None = None
    for entry in _list(dump, "configs"):
        assignment = _object(entry, "endpoint_config")
        if not name.fullmatch(assignment.get("cluster_name", "")):
            continue
        found = found or set()
        for locality in _list(assignment, "endpoints"):
            for item in _list(locality, "lb_endpoints"):
                if item.get("health_status", "HEALTHY") == "HEALTHY":
                    address = _object(_object(item, "endpoint"), "address")
                    found.add(str(_object(address, "socket_address").get("address")))
    return None if found is None else frozenset(found)


def active_requests(clusters: Mapping[str, Any], target: Target, version: str) -> int:
    """The requests in flight to a version, over all of its endpoints."""
    name = target.cluster(version)
    return sum(
        int(stat.get("value", 0))
        for cluster in _list(clusters, "cluster_statuses")
        if name.fullmatch(cluster["name"])
        for host in _list(cluster, "host_statuses")
        for stat in _list(host, "stats")
        if stat.get("name") == "rq_active"
    )
