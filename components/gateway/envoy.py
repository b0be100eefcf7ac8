"""What Envoy's own dumps say; pure functions over their JSON.

Envoy's documentation, "Administration interface"; the names of clusters and the metadata of
routes are Istio's (pilot/pkg/networking).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..kubernetes import workloads
from ..kubernetes.workloads import Workload
from .matcher import Conditions, conditions

ROUTES = "/config_dump?resource=dynamic_route_configs"
CLUSTERS = "/clusters?format=json"
# What stands in the name of a test route's rule; no other rule of the stack's has it.
TEST = "/test-"
# Stands for an endpoint whose pod is not known, such as the gateway of another network.
NO_ADDRESS = ""
# Stands for a waypoint in the place of the version's pods.
WAYPOINT = "waypoint"
# In an ambient mesh, the Envoy's own listener that makes the tunnels, and the port of a waypoint's end.
_TUNNELS, _WAYPOINT_PORT = "connect_originate", "15008"

_FRACTIONS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


@dataclass(frozen=True)
class Target:
    """The split that an Envoy is asked for: a VirtualService and the host of its subsets.

    `ports` are the Service's that the routes lead to; none: any. `existing` are the workloads that somebody
    else has, by their versions; of other versions the stack makes them, by the VirtualService's name.
    """

    namespace: str
    virtual_service: str
    host: str
    ports: tuple[int, ...] = ()
    existing: Mapping[str, Workload] = field(default_factory=dict[str, Workload], hash=False)

    def workload(self, version: str) -> Workload:
        """What runs the version's pods."""
        return self.existing.get(version) or workloads.own(self.virtual_service, version)

    def cluster(self, version: str) -> re.Pattern[str]:
        """Matches the name of a version's cluster: outbound|PORT|SUBSET|HOST.

        The domain behind the host is the mesh's; the routes name it, and are compared whole.
        """
        host = re.escape(f"{self.host}.{self.namespace}.svc.")
        ports = "|".join(map(str, self.ports)) or r"\d+"
        return re.compile(rf"outbound\|({ports})\|{re.escape(version)}\|{host}.*")


@dataclass(frozen=True)
class Route:
    """One route of the VirtualService in an Envoy.

    Attributes:
        table: the name of the route table that has it; a listener names it as its own.
        name: the name of the VirtualService's rule; empty without one.
        weights: by version; a cluster that is not one of the split's stands with its own name.
        clusters: the names of the clusters that get requests, or copies of them, by version.
        deeds: what it does beside, by the names of the VirtualService's fields, such as fault.
        host: the name of the virtual host that has it.
        match: what a request has to be like.
        mirrors: by version, the percentage of the requests that it gets a copy of.
        drawn_by: of what the version is drawn by a hash, such as the header x-user; empty: anew for each
            request.
    """

    table: str
    name: str
    weights: Mapping[str, int]
    clusters: Mapping[str, str]
    deeds: frozenset[str]
    host: str = ""
    match: Conditions = ()
    mirrors: Mapping[str, float] = field(default_factory=dict[str, float])
    drawn_by: str = ""

    @property
    def rule(self) -> str:
        """The name of the VirtualService's rule: Istio puts a match's own name behind it."""
        return self.name.partition(".")[0]

    @property
    def is_test(self) -> bool:
        """Whether it is a test route's, by its rule's name, and no part of the split."""
        return TEST in self.rule


def routes_path(tables: str | None) -> str:
    """The path of the dump of the route tables whose whole name matches; None: of all."""
    return f"{ROUTES}&name_regex={quote(tables)}" if tables else ROUTES


def endpoints_target(target: Target) -> str:
    """The path of the dump with the endpoints of the host's clusters alone."""
    pattern = rf"outbound.*\|{target.host}\.{target.namespace}\.svc\..*"
    return f"/config_dump?include_eds&resource=dynamic_endpoint_configs&name_regex={quote(pattern)}"


def routes(dump: Mapping[str, Any], target: Target) -> tuple[Route, ...]:
    """The routes that came from the VirtualService, as Istio notes it in a route's metadata."""
    config = (
        f"/apis/networking.istio.io/v1/namespaces/{target.namespace}/virtual-service/{target.virtual_service}"
    )
    return tuple(
        _route(table, host, route, target)
        for entry in _list(dump, "configs")
        for table in [_object(entry, "route_config")]
        for host in _list(table, "virtual_hosts")
        for route in _list(host, "routes")
        if _source(route) == config
    )


def routed_weights(dump: Mapping[str, Any], target: Target) -> tuple[dict[str, int], ...]:
    """The different splits that the routes of the VirtualService have; empty without a route.

    More than one means that Envoy's listeners do not agree yet. A version at 0 is left out.
    """
    return splits(routes(dump, target))


def splits(found: Iterable[Route]) -> tuple[dict[str, int], ...]:
    """The different splits of the routes that lead anywhere; test routes are beside the split."""
    different: list[dict[str, int]] = []
    for route in found:
        weights = dict(route.weights)
        if weights and not route.is_test and weights not in different:
            different.append(weights)
    return tuple(different)


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return parent.get(key) or {}


