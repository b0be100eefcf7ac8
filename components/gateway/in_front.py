"""What stands in front of a split's routes in an Envoy's route table, and takes its requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .envoy import TEST
from .finding import Finding, Grade, Link, some
from .matcher import FRESH, PATH, Conditions, Table, Takes, conditions, rank, source, takes, virtual_host

_REDIRECT = "a redirect to HTTPS"


@dataclass(frozen=True)
class InFront:
    """Something that takes requests of the split before its own route can.

    Attributes:
        domain: the virtual host's domain in which it stands.
        owner: the VirtualService that it came from, `NAMESPACE/NAME`; None: from none, such as an
            EnvoyFilter's; or nothing takes the requests.
        wants: its conditions in words; empty where it takes all.
        path: the path of the route of ours that it stands in front of; empty where a whole host is taken.
        takes: how many of that route's requests it takes.
        mark: what else that route wants, in words.
        of_test: that route is a test route.
    """

    domain: str
    owner: str | None
    wants: str
    path: str
    takes: Takes
    mark: str = ""
    of_test: bool = False


def in_front(table: Table, ours: str, hosts: Iterable[str]) -> tuple[InFront, ...]:
    """What takes requests of the VirtualService `ours` (`NAMESPACE/NAME`) for its hosts in a route table."""
    found: dict[InFront, None] = {}
    for one in table.get("virtual_hosts") or ():
        mine = any(source(each) == ours for each in one.get("routes") or ())
        for domain in one["domains"]:
            for host in map(str.lower, hosts):
                if mine and domain == host:
                    found |= dict.fromkeys(_routes_in_front(one, ours, domain))
                elif not mine and _covers(host, domain):
                    found |= dict.fromkeys(_host_taken(one, host, domain))
    domains = {domain for one in table.get("virtual_hosts") or () for domain in one["domains"]}
    for host in sorted({host.lower() for host in hosts} - domains):
        another = virtual_host(table, host.replace("*", FRESH)) or {}
        found |= dict.fromkeys(_host_taken(another, host, host))
    return tuple(found)


def _covers(host: str, domain: str) -> bool:
    """Whether every host of a domain is one of a host, each with or without a wildcard."""
    return host == domain or rank(host, domain) is not None


def _host_taken(one: Mapping[str, Any], host: str, domain: str) -> Iterator[InFront]:
    answer = Takes.EVERY if host == domain else Takes.SOME
    if one.get("require_tls", "NONE") != "NONE":
        yield InFront(domain, None, _REDIRECT, "", answer)
        return
    for owner in dict.fromkeys(source(each) for each in one.get("routes") or ()) or [None]:
        yield InFront(domain, owner, "", "", answer)


def _routes_in_front(one: Mapping[str, Any], ours: str, domain: str) -> Iterator[InFront]:
    if one.get("require_tls", "NONE") != "NONE":
        yield InFront(domain, None, _REDIRECT, "", Takes.EVERY)
    theirs: list[tuple[str | None, Conditions]] = []
    mine: list[Conditions] = []
    for each in one["routes"]:
        wanted = conditions(each["match"])
        if source(each) != ours:
            # Behind a route of ours that takes all of its requests it takes none.
            if not any(takes(before, wanted) is Takes.EVERY for before in mine):
                theirs.append((source(each), wanted))
            continue
        mine.append(wanted)
        path = next((condition.text for condition in wanted if condition.part == PATH), "/")
        mark = ", ".join(str(condition) for condition in wanted if condition.part != PATH)
        of_test = TEST in each.get("name", "")
        for owner, their in theirs:
            answer = takes(their, wanted)
            if answer is not Takes.NONE:
                yield InFront(domain, owner, ", ".join(map(str, their)), path, answer, mark, of_test)


def findings(dump: Mapping[str, Any], ours: str, hosts: Iterable[str]) -> tuple[Finding, ...]:
    """The same of all route tables of an Envoy that have the VirtualService's routes, in sentences.

    What takes some requests is a note, in one line for hosts and one for routes.
    """
    hosts = tuple(hosts)
    found = dict.fromkeys(one for table in tables(dump, ours) for one in in_front(table, ours, hosts))
    whole = [one for one in found if one.takes is not Takes.SOME]
    part = [one for one in found if one.takes is Takes.SOME]
    groups = [[one for one in part if bool(one.path) is of_routes] for of_routes in (False, True)]
    return (*map(_finding, whole), *(_note(group) for group in groups if group))


def tables(dump: Mapping[str, Any], ours: str) -> list[Table]:
    """The route tables of a dump that have routes of the VirtualService."""
    entries: Sequence[Mapping[str, Any]] = dump.get("configs") or ()
    found: list[Table] = [entry["route_config"] for entry in entries if "route_config" in entry]
    return [table for table in found if _has(table, ours)]


def domains(dump: Mapping[str, Any], ours: str) -> tuple[str, ...]:
    """A domain of each virtual host of a dump that has routes of the VirtualService."""
    return tuple(
        one["domains"][0]
        for table in tables(dump, ours)
        for one in table.get("virtual_hosts") or ()
        if any(source(each) == ours for each in one.get("routes") or ())
    )


def _has(table: Table, ours: str) -> bool:
    return any(
        source(each) == ours for one in table.get("virtual_hosts") or () for each in one.get("routes") or ()
    )


def _finding(one: InFront) -> Finding:
    requests = ", ".join(
        [f"host {one.domain}", *([f"path {one.path}"] if one.path else []), *([one.mark] if one.mark else [])]
    )
    who = _owner(one)
    if one.takes is Takes.UNDECIDED:
        cause = (
            f"may send every request for {requests} to {who}, which stands in front: "
            f"its match is not decided here ({one.wants})"
        )
        # The proof's own requests tell of the split alone.
        grade = Grade.NOTE if one.of_test else Grade.UNDECIDED
        return Finding(Link.ROUTE, cause, _cure(one), grade=grade)
    behind = ", which stands in front" if one.path else ""
    cause = f"sends every request for {requests} to {who}{behind}"
    # A host that nobody has yet may be on its way.
    grade = Grade.BROKEN if one.owner or one.path or one.wants else Grade.LATE
    return Finding(Link.ROUTE if one.path else Link.HOST, cause, _cure(one), grade=grade)


def _note(group: Sequence[InFront]) -> Finding:
    """One line, however many there are: a gateway may have thousands of hosts beside a split for `*`."""
    of_routes = bool(group[0].path)
    texts = list(dict.fromkeys(f"{one.wants if of_routes else one.domain} to {_owner(one)}" for one in group))
    what = "requests" if of_routes else "hosts"
    cause = f"sends some of the split's {what} elsewhere: {some(texts)}"
    return Finding(Link.ROUTE if of_routes else Link.HOST, cause, grade=Grade.NOTE)


def _owner(one: InFront) -> str:
    if one.owner is not None:
        return f"the VirtualService {one.owner}"
    return f"a route of no VirtualService ({one.wants or 'all'})" if one.path else one.wants or "nobody"


def _cure(one: InFront) -> str:
    """Of a VirtualService: the way to narrow it."""
    if one.owner is None:
        return "kubectl get envoyfilters,gateways -A"
    namespace, _, name = one.owner.partition("/")
    return f"kubectl -n {namespace} edit virtualservice {name}, or give this stack routing.hosts of its own"
