"""Whether an Envoy has the rules beside the split: the test routes, and the split of what is mirrored."""

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
    """

    name: str
    weights: Mapping[str, int]
    matches: frozenset[frozenset[Condition]]
    mirrors: Mapping[str, float] = field(default_factory=dict[str, float])

    def __str__(self) -> str:
        return f"the {'mirror' if self.mirrors else 'test route'} of {self.reached}"

    @property
    def reached(self) -> str:
        """The version that gets requests by it whatever its weight."""
        return next(iter(self.mirrors or self.weights))


def of_rule(rule: Mapping[str, Any]) -> Beside:
    """What a rule of the VirtualService asks for. Pulumi hands over every number as a float."""
    weights = {one["destination"]["subset"]: int(one.get("weight", 100)) for one in rule["route"]}
    matches = frozenset(frozenset(match_conditions(match)) for match in rule["match"])
    mirrors = {
        one["destination"]["subset"]: float(one["percentage"]["value"]) for one in rule.get("mirrors") or ()
    }
    return Beside(rule["name"], weights, matches, mirrors)


def findings(routes: Iterable[Route], wanted: Sequence[Beside], split: str) -> tuple[Finding, ...]:
    """What of the VirtualService's rules is not as it has to be; `split` is the name of the split's."""
    places: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        places.setdefault((route.table, route.host), []).append(route)
    return tuple(
        dict.fromkeys(finding for place in places.values() for finding in _of_host(place, wanted, split))
    )


def _of_host(routes: Sequence[Route], wanted: Sequence[Beside], split: str) -> Iterator[Finding]:
    """The same of one virtual host, whose routes are in the order in which Envoy tries them."""
    names = [name for name, _ in groupby(route.rule for route in routes)]
    expected = [*(one.name for one in wanted), split]
    if split not in names or not set(names) <= set(expected):
        yield Finding(Link.UPDATE, "still has the routes from before the last update")
        return
    wrong = [finding for one in wanted for finding in _of_rule(one, routes, split)]
    yield from wrong
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