def _list(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return parent.get(key) or []


def _source(route: Mapping[str, Any]) -> str | None:
    filters = _object(_object(route, "metadata"), "filter_metadata")
    return _object(filters, "istio").get("config")


def _route(
    table: Mapping[str, Any], host: Mapping[str, Any], route: Mapping[str, Any], target: Target
) -> Route:
    action = _object(route, "route")
    shares, mirrors = _shares(action), _mirrors(action)
    versions = {cluster: _version(cluster, target) for cluster in (*mirrors, *shares)}
    return Route(
        table.get("name", ""),
        route.get("name", ""),
        {versions[cluster]: weight for cluster, weight in shares.items()},
        {version: cluster for cluster, version in versions.items()},
        _deeds(route),
        host.get("name", ""),
        conditions(_object(route, "match")),
        {versions[cluster]: percent for cluster, percent in mirrors.items()},
        _drawn_by(action),
    )


def _shares(action: Mapping[str, Any]) -> dict[str, int]:
    """The clusters with a share: an action names one cluster, or several with weights."""
    if "cluster" in action:
        return {action["cluster"]: 100}
    clusters = _list(_object(action, "weighted_clusters"), "clusters")
    weights = {item["name"]: int(item.get("weight", 0)) for item in clusters}
    return {cluster: weight for cluster, weight in weights.items() if weight}


def _drawn_by(action: Mapping[str, Any]) -> str:
    if not _object(action, "weighted_clusters").get("use_hash_policy"):
        return ""
    return " and ".join(map(_hashed, _list(action, "hash_policy")))


def _hashed(policy: Mapping[str, Any]) -> str:
    header, cookie = _object(policy, "header"), _object(policy, "cookie")
    if [*header] == ["header_name"]:
        return f"the header {header['header_name']}"
    return f"the cookie {cookie['name']}" if [*cookie] == ["name"] else json.dumps(policy, sort_keys=True)


def _mirrors(action: Mapping[str, Any]) -> dict[str, float]:
    """The clusters that get copies, with their percentage; Envoy's dump leaves out what is 0 or HUNDRED."""
    found: dict[str, float] = {}
    for policy in _list(action, "request_mirror_policies"):
        part = _object(_object(policy, "runtime_fraction"), "default_value")
        whole = _FRACTIONS[part.get("denominator", "HUNDRED")]
        found[policy.get("cluster", "")] = 100 * int(part.get("numerator", 0)) / whole if part else 100.0
    return found


def _version(cluster: str, target: Target) -> str:
    """The version that a cluster of the split stands for; else the cluster's own name."""
    parts = cluster.split("|")
    version = parts[2] if len(parts) == 4 else ""
    return version if version and target.cluster(version).fullmatch(cluster) else cluster


def _deeds(route: Mapping[str, Any]) -> frozenset[str]:
    """What keeps requests from the app, or changes what it is asked for."""
    action = _object(route, "route")
    rewrites = (
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite",
        "host_rewrite_literal",
        "host_rewrite_path_regex",
    )
    found = {
        "redirect": "redirect" in route,
        "directResponse": "direct_response" in route,
        "fault": "envoy.filters.http.fault" in _object(route, "typed_per_filter_config"),
        "rewrite": any(field in action for field in rewrites),
    }
    return frozenset(name for name, does in found.items() if does)


def endpoints(dump: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The healthy addresses of each cluster that Envoy has, by the cluster's name."""
    found: dict[str, frozenset[str]] = {}
    for entry in _list(dump, "configs"):
        assignment = _object(entry, "endpoint_config")
        name = assignment.get("cluster_name")
        if name:
            found[name] = found.get(name, frozenset()) | _healthy(assignment)
    return found


def healthy_endpoints(dump: Mapping[str, Any], target: Target, version: str) -> frozenset[str] | None:
    """The healthy addresses that Envoy has for a version, on each port; None: it lacks such a cluster."""
    name = target.cluster(version)
    found = [addresses for cluster, addresses in endpoints(dump).items() if name.fullmatch(cluster)]
    if not found or len(found) < len(target.ports):
        return None
    return found[0].intersection(*found) if target.ports else found[0].union(*found)


def _healthy(assignment: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        _address(_object(_object(item, "endpoint"), "address"))
        for locality in _list(assignment, "endpoints")
        for item in _list(locality, "lb_endpoints")
        if item.get("health_status", "HEALTHY") == "HEALTHY"
    )


def _address(address: Mapping[str, Any]) -> str:
    """Where an endpoint is; of one behind a tunnel, Istio notes IP:PORT of the tunnel's other end."""
    tunnel = _object(address, "envoy_internal_address")
    if tunnel.get("server_listener_name") != _TUNNELS:
        return _object(address, "socket_address").get("address", NO_ADDRESS)
    host, _, port = tunnel.get("endpoint_id", "").rpartition(":")
    return WAYPOINT if port == _WAYPOINT_PORT else host.strip("[]")


def counted(
    clusters: Mapping[str, Any], target: Target, versions: Iterable[str], name: str
) -> dict[str, int]:
    """What was counted so far of each endpoint of the versions, such as rq_total, by cluster and address."""
    ours = [target.cluster(version) for version in versions]
    return {
        f"{cluster['name']} {host['address']}": int(stat.get("value", 0))
        for cluster in _list(clusters, "cluster_statuses")
        if any(one.fullmatch(cluster["name"]) for one in ours)
        for host in _list(cluster, "host_statuses")
        for stat in _list(host, "stats")
        if stat.get("name") == name
    }


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
