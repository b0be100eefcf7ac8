"""Which requests a route takes, decided for what Istio writes into Envoy's route tables.

Envoy's documentation, "HTTP routing": the virtual host with the most specific domain, then its first
route of which the path, every header and every query parameter match. Whatever is not of that language,
such as a field that is not known here, is undecided, and so is whether a text fits a regular expression.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import permutations
from typing import Any, Literal

Table = Mapping[str, Any]
"""A route configuration, as Envoy dumps it."""

# No path, header or query has it, so behind a text it makes one that nothing names.
FRESH = "\0"
PATH = "path"
# A request always has them, whatever its matchers say.
_ALWAYS = frozenset({PATH, "header :method"})
# What the host and the listener decide as well, so that it cannot be looked at alone.
_BOUND = frozenset({"header :authority", "header host", "header :scheme", "header :path"})
_HARMLESS = frozenset({"case_sensitive", "headers", "query_parameters"})


class Takes(Enum):
    """How many of the requests that one route takes another one takes."""

    NONE = "none"
    SOME = "some"
    UNDECIDED = "perhaps all"
    EVERY = "all"


@dataclass(frozen=True)
class Request:
    """What routes are chosen by. Header names are in small letters; `:method` is one of them."""

    host: str
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=lambda: {":method": "GET"})
    query: Mapping[str, str] = field(default_factory=dict[str, str])

    def part(self, name: str) -> str | None:
        """The text of a part, named as in Condition; None where the request has none."""
        kind, _, key = name.partition(" ")
        return self.path if kind == PATH else (self.headers if kind == "header" else self.query).get(key)


@dataclass(frozen=True)
class Condition:
    """What one matcher wants of one part of a request: `path`, `header NAME` or `query NAME`.

    A field that is not known is a part of its own, with its name.
    """

    part: str
    kind: Literal["exact", "prefix", "path prefix", "present", "regex", "unknown"]
    text: str = ""
    ignore_case: bool = False
    invert: bool = False
    missing_is_empty: bool = False

    def holds(self, value: str | None) -> bool | None:
        """Whether a value is as wanted; None: undecided."""
        if self.kind == "unknown":
            return None
        if self.kind == "present":
            return (value is not None) != self.invert
        if value is None:
            if not self.missing_is_empty:
                return False
            value = ""
        # Envoy's language of expressions is not Python's.
        if self.kind == "regex":
            return None
        value, text = (value.lower(), self.text.lower()) if self.ignore_case else (value, self.text)
        if self.kind == "exact":
            return (value == text) != self.invert
        found = value.startswith(text)
        if self.kind == "path prefix":
            found = found and value[len(text) : len(text) + 1] in ("", "/")
        return found != self.invert

    def __str__(self) -> str:
        word = "" if self.kind in ("exact", "unknown") else f" {self.kind}"
        return f"{self.part}{' not' if self.invert else ''}{word} {self.text}".rstrip()


Conditions = tuple[Condition, ...]


def conditions(match: Mapping[str, Any]) -> Conditions:
    """The conditions of a route's match; a request has to meet all of them."""
    found = [_path(match)]
    found += [_header(one) for one in match.get("headers") or ()]
    found += [_text(f"query {one['name']}", one, {"name"}) for one in match.get("query_parameters") or ()]
    paths = {"prefix", "path", "path_separated_prefix"}
    found += [
        Condition(name, "unknown", str(match[name])) for name in sorted(match.keys() - _HARMLESS - paths)
    ]
    return tuple(one for one in found if one != _ANY_PATH)


def _path(match: Mapping[str, Any]) -> Condition:
    ignore = match.get("case_sensitive") is False
    if "path" in match:
        return Condition(PATH, "exact", match["path"], ignore)
    if "path_separated_prefix" in match:
        return Condition(PATH, "path prefix", match["path_separated_prefix"], ignore)
    prefix = match.get("prefix", "/")
    return Condition(PATH, "prefix", prefix, ignore and prefix != "/")


_ANY_PATH = Condition(PATH, "prefix", "/")


def _header(matcher: Mapping[str, Any]) -> Condition:
    part = f"header {matcher['name'].lower()}"
    flags = {"invert_match", "treat_missing_header_as_empty"}
    if part in _BOUND:
        return Condition(part, "unknown", str(dict(matcher)))
    found = _text(part, matcher, {"name", *flags})
    empty = bool(matcher.get("treat_missing_header_as_empty"))
    if found.kind == "present" and empty:
        return Condition(part, "unknown", str(dict(matcher)))
    invert = found.invert != bool(matcher.get("invert_match"))
    return Condition(part, found.kind, found.text, found.ignore_case, invert, empty)


