"""Which requests the splits in a cluster ask for, and whether two of them ask for the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..kubernetes import istio
from ..kubernetes.api import Api
from ..kubernetes.kubeconfig import Kubeconfig
from .matcher import Conditions, Takes, conditions, takes

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Entrance:
    """Where a Gateway takes requests: the labels of its pods, and a port."""

    selector: frozenset[tuple[str, str]]
    port: int

    def meets(self, other: "Entrance") -> bool:
        """Whether one pod can be both."""
        labels = dict(other.selector)
        return self.port == other.port and all(
            labels.get(key, value) == value for key, value in self.selector
        )

    def __str__(self) -> str:
        labels = ",".join(f"{key}={value}" for key, value in sorted(self.selector))
        return f"port {self.port} of the gateway {labels}"


@dataclass(frozen=True)
class Claim:
    """The requests that a VirtualService asks for: where they come in, their hosts, any of the matches."""

    entrances: frozenset[Entrance]
    hosts: frozenset[str]
    matches: frozenset[Conditions]

    def shared(self, other: "Claim") -> str | None:
        """The requests that both ask for, in words; None: there are none.

        Of two hosts that are not the same the narrower one wins, whichever VirtualService is older.
        """
        entrances = sorted(str(one) for one in self.entrances if any(map(one.meets, other.entrances)))
        hosts = sorted(self.hosts & other.hosts)
        matches = sorted(
            ", ".join(map(str, one)) or "any path"
            for one in self.matches
            if any(takes(their, one) is not Takes.NONE for their in other.matches)
        )
        if not (entrances and hosts and matches):
            return None
        return f"host {' and '.join(hosts)}, {' or '.join(matches)}, on {' and '.join(entrances)}"


def claim(virtual_service: Object, gateways: Iterable[Object]) -> Claim:
    """What a VirtualService asks for through these Gateways; the callers in the mesh are no part of it."""
    spec = virtual_service["spec"]
    servers: list[tuple[Mapping[str, str], Object]] = [
        (gateway["spec"]["selector"], server)
        for gateway in entered_by(virtual_service, gateways)
        for server in gateway["spec"]["servers"]
    ]
    # A Gateway's host may have a namespace in front.
    served = {host.rpartition("/")[2].lower() for _, server in servers for host in server["hosts"]}
    rules: Sequence[Object] = spec.get("http") or ()
    any_request: Sequence[Object] = [{}]
    matches = {match_conditions(match) for rule in rules for match in rule.get("match") or any_request}
    return Claim(
        frozenset(
            Entrance(frozenset(selector.items()), int(server["port"]["number"]))
            for selector, server in servers
        ),
        frozenset(host.lower() for host in spec["hosts"] if not served.isdisjoint((host.lower(), "*"))),
        # What another one of its own takes anyway, as a test route's, asks for nothing more.
        frozenset(
            one
            for one in matches
            if not any(one != other and takes(other, one) is Takes.EVERY for other in matches)
        ),
    )


def entered_by(virtual_service: Object, gateways: Iterable[Object]) -> Sequence[Object]:
    """Those of the Gateways that a VirtualService names."""
    namespace = virtual_service["metadata"]["namespace"]
    named: Sequence[str] = virtual_service["spec"].get("gateways") or ()
    names = {one if "/" in one else f"{namespace}/{one}" for one in named}
    return [gateway for gateway in gateways if id_of(gateway) in names]


def same_tls(gateway: Object, other: Object) -> str | None:
    """The TLS connections of a Gateway for which another one asks too, in words; None: there are none.

    Istio leaves out the younger one's server (mergeGateways: duplicate host names).
    """
    ours, theirs = _tls(gateway), _tls(other)
    found = sorted(
        f"host {host} on {entrance}"
        for entrance, host in ours
        if any(host == their_host and their.meets(entrance) for their, their_host in theirs)
    )
    return " and ".join(found) or None


def _tls(gateway: Object) -> set[tuple[Entrance, str]]:
    selector: Mapping[str, str] = gateway["spec"].get("selector") or {}
    return {
        (Entrance(frozenset(selector.items()), int(server["port"]["number"])), host.rpartition("/")[2])
        for server in gateway["spec"]["servers"]
        if "tls" in server
        for host in server["hosts"]
    }


def match_conditions(match: Object) -> Conditions:
    """What a rule's match wants, as Istio writes it for Envoy; what the splits do not use is undecided."""
    uri: Mapping[str, str] = match.get("uri") or {}
    wanted = {"path" if kind == "exact" else kind: text for kind, text in uri.items()}
    method = {":method": match["method"]} if "method" in match else {}
    texts: Mapping[str, Mapping[str, str]] = {**(match.get("headers") or {}), **method}
    headers = [
        {"name": name, **({"string_match": _text(wants)} if wants else {})} for name, wants in texts.items()
    ]
    # Which gateway and port a rule is for decides istiod.
    known = {"uri", "headers", "method", "name", "port", "gateways"}
    rest = {key: match[key] for key in match.keys() - known}
    return conditions({**wanted, "headers": headers, **rest})


def _text(wants: Mapping[str, str]) -> Mapping[str, Any]:
    return {"safe_regex": {"regex": wants["regex"]}} if "regex" in wants else wants


def id_of(item: Object) -> str:
    """`NAMESPACE/NAME`."""
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


@dataclass(frozen=True)
class Others:
    """What the cluster has: the VirtualServices of apps, and all Gateways."""

    virtual_services: Sequence[Object]
    gateways: Sequence[Object]


def read(kubeconfig: Kubeconfig) -> Others:
    """Reads the cluster; one without Istio has none. Raises GatewayError."""
    with Api(kubeconfig) as api:

        def items(resource: str, query: Mapping[str, str]) -> Sequence[Object]:
            return (api.find(f"{istio.GROUP}/{resource}", query) or {"items": ()})["items"]

        # The splits' own have the label `app`.
        return Others(items("virtualservices", {"labelSelector": "app"}), items("gateways", {}))
