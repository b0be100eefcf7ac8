"""Whether an Envoy has the rules beside the split: test routes, the split of what is mirrored, and all of
these of the app's further ports.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from .claims import match_conditions
from .envoy import Route
from .finding import Finding, Link
from .matcher import Condition


@dataclass(frozen=True)
class Beside:
    """A rule in front of the split, as it has to be.

    Attributes:
        name: the rule's in the VirtualService.
        weights: by version, what it does with the requests that it takes.
        matches: what a request has to be like, in one of these ways.
        mirrors: by version, the percentage of these requests that it gets a copy of.
        port: the Service's port that it leads to.
    """

    name: str
    weights: Mapping[str, int]
    matches: frozenset[frozenset[Condition]]
    mirrors: Mapping[str, float] = field(default_factory=dict[str, float])
    port: int | None = None

    @property
    def is_split(self) -> bool:
        """Whether it is the split of a further port, behind that port's other rules."""
        return self.name.partition("/")[2].startswith("port-")

    def __str__(self) -> str:
        return f"the {'mirror' if self.mirrors else 'test route'} of {self.reached}"

    @property
    def reached(self) -> str:
        """The version that gets requests by it whatever its weight."""
        return next(iter(self.mirrors or self.weights))


def of_rule(rule: Mapping[str, Any], *, for_callers: bool = False) -> Beside:
    """What a rule of the VirtualService asks of the gateways, or of the sidecars of callers in the mesh.

    Pulumi hands over every number as a float.
    """
    weights = {one["destination"]["subset"]: int(one.get("weight", 100)) for one in rule["route"]}
    matches = frozenset(
        frozenset(match_conditions(match))
        for match in rule["match"]
        if "gateways" not in match or (match["gateways"] == ["mesh"]) is for_callers
    )
    mirrors = {
        one["destination"]["subset"]: float(one["percentage"]["value"]) for one in rule.get("mirrors") or ()
    }
    port = rule["route"][0]["destination"].get("port", {}).get("number")
    return Beside(rule["name"], weights, matches, mirrors, port and int(port))


def findings(
    routes: Sequence[Route], wanted: Sequence[Beside], split: str, port: int | None = None
) -> tuple[Finding, ...]:
    """What of the VirtualService's rules is not as it has to be.

    `split` is the name of the first port's split, which leads to the Service's `port`; None: any.
    """
    places: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        places.setdefault((route.table, route.host), []).append(route)
    ports = _by_port(wanted, split, port)
    names = {route.rule for route in routes}
    found = [finding for place in places.values() for finding in _of_host(place, ports)]
    found += [_OLD for one in ports if one.split not in names]
    return tuple(dict.fromkeys(found))


_OLD = Finding(Link.UPDATE, "still has the routes from before the last update")


@dataclass(frozen=True)
class _Port:
    """The rules of one port of the app: those beside its split, the split's name, and its number."""

    beside: Sequence[Beside]
    split: str
    number: int | None


def _by_port(wanted: Sequence[Beside], split: str, port: int | None) -> list[_Port]:
    """The rules by port, the first port's last; without those that are for callers in the mesh alone."""
    found: list[_Port] = []
    beside: list[Beside] = []
    for one in wanted:
        if not one.matches:
            continue
        if one.is_split:
            found.append(_Port(beside, one.name, one.port))
            beside = []
        else:
            beside.append(one)
    return [*found, _Port(beside, split, port)]


def _of_host(routes: Sequence[Route], ports: Sequence[_Port]) -> Iterator[Finding]:
    """The same of one virtual host, whose routes are in the order in which Envoy tries them."""
    names = [name for name, _ in groupby(route.rule for route in routes)]
    port = next((one for one in ports if one.split in names), None)
    expected = [*(one.name for one in port.beside), port.split] if port else []
    if port is None or not set(names) <= set(expected):
        yield _OLD
        return
    wrong = [finding for one in port.beside for finding in _of_rule(one, routes, port.split)]
    yield from wrong
    for cluster in sorted({cluster for route in routes for cluster in route.clusters.values()}):
        if port.number is not None and cluster.split("|")[1:2] != [str(port.number)]:
            yield Finding(Link.ROUTE, f"leads to {cluster}, and not to port {port.number}")
    if names != expected and not wrong:
        yield Finding(Link.ROUTE, "has the rules in front of the split in another order")


def _of_rule(wanted: Beside, routes: Sequence[Route], split: str) -> Iterator[Finding]:
    places = [place for place, route in enumerate(routes) if route.rule == wanted.name]
    if not places:
        yield Finding(Link.ROUTE, f"does not have {wanted}")
        return
    if places[-1] > next(place for place, route in enumerate(routes) if route.rule == split):
        yield Finding(Link.ROUTE, f"has {wanted} behind the split, which takes its requests")
    found = frozenset(frozenset(routes[place].match) for place in places)
    if found != wanted.matches:
        yield Finding(Link.ROUTE, f"takes {_shown(found)} by {wanted}, and not {_shown(wanted.matches)}")
    for place in places:
        if dict(routes[place].weights) != wanted.weights:
            yield Finding(Link.ROUTE, f"sends what {wanted} takes to {_parts(routes[place].weights)}")
        if dict(routes[place].mirrors) != wanted.mirrors:
            copies = f"copies to {_parts(routes[place].mirrors)} by {wanted}"
            yield Finding(Link.ROUTE, f"{copies}, and not to {_parts(wanted.mirrors)}")


def _shown(matches: Iterable[frozenset[Condition]]) -> str:
    return " or ".join(sorted(", ".join(sorted(map(str, match))) or "every request" for match in matches))


def _parts(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:g} %" for name, share in shares.items()) or "nobody"
