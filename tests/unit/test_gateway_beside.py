"""Whether an Envoy has the test routes and the mirror, by its routes as Istio writes them."""

from typing import Any

import pytest

from components.gateway import chain, envoy
from components.gateway.beside import of_rule
from components.gateway.causes import deeds
from components.gateway.chain import Wanted
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link
from components.history.routes import applied_with
from components.kubernetes.api import Api
from components.manifests import routes
from components.settings.model import App, Mirror, RequestMark, Routing
from tests.unit.fake_cluster import fake_cluster

APP = App("myapp")
TARGET = Target("default", "myapp", "myapp", (80,))
SOURCE = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/myapp"
MARKS = {
    "v2": RequestMark(header={"x-version": "v2"}),
    "v3": RequestMark(cookie={"version": "v3"}),
}
VIRTUAL_SERVICE = routes.virtual_service(APP, {"v1": 100}, Routing(paths=("/a", "/b")), MARKS)
V2, V3, SPLIT = VIRTUAL_SERVICE["spec"]["http"]
WANTED = Wanted({"v1": 100}, SPLIT["name"], (of_rule(V2), of_rule(V3)))


def cluster(version: str) -> str:
    return f"outbound|80|{version}|myapp.default.svc.cluster.local"


def envoys(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """A rule's routes as Istio writes them for an Envoy: one for each match."""
    return [
        {
            "name": rule["name"],
            "match": _match(match),
            "route": {"cluster": cluster(rule["route"][0]["destination"]["subset"])},
            "metadata": {"filter_metadata": {"istio": {"config": SOURCE}}},
        }
        for match in rule["match"]
    ]


def _match(match: dict[str, Any]) -> dict[str, Any]:
    headers = [
        {"name": name, "string_match": {"safe_regex": wants} if "regex" in wants else wants}
        for name, wants in match.get("headers", {}).items()
    ]
    return {"prefix": match["uri"]["prefix"], "case_sensitive": True, "headers": headers}


def seen(*rules: dict[str, Any]) -> tuple[envoy.Route, ...]:
    items = [one for rule in rules for one in envoys(rule)]
    hosts = [{"name": "*:80", "domains": ["*"], "routes": items}]
    dump = {"configs": [{"route_config": {"name": "http.80", "virtual_hosts": hosts}}]}
    return envoy.routes(dump, TARGET)


def said(*rules: dict[str, Any], wanted: Wanted = WANTED) -> list[str]:
    return [one.cause for one in chain.routing(seen(*rules), wanted)]


def test_as_the_virtual_service_has_them_they_are_proved() -> None:
    assert said(V2, V3, SPLIT) == []


WRONG = {**V2, "match": [{**one, "headers": {"x-version": {"exact": "v9"}}} for one in V2["match"]]}
ONE_PATH = {**V2, "match": V2["match"][:1]}
OLD = {**V2, "name": "myapp-0/test-v2"}
ELSEWHERE = {**V2, "route": SPLIT["route"]}


def _ways(value: str, *paths: str) -> str:
    return " or ".join(f"header x-version {value}, path prefix {path}" for path in paths)


BOTH = _ways("v2", "/a", "/b")


@pytest.mark.parametrize(
    ("rules", "causes"),
    [
        ((V3, SPLIT), ["does not have the test route of v2"]),
        ((SPLIT,), ["does not have the test route of v2", "does not have the test route of v3"]),
        ((V3, SPLIT, V2), ["has the test route of v2 behind the split, which takes its requests"]),
        ((V3, V2, SPLIT), ["has the rules in front of the split in another order"]),
        (
            (WRONG, V3, SPLIT),
            [f"takes {_ways('v9', '/a', '/b')} by the test route of v2, and not {BOTH}"],
        ),
        (
            (ONE_PATH, V3, SPLIT),
            [f"takes {_ways('v2', '/a')} by the test route of v2, and not {BOTH}"],
        ),
        ((ELSEWHERE, V3, SPLIT), ["sends what the test route of v2 takes to v1 100 %"]),
        # An update that is on its way: another digest.
        ((OLD, V3, SPLIT), ["still has the routes from before the last update"]),
        ((V2, V3, {**SPLIT, "name": "myapp-0"}), ["still has the routes from before the last update"]),
    ],
)  # fmt: skip
def test_each_thing_that_is_not_so_is_found(rules: tuple[dict[str, Any], ...], causes: list[str]) -> None:
    assert said(*rules) == causes


def test_a_test_route_that_was_removed_is_waited_for_to_go() -> None:
    wanted = Wanted({"v1": 100}, SPLIT["name"])
    assert said(V2, SPLIT, wanted=wanted) == ["still has the routes from before the last update"]


def test_a_test_route_is_no_part_of_the_split() -> None:
    assert envoy.splits(seen(V2, V3, SPLIT)) == ({"v1": 100},)
    # Who knows the weights alone, as `rollback --now`, asks for these alone.
    assert said(V2, SPLIT, wanted=Wanted({"v1": 100})) == []


def test_the_cluster_of_a_test_route_must_be_there_and_nobody_in_it_is_a_note() -> None:
    there = {cluster("v1"): frozenset({"10.0.0.1"})}
    (lacking,) = chain.serving(seen(V2, SPLIT), there)
    assert lacking == Finding(Link.CLUSTER, "has no cluster of v2")
    (lacking,) = chain.serving(seen(V2, SPLIT), {**there, cluster("v2"): frozenset()})
    assert (lacking.grade, lacking.cause) == (
        Grade.NOTE,
        "has no healthy endpoint of v2, which has no share of the split",
    )
    (lacking,) = chain.serving(seen(V2, SPLIT), {cluster("v2"): frozenset({"10.0.0.2"})})
    assert lacking.cause == "has no cluster of v1"


@pytest.mark.parametrize(("rules", "found"), [([V2, V3, SPLIT], 0), ([SPLIT, V2], 1), ([V2, SPLIT, V3], 1)])
def test_a_virtual_service_with_a_test_route_behind_the_split_is_the_cause(
    rules: list[dict[str, Any]], found: int
) -> None:
    path = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/myapp"
    item: dict[str, Any] = {"metadata": {}, "spec": {"http": rules}}
    with fake_cluster(objects={path: item}) as fake, Api(fake.kubeconfig) as api:
        causes = deeds(api, TARGET)
    assert len(causes) == found
    assert all("a test route or the mirror behind the split" in one.cause for one in causes)


def test_rollback_now_writes_the_split_and_leaves_the_test_routes() -> None:
    _, written = applied_with(VIRTUAL_SERVICE, {"v2": 100})
    test, other, split = written["spec"]["http"]
    assert [test, other] == [V2, V3]
    assert [one["destination"]["subset"] for one in split["route"]] == ["v2"]


MIRRORED = routes.virtual_service(APP, {"v1": 100}, Routing(), None, Mirror("v2", 10))
MIRROR, WHOLE = MIRRORED["spec"]["http"]
COPIES = Wanted({"v1": 100}, WHOLE["name"], (of_rule(MIRROR),))


def mirrored(fraction: dict[str, Any] | None, to: str = "v2") -> tuple[envoy.Route, ...]:
    """What Istio makes of the mirror's rule, with another fraction or cluster, and of the split's."""
    metadata = {"filter_metadata": {"istio": {"config": SOURCE}}}
    policy: dict[str, Any] = {"cluster": cluster(to)}
    if fraction is not None:
        policy["runtime_fraction"] = {"default_value": fraction}
    split: dict[str, Any] = {
        "name": WHOLE["name"],
        "match": {"prefix": "/"},
        "route": {"cluster": cluster("v1")},
        "metadata": metadata,
    }
    mirror = [
        {
            "name": MIRROR["name"],
            "match": {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": method}}]},
            "route": split["route"] | {"request_mirror_policies": [policy]},
            "metadata": metadata,
        }
        for method in ("GET", "HEAD")
    ]
    hosts = [{"name": "*:80", "domains": ["*"], "routes": [*mirror, split]}]
    dump = {"configs": [{"route_config": {"name": "http.80", "virtual_hosts": hosts}}]}
    return envoy.routes(dump, TARGET)


TENTH = {"numerator": 100_000, "denominator": "MILLION"}


@pytest.mark.parametrize(
    ("fraction", "to", "causes"),
    [
        (TENTH, "v2", []),
        ({"numerator": 10}, "v2", []),
        (
            {"numerator": 500_000, "denominator": "MILLION"},
            "v2",
            ["copies to v2 50 % by the mirror of v2, and not to v2 10 %"],
        ),
        (None, "v2", ["copies to v2 100 % by the mirror of v2, and not to v2 10 %"]),
        ({"denominator": "MILLION"}, "v2", ["copies to v2 0 % by the mirror of v2, and not to v2 10 %"]),
        (TENTH, "v3", ["copies to v3 10 % by the mirror of v2, and not to v2 10 %"]),
    ],
)
def test_a_mirror_with_another_percentage_or_cluster_is_found(
    fraction: dict[str, Any] | None, to: str, causes: list[str]
) -> None:
    found = chain.routing(mirrored(fraction, to), COPIES)
    assert [one.cause for one in found] == causes


def test_the_mirrors_rule_is_a_part_of_the_split_and_its_cluster_must_be_there() -> None:
    assert envoy.splits(mirrored(TENTH)) == ({"v1": 100},)
    (lacking,) = chain.serving(mirrored(TENTH), {cluster("v1"): frozenset({"10.0.0.1"})})
    assert lacking == Finding(Link.CLUSTER, "has no cluster of v2")


def test_rollback_now_moves_what_is_mirrored_too_and_copies_nothing_to_a_version_with_traffic() -> None:
    _, written = applied_with(MIRRORED, {"v1": 50, "v3": 50})
    assert [one["weight"] for rule in written["spec"]["http"] for one in rule["route"]] == [50, 50] * 2
    _, written = applied_with(MIRRORED, {"v2": 100})
    assert [rule["name"] for rule in written["spec"]["http"]] == [WHOLE["name"]]
