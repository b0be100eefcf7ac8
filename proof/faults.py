"""Faults under load: what each may cost, and that `up` converges afterwards without hand work."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.labs import Lab, Program
from proof.signals import at_work
from proof.steps import HALF, Step, replicas, to

API_SERVER = "/etc/kubernetes/manifests/kube-apiserver.yaml"
ETCD = "/etc/kubernetes/manifests/etcd.yaml"
ASIDE = "/etc/kubernetes/"
# Kubernetes 1.35 takes the pods of a node out of their Services that it has not heard of for 50 s.
AWAY_SECONDS = 60
BACK_SECONDS = 180
# From a killed process until no Envoy has its endpoint, or it runs again: the kubelet's relist of
# containers (1 s), its status to the API server, istiod's debounce (0.1 s), and as much again.
UNNOTICED_SECONDS = 5.0
REPLICAS = 3


@dataclass(frozen=True)
class Fault:
    """A fault under load.

    Attributes:
        name: the line of the table.
        promise: what it may cost, in words.
        allowed: how many requests it may cost, at a rate of requests a second.
        steps: makes it happen, and lets `up` mend it.
    """

    name: str
    promise: str
    allowed: Callable[[float], int]
    steps: Callable[[Lab], tuple[Step, ...]]


def _nothing(_rate: float) -> int:
    return 0


def _killed_pods_share(rate: float) -> int:
    """One of three pods of a version with half of the traffic, until it is noticed."""
    return int(rate * 0.5 / REPLICAS * UNNOTICED_SECONDS)


def _inside(lab: Lab, *command: str) -> str:
    """Run a command inside the lab's host and return what it printed."""
    return lab.run(sys.executable, "-m", "lab", *lab.options, "exec", "--", *command).stdout


def _container(program: Program, *of: str) -> str:
    """Return the id of the first container of the first pod that kubectl's options find."""
    path = "jsonpath={.items[0].status.containerStatuses[0].containerID}"
    return program.kubectl("get", "pods", *of, "-o", path).stdout.removeprefix("containerd://")


def _kill(lab: Lab, container: str) -> None:
    """Kill a container's first process, without warning it."""
    _inside(lab, "ctr", "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", container)


def _kill_a_pod(lab: Lab) -> Step:
    """Return a step that kills the app's process in one pod of v1, without warning it."""

    def step(program: Program) -> None:
        pods = json.loads(program.kubectl("get", "pods", "-l", "version=v1", "-o", "json").stdout)["items"]
        name, status = pods[0]["metadata"]["name"], pods[0]["status"]["containerStatuses"][0]
        container = status["containerID"].removeprefix("containerd://")
        _kill(lab, container)
        again = f"{{.status.containerStatuses[0].restartCount}}={status['restartCount'] + 1}"
        program.kubectl("wait", f"pod/{name}", f"--for=jsonpath={again}", "--timeout=60s")
        program.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s")

    return step


def _restart_containerd(lab: Lab) -> Step:
    def step(_program: Program) -> None:
        _inside(lab, "service", "containerd", "restart")

    return step


def _away(lab: Lab, manifest: str, weights: dict[str, int], *, kill: str | None = None) -> Step:
    """Return a step that takes a static pod away in the middle of an `up`, for a while.

    The kubelet stops the pod when its manifest goes; with `kill`, that component gets SIGKILL first.
    The `up` may fail; after the pod is back another one must not.
    """
    aside = ASIDE + manifest.rpartition("/")[2]

    def step(program: Program) -> str:
        program.config(weights=weights)
        container = _container(program, "-n", "kube-system", "-l", f"component={kill}") if kill else None
        with at_work(program) as process:
            if container:
                _kill(lab, container)
            _inside(lab, "mv", manifest, aside)
            back = threading.Timer(AWAY_SECONDS, _inside, (lab, "mv", aside, manifest))
            back.start()
        back.join()
        _wait_for_api(program)
        program.up()
        if program.outputs()["weights"] != weights:
            raise AssertionError(f"the split is {program.outputs()['weights']}, not {weights}")
        return f"the up under which it went away exited {process.returncode}, the next one 0"

    return step


def _wait_for_api(program: Program) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while program.kubectl("get", "--raw", "/readyz", check=False).returncode:
        if time.monotonic() > deadline:
            raise AssertionError(f"the API server is not back after {BACK_SECONDS} s")
        time.sleep(0.5)


FAULTS = (
    Fault(
        "app's process killed in one of three pods",
        f"at most its share for {UNNOTICED_SECONDS:.0f} s",
        _killed_pods_share,
        lambda lab: (replicas(REPLICAS), _kill_a_pod(lab), to(HALF)),
    ),
    Fault(
        "containerd restarted",
        "no request fails",
        _nothing,
        lambda lab: (_restart_containerd(lab), to({"v1": 30, "v2": 70})),
    ),
    Fault(
        f"API server away for {AWAY_SECONDS} s during up",
        "no request fails; if that up fails, the next one converges",
        _nothing,
        lambda lab: (_away(lab, API_SERVER, {"v1": 80, "v2": 20}),),
    ),
    Fault(
        f"etcd killed during up, started after {AWAY_SECONDS} s",
        "no request fails; if that up fails, the next one converges",
        _nothing,
        lambda lab: (_away(lab, ETCD, {"v1": 40, "v2": 60}, kill="etcd"),),
    ),
)
