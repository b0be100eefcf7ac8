"""Copies of requests to a version without traffic: what it answers reaches nobody, and is judged."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from components.gateway import envoy
from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import QUICK, VERSIONS, failing_up, followed, get, reached, wait
from tests.lab.shop import CONVERGENCE, HOST, TARGET, second_stack

BROKEN = {**VERSIONS, "v2": {"image": "janakiramm/myapp:error"}}


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    with second_stack(program, lab, "mirror") as made:
        made.config(versions=VERSIONS, weights={"v1": 100})
        made.up("--skip-preview")
        yield made


def only_what_is_read_is_copied(shop: Program) -> None:
    """Of as many POSTs and GETs, v2 gets the GETs; a copy may be sent after its request is answered."""

    def sent() -> int:
        answers = gateways.ask(lambda admin: admin.get(envoy.CLUSTERS))
        counts = [envoy.counted(one.value or {}, TARGET, ("v2",), "rq_total") for one in answers]
        return sum(sum(one.values()) for one in counts)

    def ask(method: str) -> None:
        answers = [client.request(method, url) for _ in range(50)]
        assert {(one.status_code, one.headers["X-App-Version"]) for one in answers} == {(200, "v1")}

    def settled() -> bool:
        nonlocal before
        earlier, before = before, sent()
        return earlier == before

    url = str(shop.outputs()["url"])
    with reached(shop) as gateways, httpx.Client(headers={"Host": HOST}, timeout=30) as client:
        before = sent()
        wait(settled, "the copies of earlier requests")
        ask("POST")
        ask("GET")
        wait(lambda: sent() - before >= 50, "the copies")
        assert sent() - before == 50


def command(shop: Program, *arguments: str, code: int = 0) -> str:
    done = shop.run("python", "-m", "rollout", *arguments, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def test_copies_come_and_go_under_load_and_nobody_sees_what_becomes_of_them(shop: Program) -> None:
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as users:
        shop.config(mirror={"version": "v2", "percent": 50})
        shop.up("--skip-preview")
        shop.up("--skip-preview", "--expect-no-changes")
        # A version that only fails, now with every GET.
        shop.config(versions=BROKEN, mirror={"version": "v2"})
        shop.up("--skip-preview")
        facts = json.loads(command(shop, "watch", "-o", "json", "--count", "100"))
        v1, v2 = facts["versions"]["v1"], facts["versions"]["v2"]
        assert (v1["share"], v2["share"], v2["mirror"]) == (1.0, None, True)
        assert facts["requests"] == v1["requests"]
        assert v2["errors"] == v2["requests"] > 50
        said = command(shop, "verify")
        assert "shop" not in said or "none failed" in said
        assert " copies, " in said
        shop.config(versions=VERSIONS)
        shop.up("--skip-preview")
        # A mirror and a split that moves beside it.
        shop.config(
            versions={**VERSIONS, "v3": {"image": "janakiramm/myapp:v3"}}, weights={"v1": 50, "v3": 50}
        )
        shop.up("--skip-preview")
        shop.config(versions=VERSIONS, weights={"v1": 100})
        shop.up("--skip-preview")
    assert [one.text for one in users if not one.ok] == []
    assert {one.version for one in users} == {"v1", "v3"}
    only_what_is_read_is_copied(shop)


def test_the_proof_finds_another_percentage_and_a_version_with_traffic_is_refused(shop: Program) -> None:
    shop.config(mirror={"version": "v2"})
    shop.up("--skip-preview")
    rules: list[dict[str, Any]] = get(shop, "virtualservice", "shop")["spec"]["http"]
    rules[0]["mirrors"][0]["percentage"] = {"value": 25}
    change = json.dumps({"spec": {"http": rules}})
    with followed(shop):
        shop.kubectl("patch", "virtualservice", "shop", "--type=merge", "-p", change)
    shop.config(convergence=QUICK)
    said = failing_up(shop, "--refresh=false")
    assert "copies to v2 25 % by the mirror of v2, and not to v2 100 %" in said
    shop.config(weights={"v1": 90, "v2": 10})
    said = failing_up(shop)
    assert "mirror.version: v2 has 10 % of the traffic, from which its copies could not be told" in said
    shop.config(weights={"v1": 100}, convergence=CONVERGENCE)
    assert "mirrors requests to v2" in command(shop, "shift", "v2", "--mirror-first", "4s", code=1)


def test_a_shift_judges_the_copies_before_the_first_user(shop: Program) -> None:
    shop.run("pulumi", "config", "rm", "blue-green:mirror")
    shop.config(versions=BROKEN)
    shop.up("--skip-preview")
    options = ("--mirror-first", "5s", "--steps", "100", "--pause", "5", "--traffic", "60", "--yes")
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as users:
        said = command(shop, "shift", "v2", *options, code=1)
    assert "v2 gets copies of the requests" in said
    assert "v2 mirrored: " in said
    assert " requests failed (100.0%)" in said
    # Nobody has met it.
    assert {(one.ok, one.version) for one in users} == {(True, "v1")}
    assert len(get(shop, "virtualservice", "shop")["spec"]["http"]) == 1
    shop.config(versions=VERSIONS)
    shop.up("--skip-preview")
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as users:
        said = command(shop, "shift", "v2", *options)
    assert "v2 mirrored holds: " in said
    assert [one.text for one in users if not one.ok] == []
    assert shop.outputs()["weights"] == {"v1": 0, "v2": 100}
    assert len(get(shop, "virtualservice", "shop")["spec"]["http"]) == 1
