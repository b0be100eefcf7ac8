"""Istio's objects for the split as plain manifests; knows nothing of Pulumi."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..settings.model import App, Mirror, Port, RequestMark, Retries, Routing, StickySession, Version
from .manifest import AT_ONCE, PATCH_FORCE, Manifest

_API = "networking.istio.io/v1"
# Names the workload that somebody else has.
WORKLOAD = "blue-green/workload"
# What stands behind the digest in the name of a rule beside the split: no app's name has a slash.
_TEST, _MIRROR, _PORT = "/test-", "/mirror", "/port-"
# Stands between namespace and app in the name of a rule that keeps its users: no name of either has it.
KEEPS = "_"
# The callers in the mesh, whose sidecars are told by this name.
_MESH = "mesh"
# Whatever the mesh has as its default, the gateways may be in any namespace.
_EXPORT_TO = ["*"]
# By this header of an answer, requests alone tell which version and which split it came by.
MARK = "x-blue-green-split"


def gateway(app: App, routing: Routing) -> Manifest:
    """The Gateway: which gateway pods listen for which hosts."""
    server: Manifest = {
        "hosts": list(routing.hosts),
        "port": {"number": routing.port, "name": "http", "protocol": "HTTP"},
    }
    if routing.tls_secret is not None:
        server["port"] = {"number": routing.port, "name": "https", "protocol": "HTTPS"}
        server["tls"] = {"mode": "SIMPLE", "credentialName": routing.tls_secret}
    named = server["port"]["name"]
    more = [
        {**server, "port": {**server["port"], "number": number, "name": f"{named}-{name}"}}
        for name, number in app.more_entrances.items()
    ]
    spec: Manifest = {"selector": dict(routing.gateway_selector), "servers": [server, *more]}
    return _object("Gateway", routing.gateway, app, spec)


def destination_rule(
    app: App, name: str, version: Version, routing: Routing, labels: object = None
) -> Manifest:
    """The DestinationRule with one version's subset; Istio merges all rules of a host with the same exportTo.

    It has none, as most people's have none: where that hides it, the program adds one (rule_exports.py).
    `labels` are those of the pods of a workload that somebody else has. Without them, and where the config
    does not name them either, the subset has none yet.
    """
    subset: Manifest = {"name": name, "labels": {"version": name}}
    if version.existing is not None:
        subset["labels"] = labels or dict(version.subset.labels)
    merged = {**routing.traffic_policy, **version.traffic_policy}
    if routing.sticky_session is not None:
        merged["loadBalancer"] = {"consistentHash": _consistent_hash(routing.sticky_session)}
    if merged:
        subset["trafficPolicy"] = merged
    spec: Manifest = {"host": app.host, "subsets": [subset]}
    rule = _object("DestinationRule", f"{app.name}-{name}", app, spec)
    if version.existing is not None:
        rule["metadata"]["annotations"][WORKLOAD] = f"{version.existing.kind} {version.existing.name}"
    return rule


def as_written(rule: Manifest, known: Mapping[str, Any] | None) -> Manifest:
    """The rule with what the program takes from the cluster, as another one of its name has it.

    That is its exportTo, and the labels of pods that somebody else has.
    """
    if known is None:
        return rule
    spec = {**rule["spec"]}
    if known["spec"].get("exportTo") == list(_EXPORT_TO):
        spec["exportTo"] = list(_EXPORT_TO)
    (subset,) = spec["subsets"]
    if not subset["labels"]:
        labels = [one.get("labels") for one in known["spec"]["subsets"] if one["name"] == subset["name"]]
        spec["subsets"] = [{**subset, "labels": labels[0]}] if labels else [subset]
    return {**rule, "spec": spec}


def virtual_service(
    app: App,
    weights: Mapping[str, int],
    routing: Routing,
    test_routes: Mapping[str, RequestMark] | None = None,
    mirror: Mirror | None = None,
    *,
    marked: bool = False,
) -> Manifest:
    """The VirtualService: the test routes by version, the split of what is mirrored, and the split.

    A version at 0 is left out of the split, as Envoy would do. Istio sends Envoy nothing that stands behind a
    rule that takes all, so the split comes last. Each further port has all of this for itself, before the
    first one. With `marked`, each answer of the split has the header that tells its version and this split.
    """
    hosts, gateways = list(routing.hosts), [routing.gateway]
    if routing.mesh_callers:
        hosts.append(app.host)
        gateways.append(_MESH)
    spec: Manifest = {"hosts": hosts, "gateways": gateways, "exportTo": list(_EXPORT_TO)}
    first, *others = app.served
    rules = [
        rule
        for port in (*others, first)
        for rule in _rules(app, port, weights, routing, test_routes or {}, mirror)
    ]
    spec["http"] = rules
    spec["http"] = [{**rule, "name": rule_name(app, routing, spec, rule, app.namespace)} for rule in rules]
    if marked:
        found = marks(spec)
        shares: list[Manifest] = rules[-1]["route"]
        for one in shares:
            one["headers"] = {"response": {"set": {MARK: found[one["destination"]["subset"]]}}}
    return _object("VirtualService", app.name, app, spec)


def is_test(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of a VirtualService is a test route."""
    return _TEST in str(rule.get("name"))


