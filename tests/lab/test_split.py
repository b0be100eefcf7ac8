"""`pulumi up` tells the truth: what it says of the gateways is what they do."""

import json
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from harness.labs import Program
from tests.lab.observe import (
    PATIENT,
    QUICK,
    VERSIONS,
    failing_up,
    get,
    routed,
    staying_pods,
    updated,
    wait,
    wait_for_pods,
)
from tests.lab.shop import ROUTING, TARGET

# What a stack makes for an app.
KINDS = "deploy,service,pdb,virtualservice,destinationrule,gateways.networking.istio.io,envoyfilter"


@contextmanager
def scaled(shop: Program, deployment: str, replicas: int) -> Generator[None]:
    """A Deployment of the mesh with another number of pods, all of them gone or ready."""

    def to(number: int) -> None:
        shop.kubectl("-n", "istio-system", "scale", f"deploy/{deployment}", f"--replicas={number}")
        wait_for_pods(shop, deployment, number)

    to(replicas)
    try:
        yield
    finally:
        to(1)


def test_a_proof_is_in_the_outputs(shop: Program) -> None:
    proofs = cast("Mapping[str, Any]", shop.outputs()["lastProof"])
    ((pod, proof),) = proofs.items()
    assert pod.startswith("istio-system/istio-ingressgateway-")
    assert proof["weights"] == {"v1": 50, "v2": 50}
    again = shop.up("--skip-preview", "--expect-no-changes")
    assert "sha256:" not in again.stdout


def test_a_move_is_one_write_and_every_gateway_follows(shop: Program) -> None:
    shop.config(weights={"v2": 100})
    assert updated(shop) == {"shop-ready", "shop-virtualservice", "shop-converged"}
    shop.up("--skip-preview")
    assert routed(shop, TARGET) == [({"v2": 100},)]
    shop.up("--skip-preview", "--expect-no-changes")


def test_a_bad_image_of_a_version_with_traffic_fails_and_the_old_pods_serve_on(
    shop: Program,
) -> None:
    shop.config(versions={**VERSIONS, "v1": {"image": "janakiramm/myapp:missing"}})
    assert "deployment default/shop-v1: 0 of 1 new pods are ready" in failing_up(shop)
    assert get(shop, "deploy", "shop-v1")["status"]["availableReplicas"] == 1
    shop.config(versions=VERSIONS)
    shop.up("--skip-preview")


def serving(shop: Program, version: str) -> list[str]:
    """The pods that are not on their way out; those of a Deployment that is deleted are for a while."""
    pods = [one["metadata"] for one in get(shop, "pods", "-l", f"app=shop,version={version}")["items"]]
    return [one["name"] for one in pods if "deletionTimestamp" not in one]


def test_versions_come_and_go_in_one_run(shop: Program) -> None:
    versions = {"v2": VERSIONS["v2"], "v3": VERSIONS["v1"]}
    shop.config(versions=versions, weights={"v2": 90, "v3": 10}, convergence=PATIENT)
    shop.up("--skip-preview")
    assert routed(shop, TARGET) == [({"v2": 90, "v3": 10},)]
    assert get(shop, "deploy,destinationrule", "-l", "app=shop,version=v1")["items"] == []
    wait(lambda: not serving(shop, "v1"), "the pods of v1 are gone or on their way")
    # All traffic to the only version, made in the same `up`.
    shop.config(versions={"v9": VERSIONS["v2"]}, weights={"v9": 100})
    shop.up("--skip-preview")
    assert routed(shop, TARGET) == [({"v9": 100},)]


def test_without_istiod_nothing_moves_and_a_stack_can_go(base: Program, shop: Program) -> None:
    shop.config(routing=ROUTING | {"stickyVersion": {"cookie": "session"}})
    shop.up("--skip-preview")
    base.config(weights={"v1": 100}, convergence=QUICK)
    with scaled(shop, "istiod", 0):
        failing_up(base)
        assert routed(base) == [({"v1": 50, "v2": 50},)]
        shop.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
        assert get(shop, KINDS, "-A", "-l", "app=shop")["items"] == []
    base.config(weights={"v1": 50, "v2": 50})
    base.up("--skip-preview")
    assert routed(base) == [({"v1": 50, "v2": 50},)]


def test_without_a_gateway_up_fails_even_with_nothing_to_change(shop: Program) -> None:
    with scaled(shop, "istio-ingressgateway", 0):
        assert "No gateway runs: no pod in any namespace matches istio=ingressgateway" in failing_up(shop)
    shop.up("--skip-preview")


def agent_of(pod: str) -> psutil.Process:
    """The agent by which the Envoy of a gateway pod hears istiod."""
    for process in psutil.process_iter(["name"]):
        # Others, of another lab too, come and go.
        with suppress(psutil.Error):
            if process.info["name"] == "pilot-agent" and process.environ().get("POD_NAME") == pod:
                return process
    raise AssertionError(pod)


