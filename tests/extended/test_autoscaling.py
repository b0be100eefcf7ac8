"""An autoscaler comes, changes and goes under load: the number of pods that run is never less for it.

The lab has no metrics server, so it chooses by its bounds alone.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.labs import Lab, Program
from tests.lab.load import load
from tests.lab.observe import PATIENT, QUICK, VERSIONS, failing_up, get, staying_pods, wait
from tests.lab.shop import HOST, ROUTING, second_stack


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab) -> Iterator[Program]:
    """All of the traffic to three pods of v1, and nothing retried."""
    with second_stack(program, lab, "autoscaling") as made:
        made.config(
            versions=versions(replicas=3),
            weights={"v1": 100},
            routing={**ROUTING, "retries": {"attempts": 0}},
        )
        made.up("--skip-preview")
        yield made


def versions(**of_v1: object) -> dict[str, Any]:
    return {"v1": {**VERSIONS["v1"], **of_v1}}


def replicas(shop: Program) -> int:
    return get(shop, "deployment", "shop-v1")["spec"]["replicas"]


def ready(shop: Program) -> list[int]:
    """How many pods of v1 and v3 are ready."""
    both = [get(shop, "deployment", f"shop-{one}")["status"] for one in ("v1", "v3")]
    return [one.get("readyReplicas", 0) for one in both]


def settled(shop: Program, count: int) -> bool:
    """Whether v1 has just so many pods, all of the new kind and ready."""
    status = get(shop, "deployment", "shop-v1")["status"]
    return {status.get(key) for key in ("replicas", "updatedReplicas", "readyReplicas")} == {count}


def able_to_scale(shop: Program) -> bool:
    """What the autoscaler says of itself, once it has done its first round."""
    conditions = get(shop, "hpa", "shop-v1").get("status", {}).get("conditions") or ()
    return ("AbleToScale", "True") in {(one["type"], one["status"]) for one in conditions}


def started(shop: Program) -> set[str]:
    """The pods that serve: one that is ended, as for a moment with fewer, comes back under another name."""
    return {one["metadata"]["name"] for one in staying_pods(shop, "app=shop,version=v1")}


def test_it_comes_changes_and_goes_under_load_with_the_number_of_pods(shop: Program) -> None:
    new = {**VERSIONS["v2"], "autoscaling": {"min": 2, "max": 3}}
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        before = started(shop)
        shop.config(
            versions={**versions(autoscaling={"min": 2, "max": 5}), "v2": new}, weights={"v1": 50, "v2": 50}
        )
        shop.up("--skip-preview")
        # A new version begins with the fewest pods, all of them before its traffic.
        assert get(shop, "deployment", "shop-v2")["status"]["availableReplicas"] >= 2
        shop.up("--skip-preview", "--expect-no-changes")
        assert (replicas(shop), started(shop)) == (3, before)
        assert get(shop, "pdb", "shop-v1")["spec"]["maxUnavailable"] == 1
        # The version rolls, with as many pods as the autoscaler says.
        shop.config(versions={**versions(autoscaling={"min": 4, "max": 5}, env={"A": "b"}), "v2": new})
        shop.up("--skip-preview")
        wait(lambda: replicas(shop) == 4, "the autoscaler has not raised the number to its min")
        wait(lambda: able_to_scale(shop), "the autoscaler says that it can scale")
        wait(lambda: settled(shop, 4), "the pods of the autoscaler's number are not ready")
        serving = started(shop)
        shop.config(versions={**versions(env={"A": "b"}), "v2": new})
        shop.up("--skip-preview")
        assert (replicas(shop), started(shop)) == (4, serving)
        assert [one["metadata"]["name"] for one in get(shop, "hpa")["items"]] == ["shop-v2"]
    assert [answer.text for answer in answers if not answer.ok] == []


def test_a_metric_that_kubernetes_does_not_know_is_refused_before_anything_is_written(shop: Program) -> None:
    wrong = {"min": 2, "max": 3, "metrics": [{"type": "Moods"}]}
    before = json.dumps(get(shop, "deployment", "shop-v1")["spec"])
    shop.config(versions=versions(autoscaling=wrong, env={"A": "c"}), weights={"v1": 100})
    said = failing_up(shop)
    refused = (
        "versions.v1.autoscaling: HorizontalPodAutoscaler default/shop-v1 would be refused: Unsupported value"
    )
    assert said.count(refused) == 1
    assert "explain horizontalpodautoscaler.spec.metrics.type" in said
    assert json.dumps(get(shop, "deployment", "shop-v1")["spec"]) == before


def test_a_version_gets_more_only_with_room_for_it(shop: Program) -> None:
    # Of v2 an autoscaler may still have the number.
    both = {**versions(replicas=3), "v3": {"image": "janakiramm/myapp:v3", "replicas": 1}}
    shop.config(versions=both, weights={"v1": 100})
    shop.up("--skip-preview")
    wait(lambda: ready(shop) == [3, 1], "not all pods are ready")
    shop.config(weights={"v1": 0, "v3": 100})
    few = "v3 is to get 100 % of the traffic with 1 ready pod, and needs"
    with load(str(shop.outputs()["url"]), {"Host": HOST}) as answers:
        previewed = shop.preview()
        said = previewed.stdout + previewed.stderr
        assert f"{few} 2: 3 serve all of it now; without convergence.room no up waits for them" in said
        shop.config(convergence={**QUICK, "room": 100})
        said = failing_up(shop)
        assert f"{few} 3: 3 serve all of it now. To mend it: raise its replicas" in said
        assert "Traffic has not moved" in said
        both["v3"]["replicas"] = 3
        shop.config(versions=both, convergence={**PATIENT, "room": 100})
        shop.up("--skip-preview")
    assert [answer.text for answer in answers if not answer.ok] == []
    assert {answer.version for answer in answers} == {"v1", "v3"}
