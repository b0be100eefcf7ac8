"""Each link of a request's way, broken for real: `up` says which one it is, whose doing, and what to type."""

import json
import re
import shlex
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.labs import Lab, Program
from harness.pace import pace
from proof.run import under_load
from tests.lab.observe import (
    PATIENT,
    QUICK,
    VERSIONS,
    failing_up,
    failing_up_that_says,
    followed,
    get,
    routed,
    scale,
    staying_pods,
)
from tests.lab.others import theirs
from tests.lab.packets import dropped


@pytest.fixture(autouse=True)
def half_and_half(base: Program) -> None:
    # Without another change, so that no pod starts.
    base.config(convergence=QUICK)


@contextmanager
def foreign_rule(program: Program, name: str, **spec: object) -> Generator[None]:
    """A DestinationRule of somebody else's, which every gateway has followed."""
    with ExitStack() as there:
        with followed(program):
            there.enter_context(program.applied(theirs("DestinationRule", name, spec)))
        yield


def statuses(program: Program, count: int = 50) -> set[int]:
    with httpx.Client() as client:
        return {client.get(str(program.outputs()["url"])).status_code for _ in range(count)}


def patch(program: Program, kind: str, name: str, spec: dict[str, Any], by: str = "mallory") -> None:
    change = json.dumps({"spec": spec})
    program.kubectl("patch", kind, name, "--type=merge", "-p", change, f"--field-manager={by}")


def test_a_percent_sign_in_a_response_header_means_itself(program: Program) -> None:
    program.config(routing={"responseHeaders": {"x-note": "50%20off%20today, 100 %"}})
    program.up("--skip-preview")
    assert httpx.get(str(program.outputs()["url"])).headers["x-note"] == "50%20off%20today, 100 %"


def test_an_update_that_the_envoy_rejects_is_quoted_at_once_with_whose_it_is(program: Program) -> None:
    rule = {
        "headers": {"response": {"set": {"x-note": "50%20off%20today"}}},
        "route": [{"destination": {"host": "myapp"}}],
    }
    spec = {"hosts": ["other.example"], "gateways": ["app-gateway"], "http": [rule]}
    program.config(weights={"v1": 10, "v2": 90}, convergence=PATIENT)
    with program.applied(theirs("VirtualService", "theirs", spec)):
        started = time.monotonic()
        said = failing_up(program)
        assert time.monotonic() - started < PATIENT["timeoutSeconds"]
        assert "rejected the last RouteConfiguration: Incorrect configuration: 50%20off" in said
        assert "VirtualService default/theirs, written by kubectl-client-side-apply at " in said
        assert re.search(r"kubectl --context \S+ -n default edit virtualservice theirs", said)
    # Mended by them, it is seen at once.
    program.up("--skip-preview")


@pytest.mark.parametrize(
    ("rule", "deed"),
    [
        ({"fault": {"abort": {"percentage": {"value": 50}, "httpStatus": 500}}}, "fault"),
        ({"directResponse": {"status": 503}}, "directResponse"),
    ],
)
def test_what_the_route_does_beside_fails_the_proof_and_names_the_writer(
    program: Program, rule: dict[str, Any], deed: str
) -> None:
    (found,) = get(program, "virtualservice", "myapp")["spec"]["http"]
    if deed == "directResponse":
        del found["route"]
    with followed(program):
        patch(program, "virtualservice", "myapp", {"http": [found | rule]})
    if "route" in found:
        said = failing_up(program)
        assert f"VirtualService default/myapp has a {deed} (written by mallory at " in said
        (cure,) = set(re.findall(r"To mend it: (kubectl .*)", said))
        program.run(*shlex.split(cure))
    # Without a route, Pulumi's refresh sees that, and the next `up` writes it again.
    program.up("--skip-preview")
    assert statuses(program) == {200}


def test_a_second_port_of_the_service_breaks_nothing(program: Program) -> None:
    program.config(app={"name": "myapp", "namespace": "default", "port": 8080})
    program.up("--skip-preview")
    ports = get(program, "service", "myapp")["spec"]["ports"]
    try:
        patch(program, "service", "myapp", {"ports": [*ports, {"name": "metrics", "port": 9090}]})
        program.config(weights={"v1": 40, "v2": 60})
        done = program.up("--skip-preview")
        assert statuses(program) == {200}
        # What mallory added is mallory's: an apply of the stack's fields does not take it away.
        said = done.stdout + done.stderr
        assert "Service default/myapp has the port 9090, which the stack does not write" in said
        assert "(written by mallory at " in said
        (cure,) = set(re.findall(r"To mend it: (kubectl .*)", said))
        program.run(*shlex.split(cure))
        program.up("--skip-preview", "--expect-no-changes")
    finally:
        program.config(app={"name": "myapp", "namespace": "default", "port": 80})
        own = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
        patch(program, "service", "myapp", {"ports": [own]})
        program.up("--skip-preview", "--refresh")


def test_a_foreign_rule_that_takes_the_subsets_away_is_named(program: Program) -> None:
    host = "myapp.default.svc.cluster.local"
    # No version gets more, so nothing is asked before the move.
    with foreign_rule(program, "a-first", host=host, exportTo=["istio-system"]):
        for _ in range(2):
            said = failing_up(program)
            assert "DestinationRule default/a-first is for the same host" in said, said
            assert re.search(r"kubectl --context \S+ -n default delete destinationrule a-first", said)
    program.up("--skip-preview")
    assert statuses(program) == {200}