def marks(spec: Mapping[str, Any]) -> dict[str, str]:
    """By version with traffic, what the header says of its answers: another text for any other split."""
    rule = spec["http"][-1]
    plain = [{key: one[key] for key in ("destination", "weight")} for one in rule["route"]]
    # The name is made of the rest, and may be known only later.
    rest = {key: value for key, value in rule.items() if key not in {"name", "route"}}
    whole = [spec["hosts"], spec["gateways"], rest, plain]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return {one["destination"]["subset"]: f"{one['destination']['subset']} {digest[:8]}" for one in plain}


def split(spec: Mapping[str, Any]) -> dict[str, int]:
    """The percentage of each subset in a VirtualService's spec; one route alone may name none.

    Nothing for a spec that somebody else wrote and that splits nothing, such as a redirect.
    """
    rules = [rule for rule in spec.get("http") or () if "/" not in str(rule.get("name"))]
    targets: Sequence[Mapping[str, Any]] = (rules[0].get("route") if rules else None) or []
    return {
        route["destination"]["subset"]: int(route.get("weight", 100))
        for route in targets
        if "subset" in route["destination"]
    }


def _destination(app: App, port: Port, version: str) -> Manifest:
    """With the port: without one, a second port of the Service makes Istio take the listener's."""
    return {"host": app.host, "subset": version, "port": {"number": port.port}}


def rule_name(app: App, routing: Routing, spec: Manifest, rule: Manifest, namespace: str) -> str:
    """A name for a rule of the spec that is another one when anything but the weights is, the entrance too.

    Envoy's route has it too, which tells whether the Envoy took the update. What kind of rule it is stands
    behind the digest. One that keeps its users begins with the app's namespace: an EnvoyFilter finds the
    route by its name, at a gateway that many stacks share. No two EnvoyFilters of a stack have a name in
    common: it is another one when any other rule is.
    """
    told: Manifest = {key: value for key, value in spec.items() if key != "http"}
    told["http"] = _without_weights(rule)
    # No match of an only port names the entrance. With a usual one the name is that of earlier releases.
    if len(app.served) == 1 and routing.port != (80 if routing.tls_secret is None else 443):
        told["port"] = routing.port
    keeps = routing.sticky_version is not None and len(rule["route"]) > 1
    if keeps:
        told |= {"sticky": str(routing.sticky_version), "all": [*map(_without_weights, spec["http"])]}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    _, slash, kind = str(rule.get("name", "")).partition("/")
    return f"{namespace + KEEPS if keeps else ''}{app.name}-{digest[:8]}{slash}{kind}"


def _without_weights(rule: Manifest) -> Manifest:
    return {key: value for key, value in rule.items() if key not in ("route", "name")}


def to_one_version(name: str) -> str:
    """The name of a rule once all goes to one version, so that no EnvoyFilter is for it any more."""
    return name.rpartition(KEEPS)[2]


def _rules(
    app: App,
    port: Port,
    weights: Mapping[str, int],
    routing: Routing,
    test_routes: Mapping[str, RequestMark],
    mirror: Mirror | None,
) -> list[Manifest]:
    """The rules of one port of the app, the split last; none where no request comes to it."""
    ways = _ways(app, port, routing)
    matches = [{**way, **match} for way in ways for match in _matches(routing) or [{}]]
    if not matches:
        return []
    shares: list[Manifest] = [
        {"destination": _destination(app, port, version), "weight": weights[version]}
        for version in sorted(weights)
        if weights[version]
    ]
    rules = [
        _test_rule(_destination(app, port, version), mark, routing, matches)
        for version, mark in sorted(test_routes.items())
    ]
    if mirror is not None:
        rules.append(_mirror_rule(_destination(app, port, mirror.version), mirror, shares, routing, matches))
    rules.append(_rule(shares, routing, [match for match in matches if match]))
    if port == app.served[0]:
        return rules
    return [{**rule, "name": f"{rule.get('name', '')}{_PORT}{port.name}"} for rule in rules]


