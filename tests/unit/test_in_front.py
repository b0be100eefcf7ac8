"""What stands in front of a split's routes, by the tables that Istio writes."""

from typing import Any

import pytest

from components.gateway.finding import Grade
from components.gateway.in_front import InFront, findings, in_front
from components.gateway.matcher import Takes

OURS = "default/myapp"


def route(owner: str | None, **match: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"match": match or {"prefix": "/"}, "route": {"cluster": "c"}}
    if owner:
        namespace, name = owner.split("/")
        config = f"/apis/networking.istio.io/v1/namespaces/{namespace}/virtual-service/{name}"
        found["metadata"] = {"filter_metadata": {"istio": {"config": config}}}
    return found


def host(*domains: str, routes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"name": domains[0], "domains": list(domains), "routes": routes, **more}


def front(*hosts: dict[str, Any], ours: tuple[str, ...] = ("*",)) -> list[tuple[str, str | None, Takes]]:
    found = in_front({"virtual_hosts": list(hosts)}, OURS, ours)
    return [(one.domain, one.owner, one.takes) for one in found]


def behind(*matches: dict[str, Any], ours: dict[str, Any] | None = None) -> list[Takes]:
    theirs = [route("other/older", **match) for match in matches]
    return [found for _, _, found in front(host("*", routes=[*theirs, route(OURS, **(ours or {}))]))]


def test_alone_nothing_is_in_front() -> None:
    assert front(host("*", routes=[route(OURS)])) == []


def test_an_older_route_of_the_same_host_that_takes_all_is_named_with_its_owner() -> None:
    table = {"virtual_hosts": [host("*", routes=[route("other/older"), route(OURS)])]}
    assert in_front(table, OURS, ["*"]) == (InFront("*", "other/older", "", "/", Takes.EVERY),)


def test_a_route_behind_ours_takes_nothing() -> None:
    assert front(host("*", routes=[route(OURS), route("other/younger")])) == []
    between = [route(OURS, prefix="/"), route("other/x", prefix="/a"), route(OURS, prefix="/a/b")]
    assert front(host("*", routes=between)) == []


def test_a_route_of_nobodys_virtual_service_counts_too() -> None:
    assert front(host("*", routes=[route(None), route(OURS)])) == [("*", None, Takes.EVERY)]


GET = {"name": ":method", "string_match": {"exact": "GET"}}
CANARY = {"name": "x-canary", "string_match": {"exact": "yes"}}
NOT_CANARY = {**CANARY, "invert_match": True, "treat_missing_header_as_empty": True}


@pytest.mark.parametrize(
    ("theirs", "ours", "found"),
    [
        ({"prefix": "/a"}, {"prefix": "/"}, [Takes.SOME]),
        ({"path": "/"}, {"prefix": "/"}, [Takes.SOME]),
        ({"prefix": "/"}, {"prefix": "/shop"}, [Takes.EVERY]),
        ({"prefix": "/s"}, {"prefix": "/shop"}, [Takes.EVERY]),
        ({"prefix": "/SHOP", "case_sensitive": False}, {"prefix": "/shop"}, [Takes.EVERY]),
        ({"prefix": "/shop"}, {"prefix": "/SHOP", "case_sensitive": False}, [Takes.SOME]),
        ({"prefix": "/other"}, {"prefix": "/shop"}, []),
        ({"path_separated_prefix": "/shop"}, {"prefix": "/shop"}, [Takes.SOME]),
        ({"path_separated_prefix": "/shop"}, {"prefix": "/shop/"}, [Takes.EVERY]),
        ({"prefix": "/", "headers": [GET]}, {"prefix": "/"}, [Takes.SOME]),
        ({"prefix": "/", "headers": [CANARY]}, {"prefix": "/"}, [Takes.SOME]),
        ({"prefix": "/", "headers": [CANARY]}, {"prefix": "/", "headers": [CANARY]}, [Takes.EVERY]),
        ({"prefix": "/", "headers": [NOT_CANARY]}, {"prefix": "/", "headers": [CANARY]}, []),
        ({"prefix": "/", "query_parameters": [{"name": "q", "present_match": True}]}, {}, [Takes.SOME]),
        # Nothing here reads a regular expression, nor a field of a later Envoy.
        ({"safe_regex": {"regex": ".*"}}, {}, [Takes.UNDECIDED]),
        ({"prefix": "/", "later": {}}, {}, [Takes.UNDECIDED]),
        ({"prefix": "/", "headers": [{"name": "x", "string_match": {"suffix": "y"}}]}, {}, [Takes.UNDECIDED]),
        # The host and the listener say the same once more.
        ({"prefix": "/", "headers": [{"name": ":scheme", "string_match": {"exact": "http"}}]}, {},
         [Takes.UNDECIDED]),
        # One part of it is enough to say that it does not take all, or none.
        ({"safe_regex": {"regex": ".*"}, "headers": [CANARY]}, {}, [Takes.SOME]),
        ({"safe_regex": {"regex": ".*"}, "headers": [NOT_CANARY]}, {"prefix": "/", "headers": [CANARY]}, []),
    ],
)  # fmt: skip
def test_how_much_a_route_in_front_takes(
    theirs: dict[str, Any], ours: dict[str, Any], found: list[Takes]
) -> None:
    assert behind(theirs, ours=ours) == found