def _text(part: str, matcher: Mapping[str, Any], known: set[str]) -> Condition:
    """A matcher of one value: `string_match`, `present_match`, or neither, which means present."""
    unknown = Condition(part, "unknown", str(dict(matcher)))
    wants: Mapping[str, Any] = matcher.get("string_match") or {}
    if wants.keys() == {"safe_regex"} and not matcher.keys() - known - {"string_match"}:
        return Condition(part, "regex", wants["safe_regex"]["regex"])
    if matcher.keys() - known - {"string_match", "present_match"} or wants.keys() - {
        "exact",
        "prefix",
        "ignore_case",
    }:
        return unknown
    if "string_match" not in matcher:
        return Condition(part, "present", invert=matcher.get("present_match") is False)
    ignore = bool(wants.get("ignore_case"))
    for kind in ("exact", "prefix"):
        if kind in wants:
            return Condition(part, kind, wants[kind], ignore)
    # Neither is Envoy's exact match of an empty text, which its dump leaves out.
    return Condition(part, "exact", "", ignore)


def meets(request: Request, wanted: Conditions) -> bool | None:
    """Whether a request meets all conditions; None: undecided."""
    answers = [one.holds(request.part(one.part)) for one in wanted]
    if False in answers:
        return False
    return None if None in answers else True


def takes(theirs: Conditions, ours: Conditions) -> Takes:
    """How many of the requests that meet `ours` meet `theirs` too.

    The parts of a request are free of each other, so each is decided alone: by one value for each
    way in which a value can stand to all texts that the conditions name.
    """
    parts = dict.fromkeys(one.part for one in (*theirs, *ours))
    answers = {_takes_part(part, theirs, ours) for part in parts}
    for answer in (Takes.NONE, Takes.SOME, Takes.UNDECIDED):
        if answer in answers:
            return answer
    return Takes.EVERY


def _takes_part(part: str, theirs: Conditions, ours: Conditions) -> Takes:
    their, our = (tuple(one for one in both if one.part == part) for both in (theirs, ours))
    if set(their) <= set(our):
        return Takes.EVERY
    if any(one.kind in ("regex", "unknown") for one in (*their, *our)):
        return Takes.UNDECIDED
    found = [
        all(one.holds(value) for one in their)
        for value in _values(part, [*their, *our])
        if all(one.holds(value) for one in our)
    ]
    if not any(found):
        return Takes.NONE
    return Takes.EVERY if all(found) else Takes.SOME


def _values(part: str, about: Sequence[Condition]) -> Iterator[str | None]:
    """One value of every kind that the conditions tell apart."""
    texts = {one.text for one in about if one.kind != "present"} | {"/" if part == PATH else ""}
    if any(one.ignore_case for one in about):
        texts |= {text.swapcase() for text in texts}
        # One's beginning in its own letters, the rest in the other's.
        texts |= {first + second[len(first) :] for first, second in permutations(texts, 2)}
    for text in texts:
        yield from (text, f"{text}{FRESH}", f"{text}/", f"{text}/{FRESH}")
    if part not in _ALWAYS:
        yield None


def virtual_host(table: Table, host: str) -> Mapping[str, Any] | None:
    """The virtual host for a host: by the exact domain, else the longest `*.suffix`, `prefix*`, or `*`."""
    host = host.lower()
    if table.get("ignore_port_in_host_matching"):
        host = _without_port(host)
    best = max(
        (
            (found, domain)
            for one in table.get("virtual_hosts") or ()
            for domain in one["domains"]
            if (found := rank(domain.lower(), host)) is not None
        ),
        default=None,
    )
    return None if best is None else _with_domain(table, best[1])


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _with_domain(table: Table, domain: str) -> Mapping[str, Any]:
    return next(one for one in table["virtual_hosts"] if domain in one["domains"])


def rank(domain: str, host: str) -> tuple[int, int] | None:
    """How specific a domain is that takes a host; a wildcard stands for one character or more."""
    if domain == host:
        return 3, 0
    if domain == "*":
        return 0, 0
    fixed = domain.strip("*")
    if len(host) > len(fixed):
        if domain.startswith("*") and host.endswith(fixed):
            return 2, len(fixed)
        if domain.endswith("*") and host.startswith(fixed):
            return 1, len(fixed)
    return None


def route(table: Table, request: Request) -> Mapping[str, Any] | None:
    """The route that takes a request; None where none does. Raises UndecidedError."""
    host = virtual_host(table, request.host)
    for one in (host or {}).get("routes") or ():
        answer = meets(request, conditions(one["match"]))
        if answer is None:
            raise UndecidedError(source(one) or "a route of no VirtualService")
        if answer:
            return one
    return None


class UndecidedError(Exception):
    """Whether a route takes a request cannot be decided; the message says whose it is."""


def source(one: Mapping[str, Any]) -> str | None:
    """The VirtualService that a route came from, as `NAMESPACE/NAME`; None: not from one."""
    config: str = one.get("metadata", {}).get("filter_metadata", {}).get("istio", {}).get("config", "")
    parts = config.split("/")
    return f"{parts[-3]}/{parts[-1]}" if parts[-2:-1] == ["virtual-service"] else None
