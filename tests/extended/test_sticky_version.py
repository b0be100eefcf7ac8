"""A user keeps his version while the weights move, and moves when he has to; `up` knows whether he will."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.gateway import envoy
from components.observation.statistics import could_be
from harness.labs import Lab, Program
from proof.sticky import needed
from proof.traffic import read
from tests.lab.load import load
from tests.lab.observe import QUICK, TARGET, VERSIONS, failing_up, followed, get, reached
from tests.lab.shop import CONVERGENCE, HOST, ROUTING, second_stack
from tests.lab.shop import TARGET as SHOP
from tools.store import LINKS

USERS = 1000
# The answers of a machine that is held up come late, and all of them come.
ASKED = ("-users", str(USERS), "-rate", "400", "-duration", "2500ms", "-timeout", "60s", "-host", HOST)
FILTERS = ("-n", "istio-system", "envoyfilters")
# istiod makes one virtual host of both.
STICKY = ROUTING | {"hosts": [HOST, f"www.{HOST}"], "stickyVersion": {"cookie": "session"}}
Who = Mapping[str, str]


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "sticky") as made:
        made.config(
            versions={**VERSIONS, "v3": {"image": "janakiramm/myapp:v3"}},
            weights={"v1": 90, "v2": 10},
            routing=STICKY,
        )
        made.up("--skip-preview")
        yield made


def asked(shop: Program, folder: Path) -> Who:
    """By user, the version that answered."""
    output = folder / "users.csv"
    shop.run(str(LINKS / "bin" / "load"), "-url", str(shop.outputs()["url"]), "-output", str(output), *ASKED)
    requests = read(output)
    assert [one.failure for one in requests if one.failure] == []
    assert len(requests) == USERS
    return {one.user: one.version for one in requests}


def move(shop: Program, folder: Path, weights: Mapping[str, int]) -> Who:
    """Who has which version by these weights, each share within its bound."""
    shop.config(weights=dict(weights))
    shop.up("--skip-preview")
    who = asked(shop, folder)
    counts = Counter(who.values())
    assert counts.keys() <= weights.keys()
    assert all(could_be(counts[one], USERS, weight / 100) for one, weight in weights.items()), counts
    return who


def moved(before: Who, now: Who) -> Counter[tuple[str, str]]:
    """How many users had one version and have another one."""
    return Counter((was, now[user]) for user, was in before.items() if now[user] != was)


def test_users_move_once_with_the_weights_and_nobody_without_need(shop: Program, tmp_path: Path) -> None:
    weights = {"v1": 90, "v2": 10}
    before = move(shop, tmp_path, weights)
    assert asked(shop, tmp_path) == before
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as others:
        for share in (25, 100, 10):
            then, weights = weights, {"v1": 100 - share, "v2": share}
            now = move(shop, tmp_path, weights)
            way = ("v1", "v2") if weights["v2"] > then["v2"] else ("v2", "v1")
            gone = moved(before, now)
            assert gone.keys() == {way}
            assert could_be(gone[way], USERS, needed(then, weights))
            before = now
        # What v3 gets of v1 shifts the place of v2 between them.
        then, weights = weights, {"v1": 70, "v2": 10, "v3": 20}
        gone = moved(before, move(shop, tmp_path, weights))
        assert gone.keys() == {("v1", "v2"), ("v1", "v3"), ("v2", "v3")}
        assert could_be(gone.total(), USERS, needed(then, weights))
    assert [one.text for one in others if not one.ok] == []


def filters(shop: Program) -> list[dict[str, Any]]:
    return get(shop, *FILTERS)["items"]


def test_the_filter_is_there_while_it_matters_and_for_these_routes_alone(
    shop: Program, tmp_path: Path
) -> None:
    shop.config(weights={"v1": 0, "v2": 100})
    shop.up("--skip-preview")
    assert filters(shop) == []
    before = move(shop, tmp_path, {"v1": 50, "v2": 50})
    (one,) = filters(shop)
    (rule,) = get(shop, "virtualservice", "shop")["spec"]["http"]
    assert one["metadata"]["name"] == rule["name"].replace("_", ".")
    # Another stack at the same gateway.
    with reached(shop) as gateways:
        dumps = [one.value for one in gateways.ask(lambda admin: admin.get(envoy.ROUTES)) if one.value]
    drawn = [
        {route.drawn_by for dump in dumps for route in envoy.routes(dump, target)}
        for target in (TARGET, SHOP)
    ]
    assert drawn == [{""}, {"the cookie session"}]
    # Other routes: no user meets them without their filter.
    shop.config(routing=STICKY | {"timeout": "20s"})
    shop.up("--skip-preview")
    (other,) = filters(shop)
    assert other["metadata"]["name"] != one["metadata"]["name"]
    assert asked(shop, tmp_path) == before
    # At once to one version, while the filter still stands.
    done = shop.run("python", "-m", "rollout", "rollback", "--now", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(asked(shop, tmp_path).values()) == {"v2"}
    assert filters(shop) == []


def test_the_proof_finds_a_filter_that_did_not_take(shop: Program, tmp_path: Path) -> None:
    before = move(shop, tmp_path, {"v1": 50, "v2": 50})
    (one,) = filters(shop)
    name, patches = one["metadata"]["name"], one["spec"]["configPatches"]
    patches[0]["match"]["routeConfiguration"]["vhost"]["route"]["name"] = "another"
    change = json.dumps({"spec": {"configPatches": patches}})
    with followed(shop):
        shop.kubectl("-n", "istio-system", "patch", "envoyfilter", name, "--type=merge", "-p", change)
    checked = shop.run("python", "-m", "rollout", "verify", check=False)
    assert "draws the version anew for each request" in checked.stdout + checked.stderr
    # An `up` of this project reads the cluster first, and would just mend it.
    shop.config(convergence=QUICK)
    said = failing_up(shop, "--refresh=false")
    assert "draws the version anew for each request, and not by the cookie session" in said
    assert "To mend it: pulumi up --refresh, or see docs/sticky-version.md" in said
    assert "acts on the gateways" not in said
    shop.config(convergence=CONVERGENCE)
    shop.up("--skip-preview")
    assert asked(shop, tmp_path) == before