def test_each_path_of_the_split_is_looked_at() -> None:
    routes = [route("other/x", prefix="/a"), route(OURS, prefix="/a/b"), route(OURS, prefix="/c")]
    found = in_front({"virtual_hosts": [host("*", routes=routes)]}, OURS, ["*"])
    assert [(one.path, one.takes) for one in found] == [("/a/b", Takes.EVERY)]


def test_a_host_of_somebody_elses_beside_our_wildcard_takes_its_own_requests() -> None:
    ours = host("*.x", routes=[route(OURS)])
    others = [host("a.x", "b.y", routes=[route("other/a")]), host("*.b.x", routes=[route("other/b")])]
    found = [("a.x", "other/a", Takes.SOME), ("*.b.x", "other/b", Takes.SOME)]
    assert front(ours, *others, ours=("*.x",)) == found
    # A wider one stands behind ours.
    assert front(ours, host("*", routes=[route("other/all")]), ours=("*.x",)) == []


def test_our_own_host_in_a_virtual_host_without_our_route_is_taken_whole() -> None:
    hosts = host("a.x", routes=[route(OURS)]), host("b.x", routes=[route("other/b")])
    assert front(*hosts, ours=("A.x", "b.x")) == [("b.x", "other/b", Takes.EVERY)]


def test_our_own_host_without_a_virtual_host_goes_to_the_next_wider_one_or_to_nobody() -> None:
    ours = host("a.x", routes=[route(OURS)])
    assert front(ours, ours=("a.x", "b.x")) == [("b.x", None, Takes.EVERY)]
    wider = host("*.x", routes=[route("other/wide")])
    assert front(ours, wider, ours=("a.x", "b.x")) == [("b.x", "other/wide", Takes.EVERY)]


def test_a_redirect_of_the_whole_host_takes_all() -> None:
    assert front(host("*", routes=[route(OURS)], require_tls="ALL")) == [("*", None, Takes.EVERY)]


def dump(*hosts: dict[str, Any]) -> dict[str, Any]:
    return {"configs": [{"route_config": {"name": "http.80", "virtual_hosts": list(hosts)}}]}


def said(*hosts: dict[str, Any], ours: tuple[str, ...] = ("*",)) -> list[tuple[Grade, str]]:
    return [(one.grade, one.cause) for one in findings(dump(*hosts), OURS, ours)]


def test_what_takes_all_ends_a_wait_and_names_whose_it_is_and_what_to_type() -> None:
    (found,) = findings(dump(host("*", routes=[route("other/older"), route(OURS)])), OURS, ["*"])
    assert found.grade is Grade.BROKEN
    assert str(found) == (
        "sends every request for host *, path / to the VirtualService other/older, which stands in front. "
        "To mend it: kubectl -n other edit virtualservice older, or give this stack routing.hosts of its own"
    )


def test_a_route_of_no_virtual_service_has_a_cure_that_gateways_of_the_other_api_do_not_meet() -> None:
    (found,) = findings(dump(host("*", routes=[route(None), route(OURS)])), OURS, ["*"])
    assert found.cure == "kubectl get envoyfilters,gateways.networking.istio.io -A"


