"""Whether an Envoy has the test routes: before the split, for the right requests, to the right version."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from .claims import match_conditions
from .envoy import Route
from .finding import Finding, Link
from .matcher import Condition


@dataclass(frozen=True)
class MarkedRoute:
    """A test route as it has to be.

    Attributes:
        name: its rule's in the VirtualService.
        version: where it leads, with all that it takes.
        matches: what a request has to be like, in one of these ways.
    """

    name: str
    version: str
    matches: frozenset[frozenset[Condition]]


def of_rule(rule: Mapping[str, Any]) -> MarkedRoute:
    """The test route that a VirtualService's rule asks for."""
    (target,) = rule["route"]
    matches = frozenset(frozenset(match_conditions(match)) for match in rule["match"])
    return MarkedRoute(rule["name"], target["destination"]["subset"], matches)


def findings(routes: Iterable[Route], wanted: Sequence[MarkedRoute], split: str) -> tuple[Finding, ...]:
    """What of the VirtualService's rules is not as it has to be; `split` is the name of the split's."""
    places: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        places.setdefault((route.table, route.host), []).append(route)
    return tuple(
        dict.fromkeys(finding for place in places.values() for finding in _of_host(place, wanted, split))
    )


def _of_host(routes: Sequence[Route], wanted: Sequence[MarkedRoute], split: str) -> Iterator[Finding]:
    """The same of one virtual host, whose routes are in the order in which Envoy tries them."""
    names = [name for name, _ in groupby(route.rule for route in routes)]
    expected = [*(one.name for one in wanted), split]
    if split not in names or not set(names) <= set(expected):
        yield Finding(Link.UPDATE, "still has the routes from before the last update")
        return
    wrong = [finding for one in wanted for finding in _of_test(one, routes, split)]
    yield from wrong
    if names != expected and not wrong:
        yield Finding(Link.ROUTE, "has the test routes in another order")


def _of_test(wanted: MarkedRoute, routes: Sequence[Route], split: str) -> Iterator[Finding]:
    which = f"the test route of {wanted.version}"
    places = [place for place, route in enumerate(routes) if route.rule == wanted.name]
    if not places:
        yield Finding(Link.ROUTE, f"does not have {which}")
        return
    if places[-1] > next(place for place, route in enumerate(routes) if route.rule == split):
        yield Finding(Link.ROUTE, f"has {which} behind the split, which takes its requests")
    found = frozenset(frozenset(routes[place].match) for place in places)
    if found != wanted.matches:
        yield Finding(Link.ROUTE, f"takes {_shown(found)} by {which}, and not {_shown(wanted.matches)}")
    for place in places:
        if dict(routes[place].weights) != {wanted.version: 100}:
            yield Finding(Link.ROUTE, f"sends what {which} takes to {_targets(routes[place])}")


def _shown(matches: Iterable[frozenset[Condition]]) -> str:
    return " or ".join(sorted(", ".join(sorted(map(str, match))) or "every request" for match in matches))


def _targets(route: Route) -> str:
    return ", ".join(f"{name} {weight} %" for name, weight in route.weights.items()) or "nobody"
