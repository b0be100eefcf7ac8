"""`pulumi up` tells the truth: what it says of the gateways is what they do."""

import json
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from harness.labs import Lab, Program
from tests.lab.observe import (
    PATIENT,
    VERSIONS,
    failing_up,
    get,
    routed,
    updated,
    wait,
    wait_for_pods,
)
from tests.lab.shop import ROUTING, second_stack

pytestmark = pytest.mark.usefixtures("quick")
# What a stack makes for an app.
KINDS = "deploy,service,pdb,virtualservice,destinationrule,gateways.networking.istio.io,envoyfilter"


@contextmanager
def scaled(program: Program, deployment: str, replicas: int) -> Generator[None]:
    """A Deployment of the mesh with another number of pods, all of them gone or ready."""

    def to(number: int) -> None:
        program.kubectl("-n", "istio-system", "scale", f"deploy/{deployment}", f"--replicas={number}")
        wait_for_pods(program, deployment, number)

    to(replicas)
    try:
        yield
    finally:
        to(1)


def test_a_proof_is_in_the_outputs(program: Program) -> None:
    proofs = cast("Mapping[str, Any]", program.outputs()["lastProof"])
    ((pod, proof),) = proofs.items()
    assert pod.startswith("istio-system/istio-ingressgateway-")
    assert proof["weights"] == {"v1": 50, "v2": 50}
    again = program.up("--skip-preview", "--expect-no-changes")
    assert "sha256:" not in again.stdout


def test_a_move_is_one_write_and_every_gateway_follows(program: Program) -> None:
    program.config(weights={"v2": 100})
    assert updated(program) == {"myapp-ready", "myapp-virtualservice", "myapp-converged"}
    program.up("--skip-preview")
    assert routed(program) == [({"v2": 100},)]
    program.up("--skip-preview", "--expect-no-changes")


def test_a_bad_image_of_a_version_with_traffic_fails_and_the_old_pods_serve_on(
    program: Program,
) -> None:
    program.config(versions={**VERSIONS, "v1": {"image": "janakiramm/myapp:missing"}})
    assert "deployment default/myapp-v1: 0 of 1 new pods are ready" in failing_up(program)
    assert get(program, "deploy", "myapp-v1")["status"]["availableReplicas"] == 1
    program.config(versions=VERSIONS)
    program.up("--skip-preview")


def serving(program: Program, version: str) -> list[str]:
    """The pods that are not on their way out; those of a Deployment that is deleted are for a while."""
    pods = [one["metadata"] for one in get(program, "pods", "-l", f"version={version}")["items"]]
    return [one["name"] for one in pods if "deletionTimestamp" not in one]


def test_versions_come_and_go_in_one_run(program: Program) -> None:
    program.config(versions={"v2": VERSIONS["v2"], "v3": VERSIONS["v1"]}, weights={"v2": 90, "v3": 10})
    program.up("--skip-preview")
    assert routed(program) == [({"v2": 90, "v3": 10},)]
    assert get(program, "deploy,destinationrule", "-l", "version=v1")["items"] == []
    wait(lambda: not serving(program, "v1"), "the pods of v1 are gone or on their way")
    # All traffic to the only version, made in the same `up`.
    program.config(versions={"v9": VERSIONS["v2"]}, weights={"v9": 100})
    program.up("--skip-preview")
    assert routed(program) == [({"v9": 100},)]


def test_without_istiod_nothing_moves_and_a_stack_can_go(program: Program, lab: Lab) -> None:
    with second_stack(program, lab, "away") as shop:
        routing = ROUTING | {"stickyVersion": {"cookie": "session"}}
        shop.config(versions=VERSIONS, weights={"v1": 50, "v2": 50}, routing=routing)
        shop.up("--skip-preview")
        program.config(weights={"v1": 100})
        with scaled(program, "istiod", 0):
            failing_up(program)
            assert routed(program) == [({"v1": 50, "v2": 50},)]
            shop.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
            assert get(shop, KINDS, "-A", "-l", "app=shop")["items"] == []
    program.config(weights={"v1": 50, "v2": 50})
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 50},)]