def _ways(app: App, port: Port, routing: Routing) -> list[Manifest]:
    """How requests come to a port of the app: which of the gateway's, and for callers in the mesh, its own.

    Where there is one port alone, nothing has to be asked.
    """
    if len(app.served) == 1:
        return [{}]
    entrance = routing.port if port == app.served[0] else port.gateway_port
    ways: list[Manifest] = [{"port": entrance}] if entrance is not None else []
    if not routing.mesh_callers:
        return ways
    return [
        *({**way, "gateways": [routing.gateway]} for way in ways),
        {"port": port.port, "gateways": [_MESH]},
    ]


def _rule(shares: Sequence[Manifest], routing: Routing, matches: Sequence[Manifest]) -> Manifest:
    """A rule with all that the routing says of every one."""
    rule: Manifest = {"route": shares}
    if matches:
        rule["match"] = list(matches)
    if routing.response_headers:
        rule["headers"] = {"response": {"set": _literal(routing.response_headers)}}
    if routing.timeout is not None:
        rule["timeout"] = routing.timeout
    if routing.retries is not None:
        rule["retries"] = _retries(routing.retries)
    return rule


def _test_rule(
    target: Manifest, mark: RequestMark, routing: Routing, matches: Sequence[Manifest]
) -> Manifest:
    """The rule that sends the requests with a mark to one version, whatever its weight."""
    headers = _marked(mark)
    marked = [{**match, "headers": {**match.get("headers", {}), **headers}} for match in matches]
    rule = _rule([{"destination": target}], routing, marked)
    if mark.strip:
        rule["headers"] = {**rule.get("headers", {}), "request": {"remove": sorted(mark.header)}}
    return {**rule, "name": f"{_TEST}{target['subset']}"}


def _mirror_rule(
    target: Manifest,
    mirror: Mirror,
    shares: Sequence[Manifest],
    routing: Routing,
    matches: Sequence[Manifest],
) -> Manifest:
    """The split once more, for the methods that are mirrored."""
    methods = [{**match, "method": {"exact": method}} for match in matches for method in mirror.methods]
    rule = _rule(shares, routing, methods)
    rule["mirrors"] = [{"destination": target, "percentage": {"value": mirror.percent}}]
    return {**rule, "name": _MIRROR}


def _marked(mark: RequestMark) -> Manifest:
    """The match of a mark; a cookie is one among others in its header, which a regex has to fit whole."""
    headers = {name: {"exact": value} for name, value in mark.header.items()}
    for name, value in mark.cookie.items():
        headers["cookie"] = {"regex": f"(.*; *)?{name}={value}(;.*)?"}
    return headers


def _literal(headers: Mapping[str, str]) -> dict[str, str]:
    """The values as Envoy's formatter takes them: a % of its own is %%, and one alone fails every route."""
    return {name: value.replace("%", "%%") for name, value in headers.items()}


def _object(kind: str, name: str, app: App, spec: Manifest) -> Manifest:
    metadata: Manifest = {
        "name": name,
        "namespace": app.namespace,
        "labels": {**app.labels, "app": app.name},
        "annotations": {**PATCH_FORCE, **AT_ONCE},
    }
    return {"apiVersion": _API, "kind": kind, "metadata": metadata, "spec": spec}


def _matches(routing: Routing) -> list[Manifest]:
    """Any of the paths, and all of the headers."""
    headers = {name: {"exact": value} for name, value in sorted(routing.headers.items())}
    base: Manifest = {"headers": headers} if headers else {}
    if not routing.paths:
        return [base] if base else []
    return [{**base, "uri": {"prefix": path}} for path in routing.paths]


def _retries(retries: Retries) -> Manifest:
    found: Manifest = {"attempts": retries.attempts}
    if retries.per_try_timeout is not None:
        found["perTryTimeout"] = retries.per_try_timeout
    if retries.retry_on is not None:
        found["retryOn"] = retries.retry_on
    return found


def _consistent_hash(session: StickySession) -> Manifest:
    if session.header is not None:
        return {"httpHeaderName": session.header}
    return {"httpCookie": {"name": session.cookie, "ttl": session.ttl}}
