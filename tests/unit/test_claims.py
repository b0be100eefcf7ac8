"""Whether two splits ask for the same requests, and what a stack is told of another's."""

import asyncio
from typing import Any

import pulumi
import pytest

from components import claim
from components.gateway import claims
from components.gateway.claims import Others
from components.manifests import routes
from components.ownership import OWNER, this_stack
from components.settings.model import App, RequestMark, Routing
from tests.unit.fake_engine import Hook, kept_callbacks

PROD, STAGING = "organization/blue-green/prod", "organization/blue-green/staging"
Pair = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Hook]:
    """The hooks that a claim has made."""
    return kept_callbacks(monkeypatch)


def split(namespace: str, stack: str | None = None, **routing: Any) -> Pair:
    """The Gateway and the VirtualService of a split, as the cluster has them."""
    app, where = App("myapp", namespace), Routing(**routing)
    pair = routes.gateway(app, where), routes.virtual_service(app, {"v1": 100}, where)
    if stack:
        for one in pair:
            one["metadata"]["annotations"][OWNER] = f"{stack}/myapp-x"
    return pair


def cluster(*pairs: Pair) -> Others:
    return Others([pair[1] for pair in pairs], [pair[0] for pair in pairs])


def said(ours: Pair, *others: Pair) -> dict[str, str]:
    return dict(claim.shared(*ours, cluster(*others), STAGING))


@pytest.mark.parametrize(
    ("theirs", "ours", "shared"),
    [
        ({}, {}, True),
        ({"hosts": ("Shop.example",)}, {"hosts": ("shop.example", "b.example")}, True),
        ({"hosts": ("a.example",)}, {"hosts": ("b.example",)}, False),
        # The narrower host wins, whichever is older.
        ({"hosts": ("*",)}, {"hosts": ("b.example",)}, False),
        ({"paths": ("/a",)}, {"paths": ("/b", "/c")}, False),
        ({"paths": ("/a",)}, {"paths": ("/b", "/a/b")}, True),
        ({"paths": ("/a/b",)}, {}, True),
        ({"headers": {"x-team": "a"}}, {"headers": {"x-team": "b"}}, False),
        ({"headers": {"x-team": "a"}}, {}, True),
        ({"port": 8080}, {}, False),
        ({"gateway_selector": {"istio": "other"}}, {}, False),
        ({"gateway_selector": {"istio": "ingressgateway", "zone": "a"}}, {}, True),
    ],
)
def test_host_and_path_and_headers_and_gateway_have_to_meet(
    theirs: dict[str, Any], ours: dict[str, Any], *, shared: bool
) -> None:
    found = said(split("staging", **ours), split("prod", PROD, **theirs))
    assert list(found) == (["VirtualService prod/myapp of the stack " + PROD] if shared else [])


def test_what_both_ask_for_is_said_and_what_to_type() -> None:
    found = said(split("staging", paths=("/shop",)), split("prod", PROD))
    refusal = claim.refusal(found)
    assert "host *, path prefix /shop, on port 80 of the gateway istio=ingressgateway." in refusal
    typed = f"pulumi config set --stack {pulumi.get_stack()}"
    assert f"{typed} --path 'blue-green:routing.hosts[0]' myapp.example.com" in refusal


def test_what_is_no_splits_or_the_stacks_own_is_no_claim() -> None:
    assert said(split("staging"), split("other"), split("staging", STAGING)) == {}
    # Its own object, as a stack finds it after it was renamed.
    assert said(split("staging"), split("staging", PROD)) == {}


def test_a_match_that_somebody_wrote_by_hand_may_be_the_same() -> None:
    theirs = split("prod", PROD)
    theirs[1]["spec"]["http"][0]["match"] = [{"uri": {"regex": "/a.*"}}]
    assert said(split("staging", paths=("/b",)), theirs)


def test_a_stack_stands_while_the_cluster_has_its_claim_unchanged() -> None:
    ours = split("staging")
    assert not claim.stands(*ours, cluster(), STAGING)
    assert claim.stands(*ours, cluster(split("staging", STAGING)), STAGING)
    assert not claim.stands(*ours, cluster(split("staging", PROD)), STAGING)
    assert not claim.stands(*ours, cluster(split("staging", STAGING, hosts=("a.example",))), STAGING)


@pytest.mark.parametrize(
    ("ours", "refused"),
    [
        ({"gateway": "new", "hosts": ("b.x", "a.x")}, True),
        ({"gateway": "new", "gateway_selector": {"istio": "ingressgateway", "zone": "a"}}, True),
        ({}, False),
        ({"gateway": "new", "hosts": ("b.x",)}, False),
        ({"gateway": "new", "port": 8443}, False),
        ({"gateway": "new", "gateway_selector": {"istio": "other"}}, False),
        # Plain HTTP of several Gateways is one.
        ({"gateway": "new", "tls_secret": None, "port": 80}, False),
    ],
)
def test_a_gateway_of_a_new_name_gets_none_of_the_tls_connections_of_the_one_before(
    ours: dict[str, Any], *, refused: bool
) -> None:
    https: dict[str, Any] = {"tls_secret": "tls", "port": 443, "hosts": ("a.x",)}
    new, standing = split("staging", **https | ours), split("staging", STAGING, **https)

    def found(*there: Pair) -> tuple[str, str] | None:
        return claim.renamed_gateway(*new, cluster(*there), STAGING)

    assert found(standing) == (
        ("app-gateway", "host a.x on port 443 of the gateway istio=ingressgateway") if refused else None
    )
    # The first `up`, another stack's, and one whose new Gateway is there already: it may be the older one.
    assert found() is None
    assert found(split("staging", PROD, **https)) is None
    assert found(standing, new) is None


