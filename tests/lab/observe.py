"""What a test sees of a program's cluster, and the config that it starts from and leaves behind."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from components.gateway import envoy
from components.gateway.gateways import Gateways
from components.gateway.waiting import wait_until
from harness.labs import Program
from harness.pace import pace

TARGET = envoy.Target("default", "myapp", "myapp")
SELECTOR = {"istio": "ingressgateway"}
VERSIONS = {"v1": {"image": "janakiramm/myapp:v1"}, "v2": {"image": "janakiramm/myapp:v2"}}
# The lab answers within a second; so failures need not take a minute each.
QUICK = {"timeoutSeconds": round(8 * pace()), "drainSeconds": 5}


BASE: Mapping[str, object] = {
    "versions": VERSIONS,
    "weights": {"v1": 50, "v2": 50},
    "convergence": QUICK,
}


def routed(program: Program) -> list[tuple[dict[str, int], ...]]:
    """What each gateway's Envoy routes by, read past the program."""
    kubeconfig = program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout
    with Gateways(kubeconfig, SELECTOR) as gateways:
        answers = gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), TARGET))
    return [answer.value or () for answer in answers]


def get(program: Program, *arguments: str) -> Any:
    """The JSON of `kubectl get`."""
    return json.loads(program.kubectl("get", *arguments, "-o", "json").stdout)


def failing_up(program: Program, *options: str) -> str:
    """What an `up` says that has to fail, and without a traceback."""
    done = program.up("--skip-preview", *options, check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    return said


def updated(program: Program, *options: str) -> set[str]:
    """The names of the resources that a preview would change."""
    steps = json.loads(program.preview("--json", *options).stdout)["steps"]
    return {
        step["urn"].rpartition("::")[2] for step in steps if step["op"] not in {"same", "read", "refresh"}
    }


def wait(check: Callable[[], bool], what: str) -> None:
    """Waits at most a minute of a quiet machine."""
    wait_until(lambda: () if check() else (what,), 60 * pace())


def wait_for_pods(program: Program, deployment: str, number: int) -> None:
    """Waits until a Deployment of the mesh has so many pods, all ready, and none that still terminates."""

    def settled() -> bool:
        found = get(program, "-n", "istio-system", "deploy", deployment)
        labels = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())
        # The Deployment does not count pods that terminate.
        pods = get(program, "-n", "istio-system", "pods", "-l", labels)["items"]
        return len(pods) == found["status"].get("readyReplicas", 0) == number

    wait(settled, f"{deployment} has {number} ready pods")
