"""What `verify` and `watch` say of a stack that a person would call broken: cause first, and what to type."""

import json
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx
import yaml

from components.kubernetes.errors import NotConvergedError
from harness.labs import Program
from tests.lab.observe import QUICK, VERSIONS, failing_up, followed, routed, scale, wait
from tests.lab.others import theirs

DRIFTED, NOT_APPLIED, FAILING, NOT_ASKED = 3, 4, 5, 6
COMMANDS = (
    ("verify",),
    ("watch", "--once"),
    ("watch", "--plain"),
    ("watch", "--plain", "--count", "5"),
    ("watch", "-o", "json"),
    ("shift", "v2", "--steps", "100"),
    ("rollback",),
    ("rollback", "--list"),
    ("rollback", "--now"),
    ("rollback", "--now", "--list"),
)


def verify(program: Program) -> tuple[int, dict[str, Any]]:
    """The exit status and what it says for machines."""
    done = program.run("python", "-m", "rollout", "verify", "-o", "json", check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def watch(program: Program) -> dict[str, Any]:
    return json.loads(program.run("python", "-m", "rollout", "watch", "-o", "json", "--count", "60").stdout)


def mended(program: Program, difference: dict[str, str]) -> None:
    """Types the cure as printed, and finds the stack as its config says."""
    program.run(*shlex.split(difference["mend"]))
    awaited(program, lambda status, _: status == 0)


def awaited(program: Program, wanted: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
    """What `verify` says once it is what is wanted."""
    status, said = -1, dict[str, Any]()

    def holds() -> bool:
        nonlocal status, said
        status, said = verify(program)
        return wanted(status, said)

    try:
        wait(holds, "verify says what is wanted")
    except NotConvergedError as error:
        raise AssertionError(f"{status}: {said}") from error
    return said


def patch(program: Program, path: str, value: object, kind: str = "virtualservice/myapp") -> None:
    change = json.dumps([{"op": "add", "path": path, "value": value}])
    with followed(program) if kind.startswith("virtualservice") else nullcontext():
        program.kubectl("patch", kind, "--type=json", "-p", change)


def test_an_edit_that_was_not_applied_is_no_drift(base: Program) -> None:
    base.config(weights={"v1": 60, "v2": 40})
    status, said = verify(base)
    assert status == NOT_APPLIED
    (found,) = said["differences"]
    assert found["what"] == (
        "not applied: VirtualService default/myapp says v1 50 %, v2 50 % and not v1 60 %, v2 40 %"
    )
    assert watch(base)["verdict"] == "not applied"
    mended(base, found)


def test_an_edit_of_anything_is_not_applied(base: Program) -> None:
    base.config(convergence={"timeoutSeconds": 50})
    status, said = verify(base)
    assert status == NOT_APPLIED
    assert [one["what"] for one in said["differences"]] == [
        "not applied: blue-green:convergence in the config is not what the last `up` had"
    ]


def test_a_route_that_was_patched_is_named_with_its_writer(base: Program) -> None:
    destinations = [{"destination": {"host": "myapp", "subset": v}, "weight": 50} for v in ("v1", "v2")]
    destinations[0]["weight"], destinations[1]["weight"] = 90, 10
    patch(base, "/spec/http/0/route", destinations)
    status, said = verify(base)
    assert status == DRIFTED
    found = said["differences"][0]
    assert "says v1 90 %, v2 10 % and not v1 50 %, v2 50 %, written by kubectl-patch at" in found["what"]
    assert watch(base)["verdict"] == "drifted"
    mended(base, found)


def test_what_was_added_to_the_route_is_named_with_the_command_that_takes_it_out(base: Program) -> None:
    patch(base, "/spec/http/0/corsPolicy", {"allowOrigins": [{"exact": "https://a.example"}]})
    status, said = verify(base)
    assert status == DRIFTED
    (found,) = said["differences"]
    assert "corsPolicy is not of the config, written by kubectl-patch at" in found["what"]
    mended(base, found)


def test_fields_that_kubectl_wrote_are_differences(base: Program) -> None:
    container = "/spec/template/spec/containers/0"
    patch(base, f"{container}/env", [{"name": "MODE", "value": "x"}], "deployment/myapp-v1")
    patch(base, f"{container}/readinessProbe/periodSeconds", 7, "deployment/myapp-v1")
    base.kubectl("rollout", "status", "deployment/myapp-v1", "--timeout=60s")
    status, said = verify(base)
    assert status == DRIFTED
    # A variable that the config does not name is no field that our manifests set.
    (found,) = said["differences"]
    assert found["what"].startswith(
        "Deployment default/myapp-v1: spec.template.spec.containers[myapp].readinessProbe.periodSeconds is 7 "
        "and not 2, written by kubectl-patch at"
    )
    mended(base, found)


def test_a_budget_of_somebody_else_for_the_same_pods_is_a_warning(base: Program) -> None:
    base.kubectl("create", "poddisruptionbudget", "theirs", "--selector=app=myapp", "--max-unavailable=1")
    one_pod = ("--selector=kubernetes.io/os=linux", "--pod-selector=app=myapp,version=v1", "--timeout=20s")
    drained = base.kubectl("drain", *one_pod, "--dry-run=server", "--ignore-daemonsets", check=False)
    assert "more than one PodDisruptionBudget" in drained.stderr
    status, said = verify(base)
    assert status == 0
    (warning,) = said["warnings"]
    assert (
        "PodDisruptionBudget default/theirs is for the pods of v1, v2, which have the stack's own" in warning
    )
    base.run(*shlex.split(warning.rpartition("needs it: ")[2]))
    assert verify(base)[1]["warnings"] == []


def test_a_rule_that_was_deleted(base: Program) -> None:
    with followed(base):
        base.kubectl("delete", "destinationrule/myapp-v2")
    status, said = verify(base)
    assert status == FAILING
    found = said["differences"][0]
    assert found["what"] == "DestinationRule default/myapp-v2 is not there"
    mended(base, found)


def test_an_up_that_failed_is_red_with_the_pods_own_reason(base: Program) -> None:
    sick = {**VERSIONS, "v2": {"image": "janakiramm/myapp:missing"}}
    base.config(versions=sick, convergence=QUICK)
    failing_up(base)

    ready = "version v2: 0 of 1 new pods are ready"

    def refused(status: int, said: dict[str, Any]) -> bool:
        whats = [one["what"] for one in said["differences"]]
        return status == DRIFTED and any(ready in what and "ImagePull" in what for what in whats)

    # The kubelet may be refused the image after the `up` gave up.
    said = awaited(base, refused)
    assert said["differences"][0]["what"].startswith("not applied: the last `up` failed, at 20")


def test_a_version_at_0_that_crashes_is_a_warning(base: Program) -> None:
    base.config(
        versions={**VERSIONS, "v3": {"image": "janakiramm/myapp:crash"}}, weights={"v1": 50, "v2": 50}
    )
    base.up("--skip-preview")
    said = awaited(base, lambda status, said: status == 0 and "exit code 1" in str(said["warnings"]))
    assert said["ok"]
    assert said["warnings"][0].startswith("version v3 gets no traffic and could take none: pod default/")


def test_a_version_that_was_scaled_to_0_is_the_first_cause(base: Program) -> None:
    scale(base, "v2", 0)
    status, said = verify(base)
    assert status == FAILING
    first, *rest = said["differences"]
    by = "v2 is scaled to 0 by the subresource scale, as of kubectl scale, at 20"
    assert first["what"].startswith(by)
    assert first["mend"].endswith(" --context minikube scale -n default deployment/myapp-v2 --replicas=1")
    assert {one["mend"] for one in rest} == {""}
    board = watch(base)
    assert board["verdict"] == "failing"
    assert board["reason"].startswith(by)
    assert board["versions"]["v2"]["errors"] > 0
    mended(base, first)


def test_a_virtual_service_that_is_gone_is_written_though_a_version_is_down(base: Program) -> None:
    base.config(convergence=QUICK)
    base.up("--skip-preview")
    scale(base, "v2", 0)
    base.kubectl("delete", "virtualservice/myapp")
    said = failing_up(base)
    assert "deployment default/myapp-v2 is scaled to 0" in said
    assert routed(base) == [({"v1": 50, "v2": 50},)]
    scale(base, "v2", 1)
    base.up("--skip-preview")


def test_a_gateway_that_refuses_is_named_as_the_gateway(base: Program) -> None:
    spec: dict[str, Any] = {"action": "DENY", "rules": [{}]}
    closed = theirs("AuthorizationPolicy", "closed", spec, namespace="istio-system", group="security")
    with base.applied(closed):
        wait(lambda: httpx.get(str(base.outputs()["url"])).status_code == 403, "the gateway refuses")
        (found,) = awaited(base, lambda status, _: status == FAILING)["differences"]
        assert "requests failed: HTTP 403: RBAC: access denied; the gateway answered itself" in found["what"]
        assert "logs" not in found["mend"]


def test_an_app_that_fails_is_named_as_the_app(base: Program) -> None:
    flaky = {**VERSIONS, "v2": {"image": "janakiramm/myapp:flaky"}}
    base.config(versions=flaky, convergence={"check": "none"})
    base.up("--skip-preview")
    status, said = verify(base)
    assert status == FAILING
    (found,) = said["differences"]
    assert found["what"].endswith("; the app answered so")
    base.run(*shlex.split(found["mend"]))


def test_a_cluster_that_does_not_answer_is_said_in_one_line(base: Program) -> None:
    kubeconfig = base.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout
    away: dict[str, Any] = json.loads(kubeconfig)
    for one in away["clusters"]:
        one["cluster"]["server"] = "https://127.0.0.1:9"
    file = base.folder / "away.json"
    file.write_text(json.dumps(away))
    cluster = yaml.safe_load(base.config_file.read_text())["config"]["blue-green:cluster"]
    base.config(cluster={**cluster, "minikube": {**cluster["minikube"], "kubeconfig": str(file)}})
    for command in COMMANDS:
        done = base.run("python", "-m", "rollout", *command, check=False)
        assert done.returncode == NOT_ASKED, f"{command}: {done.stdout}{done.stderr}"
        (line,) = done.stderr.splitlines()
        assert line.startswith("blue-green: The cluster's API server 127.0.0.1:9 cannot be reached")
        assert line.endswith("`minikube status -p minikube` tells whether it runs; `make up` starts it")