# What the cluster has by namespace, stack and routing, and whether a split in `staging` is refused by it.
MOVES: list[tuple[list[tuple[str, str, dict[str, Any]]], bool]] = [
    ([("shop", STAGING, {})], True),
    ([("shop", STAGING, {"paths": ("/shop",)})], True),
    # The first `up`, and the same namespace.
    ([], False),
    ([("staging", STAGING, {})], False),
    # Other hosts, and another stack, which the claims tell of.
    ([("shop", STAGING, {"hosts": ("a.example",)})], False),
    ([("shop", PROD, {})], False),
    # The way back from a move that failed.
    ([("shop", STAGING, {}), ("staging", STAGING, {})], False),
]


@pytest.mark.parametrize(("there", "refused"), MOVES)
def test_a_split_does_not_move_to_another_namespace_while_it_has_the_requests(
    there: list[tuple[str, str, dict[str, Any]]], *, refused: bool
) -> None:
    found = claim.moved(*split("staging", STAGING), cluster(*(split(at, by, **on) for at, by, on in there)))
    assert (found is not None) is refused


def test_several_splits_of_one_program_are_no_move_of_each_other() -> None:
    ours, other = split("staging", STAGING), split("shop", STAGING)
    other[1]["metadata"]["annotations"][OWNER] = f"{STAGING}/cart-virtualservice"
    assert claim.moved(*ours, cluster(other)) is None


def test_a_move_to_another_namespace_is_refused_with_the_way_back() -> None:
    ours, there = split("staging", STAGING), split("shop", STAGING)
    found = claim.moved(*ours, cluster(there))
    assert found is not None
    first, *rest = claim.move_refusal(ours[1], *found).splitlines()
    assert first.startswith("VirtualService shop/myapp is this stack's own and has these requests: host *")
    assert first.endswith("Nothing was touched.")
    typed = f"pulumi config set --stack {pulumi.get_stack()}"
    assert rest[1:] == [f"    {typed} --path blue-green:app.namespace shop"]


def test_the_look_asks_by_the_mark_that_the_split_gets(
    monkeypatch: pytest.MonkeyPatch, hooks: list[Hook]
) -> None:
    there = split("shop")
    there[1]["metadata"]["annotations"][OWNER] = f"{this_stack()}/cart-virtualservice"

    def read(_kubeconfig: object) -> Others:
        return cluster(there)

    monkeypatch.setattr(claims, "read", read)

    async def look(name: str) -> None:
        claim.claim(name, "kubeconfig", App("myapp", "staging"), Routing())
        await hooks[-1](pulumi.ResourceHookArgs("urn", "", "cart-service", "Service"))

    asyncio.run(look("shop"))
    with pytest.raises(claim.ClaimedError, match="VirtualService shop/myapp is this stack's own"):
        asyncio.run(look("cart"))


def test_a_gateway_of_a_new_name_is_refused_with_the_way_back() -> None:
    refusal = claim.rename_refusal("app-gateway", "host a.x on port 443")
    assert "the Gateway app-gateway has host a.x on port 443, and Istio" in refusal
    typed = f"pulumi config set --stack {pulumi.get_stack()}"
    assert refusal.endswith(f"{typed} --path blue-green:routing.gateway app-gateway")


def test_callers_in_the_mesh_are_no_part_of_a_claim() -> None:
    gateway, virtual_service = split("prod", hosts=("a.example",), mesh_callers=True)
    found = claims.claim(virtual_service, [gateway])
    assert [str(one) for one in found.entrances] == ["port 80 of the gateway istio=ingressgateway"]
    assert found.hosts == {"a.example"}


def test_a_test_route_asks_for_nothing_more_and_makes_no_new_claim() -> None:
    def tested(pair: Pair, mark: RequestMark) -> Pair:
        app, routing = App("myapp", "staging"), Routing(headers={"x-team": "b"})
        made = routes.virtual_service(app, {"v1": 100}, routing, {"v2": mark})
        return pair[0], {**pair[1], "spec": made["spec"]}

    theirs, ours = split("prod", PROD), split("staging", STAGING, headers={"x-team": "b"})
    for mark in (RequestMark(header={"x-version": "v2"}), RequestMark(cookie={"version": "v2"})):
        with_test = tested(ours, mark)
        assert said(with_test, theirs) == said(ours, theirs)
        # What stands already may stay, with a test route or without.
        assert claim.stands(*ours, cluster(theirs, with_test), STAGING)
        assert said(theirs, with_test).keys() == set()
