"""A version with traffic: its rule leads to the same pods and by the same Service, or is not written."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components import rule_change
from components.manifests import routes
from components.rule_change import RuleKeptError, stay
from components.settings.model import App, Routing, Version
from tests.unit.fake_cluster import fake_cluster
from tests.unit.fake_engine import known_hooks

CART = Version(deployment="cart")
BLUE, RED = {"part": "blue"}, {"part": "red"}
FRONT = App("shop", service="front")
WEIGHTS = {"v1": 90, "v2": 10, "v3": 0}
RULES = "/apis/networking.istio.io/v1/namespaces/default/destinationrules"
ROUTES = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/shop"


def rule(labels: Mapping[str, str], version: str = "v1", app: App = FRONT) -> dict[str, Any]:
    return routes.destination_rule(app, version, CART, Routing(), labels)


def pod(address: str, ready: str = "True", **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}]
    status = {"conditions": conditions, "podIPs": [{"ip": address}]}
    return {"metadata": {"labels": {"group": "cart"} | labels}, "status": status}


BOTH = (pod("10.0.0.1", part="blue", track="a"), pod("10.0.0.2", part="red"))


def written(rule: dict[str, Any], by: str) -> dict[str, Any]:
    """The rule as the API server has it."""
    fields: dict[str, Any] = {"f:spec": {"f:host": {}, "f:subsets": {}}}
    entry: dict[str, Any] = {
        "manager": by,
        "operation": "Apply",
        "time": "2026-11-27T00:00:00Z",
        "fieldsV1": fields,
    }
    return rule | {"metadata": rule["metadata"] | {"managedFields": [entry]}}


def change(
    old: dict[str, Any],
    new: dict[str, Any],
    *pods: dict[str, Any],
    routed: App | None = FRONT,
    by: str = "pulumi-kubernetes",
) -> None:
    objects: dict[str, Any] = {
        "/api/v1/namespaces/default/services/front": {"spec": {"selector": {"group": "cart"}}},
        "/api/v1/namespaces/default/pods": {"items": pods},
        f"{RULES}/{new['metadata']['name']}": written(old, by),
    }
    if routed is not None:
        objects[ROUTES] = routes.virtual_service(routed, WEIGHTS, Routing())
    with fake_cluster(objects=objects) as cluster:
        stay(cluster.kubeconfig, "shop", old, new)


@pytest.mark.parametrize(
    ("labels", "pods"),
    [
        (RED, BOTH),
        # Nobody is there for its traffic, or fewer, or more than before.
        (RED, BOTH[:1]),
        ({"part": "blue", "track": "b"}, (BOTH[0], pod("10.0.0.3", part="blue", track="b"))),
        ({"group": "cart"}, BOTH),
    ],
)
def test_a_rule_is_not_led_to_other_pods_under_traffic(
    labels: dict[str, str], pods: tuple[dict[str, Any], ...]
) -> None:
    sentence = "v1 has 90 % of the traffic, and its rule would lead it from the pods with part=blue to those"
    with pytest.raises(RuleKeptError, match=sentence) as raised:
        change(rule(BLUE), rule(labels), *pods)
    assert "Set versions.v1 back, and add those pods as a version of another name" in str(raised.value)


@pytest.mark.parametrize(
    ("version", "labels", "pods", "routed"),
    [
        # What an overlap asks for: another label of the same pods.
        ("v1", {"track": "a"}, BOTH, FRONT),
        # Another app's pods with that label are not behind the Service.
        ("v1", {"track": "a"}, (*BOTH, pod("10.0.0.9", group="web", track="a")), FRONT),
        # Its own have ended, or are not ready: it can only become better.
        ("v1", RED, BOTH[1:], FRONT),
        ("v1", RED, (pod("10.0.0.1", "False", part="blue"), BOTH[1]), FRONT),
        # No traffic comes by it.
        ("v3", RED, BOTH, FRONT),
        ("v4", RED, BOTH, FRONT),
        ("v1", RED, BOTH, None),
    ],
)
def test_a_rule_is_written_where_no_request_goes_elsewhere(
    version: str, labels: dict[str, str], pods: tuple[dict[str, Any], ...], routed: App | None
) -> None:
    change(rule(BLUE, version), rule(labels, version), *pods, routed=routed)


@pytest.mark.parametrize("subsets", [[{"name": "v1", "labels": RED}], [{"name": "v1"}], []])
def test_a_rule_that_somebody_changed_by_hand_is_put_back(subsets: list[dict[str, Any]]) -> None:
    """As a refresh has it in the state: without that the command that `verify` names would be refused."""
    ours = rule(BLUE)
    theirs = ours | {"spec": ours["spec"] | {"subsets": subsets}}
    change(theirs, ours, *BOTH, by="kubectl-edit")


def test_the_service_stays_under_traffic_and_is_put_back_where_the_routes_still_lead() -> None:
    mine = App("shop")
    sentence = "v1 has 90 % of the traffic, by the Service front, and its rule would lead to shop before the"
    with pytest.raises(RuleKeptError, match=sentence) as raised:
        change(rule(BLUE), rule(BLUE, app=mine), *BOTH)
    assert "set app.service back, or give the new one a stack and hosts of its own" in str(raised.value)
    change(rule(BLUE, "v3"), rule(BLUE, "v3", app=mine), *BOTH)
    # After an `up` of an earlier release, which wrote the rules and failed before the routes.
    change(rule(BLUE), rule(BLUE, app=mine), *BOTH, routed=mine)


def test_only_a_rule_that_leads_elsewhere_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    kept = known_hooks(monkeypatch)

    def looked(*args: object) -> None:
        asked.append(args)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monkeypatch.setattr(rule_change, "stay", looked)
    rule_change.rule_change("shop", "kubeconfig", "shop")
    (hook,) = kept
    assert hook.opts is not None
    assert hook.opts.on_dry_run

    def update(new: dict[str, Any], *, secret: bool = False) -> None:
        old = rule(BLUE)
        if secret:
            old, new = (one | {"spec": pulumi.Output.secret(one["spec"])} for one in (old, new))
        args = pulumi.ResourceHookArgs("", "", "shop-v1-rule", "", old_inputs=old, new_inputs=new)
        written: Any = hook.callback(args)
        loop.run_until_complete(written)

    update({**rule(BLUE), "metadata": {"name": "shop-v1", "namespace": "default", "labels": {"a": "b"}}})
    # As a preview has it before the workload is known.
    update({**rule(BLUE), "spec": pulumi.output.UNKNOWN})
    for secret in (False, True):
        update({**rule(BLUE), "spec": {"host": pulumi.output.UNKNOWN}}, secret=secret)
        update(rule(BLUE), secret=secret)
    assert asked == []
    for secret in (False, True):
        update(rule(RED), secret=secret)
    assert asked == [("kubeconfig", "shop", rule(BLUE), rule(RED))] * 2
    loop.close()
