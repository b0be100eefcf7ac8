"""The matcher against the real Envoy: random virtual hosts and requests, and which route served.

MATCHER_CASES sets how many, MATCHER_SEED repeats a run.
"""

import os
import random
from pathlib import Path
from typing import Any

from components.gateway import matcher
from components.gateway.matcher import Request
from tests.unit.real_envoy import ROUTE_HEADER, real_envoy

CASES = int(os.environ.get("MATCHER_CASES", "600"))
SEED = int(os.environ.get("MATCHER_SEED", random.SystemRandom().randrange(2**32)))
REQUESTS_A_TABLE = 20

DOMAINS = ("*", "*.x", "*.a.x", "a.x", "b.a.x", "b.*", "b.a.*", "B.x", "c", "c:80", "-c.x", "*-c.x")
HOSTS = (
    "a.x",
    "A.X",
    "b.a.x",
    "b.a",
    "b.x",
    "c",
    "c:80",
    "c:81",
    "x",
    ".x",
    "b.",
    "d-c.x",
    "-c.x",
    "zz.a.x:80",
)
PATHS = ("/", "/a", "/A", "/a/", "/a/b", "/ab", "/aB/c", "/b", "/a/b/c", "/abc", "//", "/a%20b")
TEXTS = ("", "1", "12", "a", "A", "ab")
NAMES = ("x-one", "X-Two")
QUERIES = ("q", "Q")
METHODS = ("GET", "POST", "PUT", "DELETE")


class Draw:
    """Random tables and requests of the language that Istio writes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def table(self) -> dict[str, Any]:
        domains = self.random.sample(DOMAINS, self.random.randint(1, len(DOMAINS)))
        hosts: list[dict[str, Any]] = []
        while domains:
            few = self.random.randint(1, 3)
            mine, domains = domains[:few], domains[few:]
            name = f"host-{len(hosts)}"
            routes = [self.route(f"{name}-{index}") for index in range(self.random.randint(0, 6))]
            hosts.append({"name": name, "domains": mine, "routes": routes})
        return {"virtual_hosts": hosts, "ignore_port_in_host_matching": self.maybe(0.5)}

    def route(self, name: str) -> dict[str, Any]:
        return {
            "match": self.match(),
            "direct_response": {"status": 200},
            "response_headers_to_add": [{"header": {"key": ROUTE_HEADER, "value": name}}],
            "name": name,
        }

    def match(self) -> dict[str, Any]:
        path = "/" if self.maybe(0.3) else self.random.choice(PATHS)
        kind = self.random.choice(("prefix", "prefix", "path", "path_separated_prefix"))
        if kind == "path_separated_prefix":
            path = path.rstrip("/") or "/a"
        found: dict[str, Any] = {kind: path}
        if self.maybe(0.5):
            found["case_sensitive"] = self.maybe(0.6)
        if self.maybe(0.4):
            names = self.random.choices(NAMES, k=self.random.randint(1, 2))
            found["headers"] = [self.header(name) for name in names]
        if self.maybe(0.2):
            method = {"name": ":method", "string_match": {"exact": self.random.choice(METHODS)}}
            found["headers"] = [*found.get("headers", []), method]
        if self.maybe(0.25):
            found["query_parameters"] = [self.query(self.random.choice(QUERIES))]
        return found

    def header(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, **self.value()}
        if self.maybe(0.3):
            found["invert_match"] = True
            if "string_match" in found and self.maybe(0.8):
                found["treat_missing_header_as_empty"] = True
        return found

    def query(self, name: str) -> dict[str, Any]:
        return {"name": name, **self.value()}

    def value(self) -> dict[str, Any]:
        if self.maybe(0.2):
            return {"present_match": True}
        kind = self.random.choice(("exact", "prefix"))
        # Envoy refuses an empty prefix.
        return {"string_match": {kind: self.random.choice(TEXTS[kind == "prefix" :])}}

    def request(self) -> Request:
        headers = {":method": self.random.choice(METHODS)}
        headers |= {name.lower(): self.random.choice(TEXTS) for name in NAMES if self.maybe(0.5)}
        query = {name: self.random.choice(TEXTS) for name in QUERIES if self.maybe(0.4)}
        return Request(self.random.choice(HOSTS), self.random.choice(PATHS), headers, query)


def test_the_real_envoy_serves_by_the_route_that_the_matcher_says(tmp_path: Path) -> None:
    print(f"MATCHER_SEED={SEED} MATCHER_CASES={CASES}")
    draw = Draw(SEED)
    tables = [draw.table() for _ in range(-(-CASES // REQUESTS_A_TABLE))]
    served = 0
    with real_envoy(tables, tmp_path) as listeners:
        for table, listener in zip(tables, listeners, strict=True):
            for request in (draw.request() for _ in range(REQUESTS_A_TABLE)):
                found = matcher.route(table, request)
                name = found["name"] if found else None
                served += found is not None
                assert listener.route(request) == name, f"MATCHER_SEED={SEED}: {request} in {table}"
    # The cases are about something.
    assert served > CASES / 20


def test_what_is_said_of_two_routes_holds_for_each_request() -> None:
    draw = Draw(SEED)
    print(f"MATCHER_SEED={SEED}")
    seen: set[matcher.Takes] = set()
    for _ in range(CASES):
        theirs, ours = (matcher.conditions(draw.match()) for _ in range(2))
        answer = matcher.takes(theirs, ours)
        seen.add(answer)
        both = [
            matcher.meets(one, theirs)
            for one in (draw.request() for _ in range(60))
            if matcher.meets(one, ours)
        ]
        context = f"MATCHER_SEED={SEED}: {theirs} of {ours}"
        assert answer is not matcher.Takes.EVERY or all(both), context
        assert answer is not matcher.Takes.NONE or not any(both), context
    assert seen == {matcher.Takes.NONE, matcher.Takes.SOME, matcher.Takes.EVERY}