def test_a_gateway_that_does_not_hear_istiod_is_named(shop: Program) -> None:
    with scaled(shop, "istio-ingressgateway", 2):
        names = [
            item["metadata"]["name"]
            for item in get(shop, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
        ]
        deaf = names[0]
        agent = agent_of(deaf)
        agent.send_signal(signal.SIGSTOP)
        try:
            shop.config(weights={"v1": 10, "v2": 90})
            said = failing_up(shop)
            assert f"gateway istio-system/{deaf} still routes by v1 50 %, v2 50 %" in said
            assert f"gateway istio-system/{names[1]}" not in said
            # It is no less true when there is nothing left to change.
            failing_up(shop)
            # And true again at once when the config goes back to what the deaf one routes by.
            shop.config(weights={"v1": 50, "v2": 50})
            shop.up("--skip-preview")
        finally:
            agent.send_signal(signal.SIGCONT)
        # It may take a while to find istiod again.
        shop.config(weights={"v1": 10, "v2": 90}, convergence=PATIENT)
        shop.up("--skip-preview")
        assert routed(shop, TARGET) == [({"v1": 10, "v2": 90},)] * 2


MOVED = json.dumps({"spec": {"http": [{"route": [{"destination": {"host": "shop", "subset": "v2"}}]}]}})
PATCH = (
    ["patch", "virtualservice", "shop", "--type=merge", "-p", MOVED],
    {"shop-virtualservice", "shop-converged"},
)


@pytest.mark.parametrize(
    ("server_side", "command", "shown"),
    [
        ("true", *PATCH),
        ("true", ["delete", "destinationrule", "shop-v1"], {"shop-v1-rule"}),
        ("true", ["set", "image", "deploy/shop-v1", "shop=janakiramm/myapp:v2"], {"shop-v1-deployment"}),
        ("false", *PATCH),
    ],
)
def test_drift_is_shown_and_put_right(
    shop: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server_side: str,
    command: list[str],
    shown: set[str],
) -> None:
    monkeypatch.setitem(  # pyright: ignore[reportUnknownMemberType]
        shop.environment,  # pyright: ignore[reportArgumentType]
        "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
        server_side,
    )
    # An `up` without server-side apply makes the objects another field manager's in the state.
    state = tmp_path / "state.json"
    state.write_text(shop.run("pulumi", "stack", "export").stdout)
    shop.kubectl(*command)
    assert updated(shop) >= shown - {"shop-converged"}
    shop.up("--skip-preview")
    assert routed(shop, TARGET) == [({"v1": 50, "v2": 50},)]
    shop.up("--skip-preview", "--expect-no-changes")
    shop.run("pulumi", "stack", "import", "--file", str(state))


@pytest.mark.parametrize("besides", [{}, {"weights": {"v1": 40, "v2": 60}}], ids=["alone", "with a move"])
def test_an_image_is_put_back_when_no_pod_serves_the_other(shop: Program, besides: Mapping[str, Any]) -> None:
    # A roll-out takes longer than an `up`.
    slow = {**VERSIONS, "v1": {**VERSIONS["v1"], "minReadySeconds": 10}}
    shop.config(versions=slow, convergence=PATIENT)
    shop.up("--skip-preview")
    shop.kubectl("set", "image", "deploy/shop-v1", "shop=janakiramm/myapp:v2")
    shop.kubectl("rollout", "status", "deploy/shop-v1")
    shop.config(**besides)
    shop.up("--skip-preview")
    serving = staying_pods(shop, "app=shop,version=v1")
    assert {pod["spec"]["containers"][0]["image"] for pod in serving} == {VERSIONS["v1"]["image"]}
    shop.up("--skip-preview", "--expect-no-changes")


@pytest.mark.timeout(600)
def test_fifty_versions(shop: Program) -> None:
    versions = {f"r{number}": {"image": "janakiramm/myapp:v1"} for number in range(50)}
    shop.config(versions=versions, weights=dict.fromkeys(versions, 2), convergence=PATIENT)
    shop.up("--skip-preview")
    assert routed(shop, TARGET) == [(dict.fromkeys(versions, 2),)]


def test_the_app_alone_is_destroyed_and_the_mesh_stays(base: Program) -> None:
    kept = ("**blue-green:index:Istio**", "**blue-green:index:Minikube**", "**pulumi:providers:**")
    excludes = [part for pattern in kept for part in ("--exclude", pattern)]
    base.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", *excludes)
    kinds = "deploy,svc,virtualservice,destinationrule,gateways.networking.istio.io"
    assert get(base, kinds, "-A", "-l", "app=myapp")["items"] == []
    assert get(base, "-n", "istio-system", "deploy", "istiod")["status"]["readyReplicas"] == 1
    base.up("--skip-preview")
    assert routed(base) == [({"v1": 50, "v2": 50},)]