def test_an_older_rule_with_a_subset_of_a_versions_name_stops_the_move(program: Program) -> None:
    subset = {"name": "v3", "labels": {"app": "myapp"}}
    with foreign_rule(program, "theirs", host="myapp", subsets=[subset]):
        versions = {**VERSIONS, "v3": {"image": "janakiramm/myapp:v3"}}
        program.config(versions=versions, weights={"v1": 50, "v2": 40, "v3": 10}, convergence=PATIENT)
        started = time.monotonic()
        said = failing_up(program)
        assert time.monotonic() - started < PATIENT["timeoutSeconds"]
    assert re.search(
        r"Traffic has not moved: .*v3 could not take it: DestinationRule default/theirs has", said
    )
    assert re.search(r"kubectl --context \S+ -n default delete destinationrule theirs", said)
    assert routed(program) == [({"v1": 50, "v2": 50},)]
    # Mended by them, it moves.
    program.up("--skip-preview")


def test_a_pod_with_a_versions_labels_is_no_proof_and_what_is_printed_mends_it(program: Program) -> None:
    labels = {"app": "myapp", "version": "v2", "team": "others"}
    container = {
        "name": "myapp",
        "image": "janakiramm/myapp:v1",
        "ports": [{"name": "http", "containerPort": 80}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "theirs", "namespace": "default", "labels": labels},
        "spec": {"containers": [container]},
    }
    with program.applied(pod):
        program.kubectl("wait", "--for=condition=Ready", "pod/theirs")
        said = failing_up_that_says(program, "sends requests of v2 to pod default/theirs, with its labels")
        program.config(weights={"v1": 40, "v2": 60})
        assert "Traffic has not moved: version v2 could not take it" in failing_up(program)
        cure = re.search(r"kubectl (--context \S+ -n default label pod theirs version-)", said)
        assert cure is not None, said
        program.run("kubectl", *cure[1].split())
        program.up("--skip-preview")


def test_a_younger_rule_as_people_write_it_takes_nothing_away(program: Program) -> None:
    policy = {"connectionPool": {"http": {"http2MaxRequests": 1000}}}
    with foreign_rule(program, "theirs", host="myapp", trafficPolicy=policy):
        program.config(weights={"v1": 40, "v2": 60})
        program.up("--skip-preview")
        assert statuses(program) == {200}


def test_rules_follow_one_that_says_every_namespace_and_come_back_without_a_dropped_request(
    program: Program, tmp_path: Path
) -> None:
    def exports() -> list[object]:
        found = get(program, "destinationrules", "-l", "app=myapp")["items"]
        return [one["spec"].get("exportTo") for one in found]

    def up(program: Program) -> None:
        program.up("--skip-preview")

    with foreign_rule(program, "a-theirs", host="myapp", exportTo=["*"]):
        # It took the versions' clusters away when it came; the next `up` writes what merges with it.
        program.up("--skip-preview")
        assert exports() == [["*"], ["*"]]
        assert statuses(program) == {200}
    result = under_load(program, "exports", (up,), rate=100, folder=tmp_path)
    assert result.error is None
    assert result.failed == ()
    assert exports() == [None, None]
    program.up("--skip-preview", "--expect-no-changes")


def test_endpoints_that_are_gone_are_seen_though_nothing_changes(program: Program) -> None:
    scale(program, "v1", 0)
    try:
        for _ in range(2):
            assert "deployment default/myapp-v1 is scaled to 0" in failing_up(program)
    finally:
        scale(program, "v1", 1)
    program.up("--skip-preview")


def test_endpoints_of_a_gateway_without_news_from_istiod_are_no_proof(program: Program, lab: Lab) -> None:
    """It routes as before, to pods that are gone."""
    (pod,) = get(program, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    with dropped(lab, "-p", "tcp", "--sport", "15012", "-d", pod["status"]["podIP"]):
        program.kubectl("rollout", "restart", "deploy/myapp-v1")
        program.kubectl("rollout", "status", "deploy/myapp-v1")
        assert "knows none of the ready pods of v1: it has no news from istiod" in failing_up(program)
    # A connection that was silent for so long comes back after a while.
    program.config(convergence={"timeoutSeconds": round(60 * pace()), "drainSeconds": 5})
    program.up("--skip-preview")
    assert statuses(program) == {200}


def test_a_preview_says_what_a_move_takes_away_from_others(program: Program) -> None:
    (found,) = get(program, "virtualservice", "myapp")["spec"]["http"]
    cors = {"corsPolicy": {"allowOrigins": [{"exact": "https://shop.example"}]}}
    with followed(program):
        patch(program, "virtualservice", "myapp", {"http": [found | cors]})
    program.config(weights={"v1": 40, "v2": 60})
    done = program.preview()
    said = done.stdout + done.stderr
    assert "a change takes away: VirtualService default/myapp has corsPolicy: " in said
    assert "written by mallory at " in said
    program.up("--skip-preview")
    assert "corsPolicy" not in get(program, "virtualservice", "myapp")["spec"]["http"][0]


def test_a_version_with_a_small_share_that_no_gateway_reaches_is_found(program: Program, lab: Lab) -> None:
    # New pods, to which no gateway had a connection yet.
    new = {**VERSIONS, "v2": {**VERSIONS["v2"], "env": {"MODE": "new"}}}
    program.config(versions=new, weights={"v1": 100}, convergence=PATIENT)
    program.up("--skip-preview")
    (gateway,) = get(program, "pods", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    (pod,) = staying_pods(program, "app=myapp,version=v2")
    way = ("-s", gateway["status"]["podIP"], "-d", pod["status"]["podIP"], "-p", "tcp", "--dport", "80")
    program.config(weights={"v1": 90, "v2": 10})
    with dropped(lab, *way):
        said = failing_up(program)
    assert "The gateway gets no connection to" in said
    program.up("--skip-preview")
