"""Test routes: a mark reaches a version whatever its weight, and `up` knows whether every Envoy has them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from components.observation.answers import visible_text
from harness.labs import ROOT, Lab, Program
from tests import documented
from tests.lab.load import load
from tests.lab.observe import QUICK, VERSIONS, failing_up, followed, get, updated
from tests.lab.shop import CONVERGENCE, HOST, ROUTING, second_stack

HEADER = {"x-version": "v2"}
V3 = {"v3": {"image": "janakiramm/myapp:v3"}}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "test-routes") as made:
        made.config(versions=VERSIONS, weights={"v1": 100})
        made.up("--skip-preview")
        yield made


def answered(shop: Program, headers: Mapping[str, str], path: str = "/", count: int = 20) -> Counter[str]:
    """By version, the answers of requests with these headers; by status where none answered."""
    with httpx.Client(headers={"Host": HOST, **headers}) as client:
        answers = [client.get(f"{shop.outputs()['url']}{path}") for _ in range(count)]
    return Counter(one.headers.get("X-App-Version", str(one.status_code)) for one in answers)


def rules(shop: Program) -> list[dict[str, Any]]:
    return get(shop, "virtualservice", "shop")["spec"]["http"]


def write_rules(shop: Program, changed: list[dict[str, Any]]) -> None:
    change = json.dumps({"spec": {"http": changed}})
    by = "--field-manager=mallory"
    with followed(shop):
        shop.kubectl("patch", "virtualservice", "shop", "--type=merge", "-p", change, by)


def test_added_moved_changed_and_removed_under_load_nothing_is_dropped(shop: Program) -> None:
    url = str(shop.outputs()["url"])
    served_by = {"responseHeaders": {"x-served-by": "shop"}}
    with load(url, {"Host": HOST}) as users:
        shop.config(
            versions={**VERSIONS, **V3},
            routing=ROUTING | served_by,
            testRoutes={"v2": {"header": HEADER, "strip": True}, "v3": {"cookie": {"version": "v3"}}},
        )
        shop.up("--skip-preview")
        assert answered(shop, HEADER) == {"v2": 20}
        assert answered(shop, {"Cookie": "a=b; version=v3; c=d"}) == {"v3": 20}
        assert answered(shop, {"Cookie": "version=v33"}) == {"v1": 20}
        assert answered(shop, {"x-version": "v3"}) == {"v1": 20}
        headed = httpx.get(url, headers={"Host": HOST, **HEADER}).headers
        assert headed["x-served-by"] == "shop"
        shop.up("--skip-preview", "--expect-no-changes")
        with load(url, {"Host": HOST, "Cookie": "version=v3"}) as testers:
            # Another mark, and the split moves beside it.
            shop.config(
                testRoutes={"v2": {"header": {"x-version": "green"}}, "v3": {"cookie": {"version": "v3"}}},
                weights={"v1": 50, "v2": 50},
            )
            shop.up("--skip-preview")
            assert answered(shop, {"x-version": "green"}) == {"v2": 20}
            assert set(answered(shop, HEADER, count=40)) == {"v1", "v2"}
        # A version goes with its test route, and the last test route goes too.
        shop.config(versions=VERSIONS, testRoutes={"v1": {"header": {"x-version": "v1"}}})
        shop.up("--skip-preview")
        assert answered(shop, {"x-version": "v1"}) == {"v1": 20}
        shop.run("pulumi", "config", "rm", "blue-green:testRoutes")
        shop.config(weights={"v1": 100, "v2": 0})
        shop.up("--skip-preview")
        shop.up("--skip-preview", "--expect-no-changes")
    assert len(rules(shop)) == 1
    assert [one.text for one in (*users, *testers) if not one.ok] == []
    assert {one.version for one in testers} == {"v3"}
    # Nobody without a mark saw v3.
    assert {one.version for one in users} == {"v1", "v2"}


def test_the_proof_finds_a_test_route_behind_the_split_and_a_wrong_matcher(shop: Program) -> None:
    shop.config(testRoutes={"v2": {"header": HEADER}}, weights={"v1": 100, "v2": 0})
    shop.up("--skip-preview")
    test, split = rules(shop)
    write_rules(shop, [split, test])
    assert answered(shop, HEADER) == {"v1": 20}
    assert "shop-converged" in updated(shop)
    shop.config(convergence=QUICK)
    # An `up` of this project reads the cluster first, and would just mend it.
    said = failing_up(shop, "--refresh=false")
    assert "does not have the test route of v2" in said
    assert (
        "VirtualService default/shop has a test route or the mirror behind the split (written by mallory at "
        in said
    )
    assert "To mend it: pulumi up --refresh" in said
    (match,) = test["match"]
    wrong = match | {"headers": {"x-version": {"exact": "v22"}}}
    write_rules(shop, [test | {"match": [wrong]}, split])
    said = failing_up(shop, "--refresh=false")
    assert "takes header x-version v22 by the test route of v2, and not header x-version v2" in said
    elsewhere = json.loads(json.dumps(test["route"]).replace('"v2"', '"v1"'))
    write_rules(shop, [test | {"route": elsewhere}, split])
    assert "sends what the test route of v2 takes to v1 100 %" in failing_up(shop, "--refresh=false")
    shop.config(convergence=CONVERGENCE)
    shop.up("--skip-preview")
    assert answered(shop, HEADER) == {"v2": 20}


def test_a_broken_green_keeps_its_test_route_from_coming_but_not_traffic_from_moving(shop: Program) -> None:
    broken = {"v3": {"image": "janakiramm/myapp:missing"}}
    shop.config(
        versions={**VERSIONS, **broken},
        weights={"v1": 100},
        testRoutes={"v3": {"header": HEADER}},
        convergence=QUICK,
    )
    assert "Traffic has not moved: version v3 could not take it" in failing_up(shop)
    shop.config(versions=VERSIONS, testRoutes={"v2": {"header": HEADER}}, convergence=CONVERGENCE)
    shop.up("--skip-preview")
    shop.kubectl("scale", "deploy/shop-v2", "--replicas=0")
    shop.config(weights={"v1": 90, "v2": 10}, convergence=QUICK)
    assert "could not take it" in failing_up(shop)
    # Another value, so that there is something to ask again.
    shop.config(weights={"v1": 100}, convergence={**CONVERGENCE, "drainSeconds": 9})
    done = shop.up("--skip-preview")
    assert "has no healthy endpoint of v2, which has no share of the split" in done.stdout + done.stderr
    shop.kubectl("scale", "deploy/shop-v2", "--replicas=1")


def test_the_page_can_be_followed_as_it_is_written(base: Program) -> None:
    said: list[str] = []
    for command in documented.typed(ROOT / "docs/test-routes.md"):
        # There is nobody to answer.
        asked = command.replace("pulumi up", "pulumi up --yes --skip-preview")
        asked = re.sub("^blue-green ", "python -m rollout ", asked)
        said.append(base.run("bash", "-c", asked).stdout)
    headed, everybody, opened, verified = (said[place] for place in (3, 4, 5, 6))
    assert (visible_text(headed), visible_text(everybody)) == ("vNext", "V1")
    assert opened.splitlines()[0] == (
        "v2 has 0 % of the traffic; a request with the header x-version: v2 reaches it:"
    )
    assert base.run("bash", "-c", f"{opened.splitlines()[1].strip()} -s").stdout == headed
    assert verified == (
        "every gateway sends requests with the header x-version: v2 to v2\n200 requests, none failed\n"
    )
    cookie, console = said[10], said[11].splitlines()[-1]
    assert cookie == headed
    assert console == "  document.cookie = 'version=v2; path=/'"
    assert base.outputs()["weights"] == {"v1": 0, "v2": 100}