def test_without_a_gateway_up_fails_even_with_nothing_to_change(program: Program) -> None:
    with scaled(program, "istio-ingressgateway", 0):
        assert "No gateway runs: no pod in any namespace matches istio=ingressgateway" in failing_up(program)
    program.up("--skip-preview")


def agent_of(pod: str) -> psutil.Process:
    """The agent by which the Envoy of a gateway pod hears istiod."""
    for process in psutil.process_iter(["name"]):
        # Others, of another lab too, come and go.
        with suppress(psutil.Error):
            if process.info["name"] == "pilot-agent" and process.environ().get("POD_NAME") == pod:
                return process
    raise AssertionError(pod)


def test_a_gateway_that_does_not_hear_istiod_is_named(program: Program) -> None:
    with scaled(program, "istio-ingressgateway", 2):
        names = [
            item["metadata"]["name"]
            for item in get(program, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
        ]
        deaf = names[0]
        agent = agent_of(deaf)
        agent.send_signal(signal.SIGSTOP)
        try:
            program.config(weights={"v1": 10, "v2": 90})
            said = failing_up(program)
            assert f"gateway istio-system/{deaf} still routes by v1 50 %, v2 50 %" in said
            assert f"gateway istio-system/{names[1]}" not in said
            # It is no less true when there is nothing left to change.
            failing_up(program)
            # And true again at once when the config goes back to what the deaf one routes by.
            program.config(weights={"v1": 50, "v2": 50})
            program.up("--skip-preview")
        finally:
            agent.send_signal(signal.SIGCONT)
        # It may take a while to find istiod again.
        program.config(weights={"v1": 10, "v2": 90}, convergence=PATIENT)
        program.up("--skip-preview")
        assert routed(program) == [({"v1": 10, "v2": 90},)] * 2


MOVED = json.dumps({"spec": {"http": [{"route": [{"destination": {"host": "myapp", "subset": "v2"}}]}]}})
PATCH = (
    ["patch", "virtualservice", "myapp", "--type=merge", "-p", MOVED],
    {"myapp-virtualservice", "myapp-converged"},
)


@pytest.mark.parametrize(
    ("server_side", "command", "shown"),
    [
        ("true", *PATCH),
        ("true", ["delete", "destinationrule", "myapp-v1"], {"myapp-v1-rule"}),
        ("true", ["set", "image", "deploy/myapp-v1", "myapp=janakiramm/myapp:v2"], {"myapp-v1-deployment"}),
        ("false", *PATCH),
    ],
)
def test_drift_is_shown_and_put_right(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server_side: str,
    command: list[str],
    shown: set[str],
) -> None:
    monkeypatch.setitem(  # pyright: ignore[reportUnknownMemberType]
        program.environment,  # pyright: ignore[reportArgumentType]
        "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
        server_side,
    )
    # An `up` without server-side apply makes the objects another field manager's in the state.
    state = tmp_path / "state.json"
    state.write_text(program.run("pulumi", "stack", "export").stdout)
    program.kubectl(*command)
    assert updated(program) >= shown - {"myapp-converged"}
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    program.up("--skip-preview", "--expect-no-changes")
    program.run("pulumi", "stack", "import", "--file", str(state))


@pytest.mark.timeout(600)
def test_fifty_versions(program: Program) -> None:
    versions = {f"r{number}": {"image": "janakiramm/myapp:v1"} for number in range(50)}
    program.config(versions=versions, weights=dict.fromkeys(versions, 2), convergence=PATIENT)
    program.up("--skip-preview")
    assert routed(program) == [(dict.fromkeys(versions, 2),)]


def test_the_app_alone_is_destroyed_and_the_mesh_stays(program: Program) -> None:
    kept = ("**blue-green:index:Istio**", "**blue-green:index:Minikube**", "**pulumi:providers:**")
    excludes = [part for pattern in kept for part in ("--exclude", pattern)]
    program.run("pulumi", "destroy", "--yes", "--non-interactive", *excludes)
    kinds = "deploy,svc,virtualservice,destinationrule,gateways.networking.istio.io"
    assert get(program, kinds, "-A", "-l", "app=myapp")["items"] == []
    assert get(program, "-n", "istio-system", "deploy", "istiod")["status"]["readyReplicas"] == 1
    program.up("--skip-preview")
    assert routed(program) == [({"v1": 50, "v2": 50},)]
