"""What a test sees of a program's cluster, and the config that it starts from and leaves behind."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
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
# Where an `up` starts pods and succeeds, it ends when it is done.
PATIENT = {"timeoutSeconds": round(180 * pace()), "drainSeconds": 5}
# What an Envoy has of VirtualServices and DestinationRules.
_FOLLOWED = (envoy.ROUTES, "/config_dump?resource=dynamic_active_clusters")

BASE: Mapping[str, object] = {
    "versions": VERSIONS,
    "weights": {"v1": 50, "v2": 50},
    "convergence": PATIENT,
}


def reached(program: Program) -> Gateways:
    """The gateways of the program's cluster, past the program."""
    kubeconfig = program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout
    return Gateways(kubeconfig, SELECTOR)


def routed(program: Program, target: envoy.Target = TARGET) -> list[tuple[dict[str, int], ...]]:
    """What each gateway's Envoy routes by, read past the program."""
    with reached(program) as gateways:
        answers = gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), target))
    return [answer.value or () for answer in answers]


@contextmanager
def followed(program: Program) -> Generator[None]:
    """A write in the block that changes routes or clusters; at its end every gateway has followed it."""

    def configured() -> dict[str, object]:
        answers = gateways.ask(lambda admin: [admin.get(path) for path in _FOLLOWED])
        return {str(one.pod): one.value for one in answers if one.value}

    with reached(program) as gateways:
        before = configured()
        yield
        wait(
            lambda: all(before[pod] != now for pod, now in configured().items()),
            "every gateway follows what was written",
        )


def scale(program: Program, version: str, replicas: int, target: envoy.Target = TARGET) -> None:
    """Give a version another number of pods by hand, and wait until every gateway knows just these."""
    deployment = f"deployment/{target.virtual_service}-{version}"
    program.kubectl("scale", deployment, f"--replicas={replicas}")
    program.kubectl("rollout", "status", deployment)

    def known() -> bool:
        asked = gateways.ask(lambda admin: admin.get(envoy.endpoints_target(target)))
        healthy = [envoy.healthy_endpoints(one.value or {}, target, version) for one in asked]
        return all(len(one or ()) == replicas for one in healthy)

    with reached(program) as gateways:
        wait(known, f"every gateway knows {replicas} pods of {version}")


def get(program: Program, *arguments: str) -> Any:
    """The JSON of `kubectl get`."""
    return json.loads(program.kubectl("get", *arguments, "-o", "json").stdout)


def staying_pods(program: Program, labels: str) -> list[dict[str, Any]]:
    """The app's pods with these labels, but those on their way out."""
    items = get(program, "pods", "-l", labels)["items"]
    return [one for one in items if "deletionTimestamp" not in one["metadata"]]


def failing_up(program: Program, *options: str) -> str:
    """What an `up` says that has to fail, and without a traceback."""
    done = program.up("--skip-preview", *options, check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    return said


def failing_up_that_says(program: Program, *reasons: str) -> str:
    """The same, with the kubelet's reasons; the first one may give up before the kubelet has tried."""
    said = ""

    def told() -> bool:
        nonlocal said
        said = failing_up(program)
        return all(reason in said for reason in reasons)

    wait(told, f"an `up` that fails says {', '.join(reasons)}")
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