@pytest.mark.parametrize(
    ("owner", "who", "resource"),
    [
        ("other/shop-example-web-istio-autogenerated-k8s-ingress", "an Ingress", "ingresses"),
        ("other/web~0~istio-autogenerated-k8s-gateway", "an HTTPRoute", "httproutes"),
    ],
)
def test_what_istiod_made_a_virtual_service_of_is_named_in_its_place(
    owner: str, who: str, resource: str
) -> None:
    (found,) = findings(dump(host("*", routes=[route(owner), route(OURS)])), OURS, ["*"])
    assert str(found) == (
        f"sends every request for host *, path / to {who} in the namespace other, which stands in front. "
        f"To mend it: kubectl -n other get {resource}, or give this stack routing.hosts of its own"
    )


def test_what_is_undecided_is_named_with_the_reason() -> None:
    theirs = route("other/x", safe_regex={"regex": "/v[0-9]+"})
    ((grade, cause),) = said(host("*", routes=[theirs, route(OURS)]))
    assert grade is Grade.UNDECIDED
    assert (
        "to the VirtualService other/x, which stands in front: its match is not decided here (safe_regex"
        in cause
    )


def test_what_takes_some_is_one_line_for_routes_and_one_for_hosts() -> None:
    partial = [route("other/x", prefix="/a"), route(None, prefix="/b")]
    others = [host(f"{name}.x", routes=[route("other/y")]) for name in "abcde"]
    assert said(host("*", routes=[*partial, route(OURS)]), *others) == [
        (
            Grade.NOTE,
            "sends some of the split's hosts elsewhere: a.x to the VirtualService other/y; "
            "b.x to the VirtualService other/y; c.x to the VirtualService other/y and 2 more",
        ),
        (
            Grade.NOTE,
            "sends some of the split's requests elsewhere: path prefix /a to the VirtualService other/x; "
            "path prefix /b to a route of no VirtualService (path prefix /b)",
        ),
    ]


def test_a_redirect_and_a_host_of_nobody_are_said_as_such() -> None:
    assert said(host("*", routes=[route(OURS)], require_tls="ALL")) == [
        (Grade.BROKEN, "sends every request for host * to a redirect to HTTPS")
    ]
    assert said(host("a.x", routes=[route(OURS)]), ours=("a.x", "b.x")) == [
        (Grade.LATE, "sends every request for host b.x to nobody")
    ]


def test_a_table_without_a_route_of_ours_says_nothing() -> None:
    assert said(host("*", routes=[route("other/x")])) == []


def for_tests(version: str, **match: Any) -> dict[str, Any]:
    """A test route of ours."""
    return {**route(OURS, **match), "name": f"myapp-1/test-{version}"}


def test_what_takes_a_test_routes_requests_is_named_with_its_mark() -> None:
    marked = {"prefix": "/", "headers": [CANARY]}
    theirs = route("other/x", **marked)
    table = host("*", routes=[theirs, for_tests("v2", **marked), route(OURS)])
    said_ = said(table)
    assert (
        Grade.BROKEN,
        "sends every request for host *, path /, header x-canary yes to the VirtualService other/x, "
        "which stands in front",
    ) in said_
    assert [grade for grade, _ in said_] == [Grade.BROKEN, Grade.NOTE]


def test_one_route_in_front_of_a_test_route_and_the_split_is_told_once() -> None:
    marked = {"prefix": "/", "headers": [CANARY]}
    table = host("*", routes=[route("other/x", prefix="/a"), for_tests("v2", **marked), route(OURS)])
    ((_, cause),) = said(table)
    assert cause.count("other/x") == 1


def test_what_is_undecided_for_a_test_route_alone_is_a_note_as_no_request_of_the_proof_tells() -> None:
    cookie = {"name": "cookie", "string_match": {"safe_regex": {"regex": "(.*; *)?v=2(;.*)?"}}}
    other = {"name": "cookie", "string_match": {"safe_regex": {"regex": ".*beta.*"}}}
    theirs = route("other/x", prefix="/", headers=[other])
    table = host("*", routes=[theirs, for_tests("v2", prefix="/", headers=[cookie]), route(OURS)])
    assert {grade for grade, _ in said(table)} == {Grade.NOTE, Grade.UNDECIDED}
    assert [grade for grade, cause in said(table) if "safe_regex" in cause or "regex" in cause]
