"""Callers in the mesh beside the load: closed loops through their sidecars while the split moves."""

import http.client
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from components.kubernetes.api import Api
from components.kubernetes.errors import GatewayError
from components.kubernetes.forward import PortForward
from components.kubernetes.kubeconfig import Kubeconfig
from harness.labs import Program
from proof.steps import IMAGES, IMAGES_OF_TWO, Split, Step
from proof.traffic import HOST

APP = "myapp.default.svc.cluster.local"
# Where a sidecar that intercepts nothing listens for the app, on its pod's loopback.
PORT = 80
ANSWER_SECONDS = 30
# Between an answer and the next request.
PAUSE_SECONDS = 0.02
ROUTING: Mapping[str, Any] = {"retries": {"attempts": 0}}


def namespaces(count: int) -> list[str]:
    """The names of so many namespaces of callers."""
    return [f"callers-{number}" for number in range(1, count + 1)]


def start(program: Program, count: int) -> None:
    """Makes a caller with a sidecar in each of so many namespaces, and waits for them."""
    items = [item for name in namespaces(count) for item in _caller(name, _pause(program))]
    program.apply(*items)
    for name in namespaces(count):
        program.kubectl("-n", name, "wait", "pod/caller", "--for=condition=Ready", "--timeout=240s")


def stop(program: Program, count: int) -> None:
    """Takes the callers away."""
    for name in namespaces(count):
        program.kubectl("-n", name, "delete", "pod", "caller", "--grace-period=0", "--force")
    # Waited for: whoever starts them again needs the names.
    program.kubectl("delete", "namespace", *namespaces(count))


@contextmanager
def calling(program: Program, count: int) -> Generator[Counter[str]]:
    """Each caller asks the app, one request after the other, while the block runs; yields the answers."""
    statuses: Counter[str] = Counter()
    done = threading.Event()
    kubeconfig: Kubeconfig = {"path": program.environment["KUBECONFIG"]}

    def loop(namespace: str) -> None:
        try:
            with Api(kubeconfig) as api, closing(PortForward(api, namespace, "caller", PORT)) as forward:
                while not done.wait(PAUSE_SECONDS):
                    status, body = forward.get("/", {"Host": APP}, ANSWER_SECONDS)
                    statuses["200" if status == http.client.OK else f"{status} {body.decode()[:80]}"] += 1
        except (OSError, http.client.HTTPException, GatewayError) as error:
            statuses[f"{namespace}: {error}"] += 1

    threads = [threading.Thread(target=loop, args=(name,)) for name in namespaces(count)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join()


def added(count: int) -> Step:
    """Returns a step that starts the callers and lets them follow the split."""

    def step(program: Program) -> None:
        start(program, count)
        program.config(routing={**ROUTING, "hosts": [HOST], "meshCallers": True})
        program.up("--skip-preview")

    return step


def moved(count: int, weights: Split, versions: tuple[str, ...] = tuple(IMAGES_OF_TWO)) -> Step:
    """Returns a step as `to` while the callers ask; it notes how many requests, and what `up` says."""

    def step(program: Program) -> str:
        program.config(versions={name: IMAGES[name] for name in versions}, weights=dict(weights))
        with calling(program, count) as statuses:
            said = program.up("--skip-preview").stdout
        proved = [line for line in said.splitlines() if "callers in the mesh, sampled: " in line]
        if set(statuses) != {"200"} or not proved:
            raise AssertionError(f"requests of callers ended with {dict(statuses)}; up said {proved}")
        return f"{statuses['200']} requests of callers, none failed; {proved[0].partition('sampled: ')[2]}"

    return step


def beside(count: int, *steps: Step) -> tuple[Step, ...]:
    """Returns the steps, each while the callers ask; one fails where a request of theirs does."""

    def asked(step: Step) -> Step:
        def run(program: Program) -> str:
            with calling(program, count) as statuses:
                step(program)
            # A step that only types a command may end before the first answer.
            if set(statuses) - {"200"}:
                raise AssertionError(f"requests of callers ended with {dict(statuses)}")
            return f"{statuses['200']} requests of callers, none failed"

        return run

    return tuple(asked(step) for step in steps)


def removed(count: int) -> Step:
    """Returns a step that lets the callers go."""

    def step(program: Program) -> None:
        program.config(routing=dict(ROUTING))
        program.up("--skip-preview")
        stop(program, count)

    return step


def _pause(program: Program) -> str:
    """The image of the cluster that does nothing."""
    jsonpath = "-o=jsonpath={.items[0].status.images[*].names[*]}"
    names = program.kubectl("get", "nodes", jsonpath).stdout.split()
    return next(name for name in names if "/pause:" in name)


def _caller(namespace: str, image: str) -> list[Mapping[str, Any]]:
    """A namespace and its pod, whose sidecar intercepts nothing: the lab's has no packet filter."""
    metadata = {
        "name": "caller",
        "namespace": namespace,
        "labels": {"sidecar.istio.io/inject": "true"},
        "annotations": {"sidecar.istio.io/interceptionMode": "NONE"},
    }
    container = {"name": "caller", "image": image, "imagePullPolicy": "IfNotPresent"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}},
    ]
