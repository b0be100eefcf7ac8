"""Another team's objects on the same gateway: whether an `up` that ended well says where requests go."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.gateway.waiting import wait_until
from components.observation.answers import ask
from harness.labs import Program
from proof.steps import HALF, IMAGES_OF_TWO, Step, Theirs, to

ANSWERS = 50
# An `up` that waits for what the others took away gives up after that many seconds.
WAIT_SECONDS = 15
GATEWAY = "app-gateway"
# Another team's Deployment.
THEIRS = "theirs"
ALL = {"v1": 100, "v2": 0}, {"v1": 0, "v2": 100}


@dataclass(frozen=True)
class Foreign:
    """An object of another team.

    Attributes:
        kind: of an `istio.io` group, as kubectl takes it.
        name: the object's name.
        spec: what it says while it stands.
        namespace: where it stands.
        stays: it was made before ours and only changes; otherwise it comes and goes.
    """

    kind: str
    name: str
    spec: Mapping[str, Any]
    namespace: str = "default"
    stays: bool = False


# Both versions answer where a rule names no subset, so a split that is not ours shows in the answers.
BOTH = [{"destination": {"host": "myapp.default.svc.cluster.local", "port": {"number": 80}}}]
AWAY = {"hosts": ["away.example"], "gateways": [GATEWAY], "http": [{"route": BOTH}]}
OLDER = Foreign("VirtualService", "others-older", {**AWAY, "hosts": ["*"]}, stays=True)


def _virtual_service(name: str, *, prefix: str = "/", gateway: str = GATEWAY, older: bool = False) -> Foreign:
    rule = {"match": [{"uri": {"prefix": prefix}}], "route": BOTH}
    spec = {"hosts": ["*"], "gateways": [gateway], "http": [rule]}
    return Foreign("VirtualService", OLDER.name if older else name, spec, stays=older)


FOREIGN = (
    OLDER,
    _virtual_service("others-api", prefix="/api/", older=True),
    _virtual_service("others-younger"),
    Foreign(
        "Gateway",
        "others-gateway",
        {
            "selector": {"istio": "ingressgateway"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    ),
    Foreign("DestinationRule", "others-rule", {"host": "myapp.default.svc.cluster.local"}, "istio-system"),
    Foreign(
        "EnvoyFilter",
        "others-filter",
        {
            "workloadSelector": {"labels": {"istio": "ingressgateway"}},
            "configPatches": [
                {
                    "applyTo": "HTTP_ROUTE",
                    "match": {"context": "GATEWAY"},
                    "patch": {"operation": "MERGE", "value": {"direct_response": {"status": 503}}},
                }
            ],
        },
        "istio-system",
    ),
)


def make_older(program: Program) -> None:
    """Makes the VirtualService that is older than ours, for a host that nobody asks for; without load.

    Istio puts the rules of one host in the order of the objects' ages.
    """
    _apply(program, Foreign(OLDER.kind, OLDER.name, AWAY))
    program.kubectl("delete", "virtualservice", "myapp")
    program.up("--skip-preview")


def come_and_go() -> tuple[Step, ...]:
    """Returns a step for each object that comes, is met by an `up` with a move, and goes; then one back."""
    return (*map(_meet, FOREIGN, itertools.cycle(ALL)), _back)


def their_workload(program: Program) -> None:
    """Makes the Deployment of another team that is a version of the app, and waits for its pods."""
    labels = {"app": "myapp", "part": THEIRS}
    container = {
        "name": "web",
        "image": "janakiramm/myapp:v3",
        "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "ports": [{"name": "http", "containerPort": 80}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"part": THEIRS}}, "template": template}
    metadata = {"name": THEIRS, "namespace": "default"}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    program.apply(manifest)
    program.kubectl("rollout", "status", f"deployment/{THEIRS}", "--timeout=120s")


def rolled_by_its_owner(weights: Mapping[str, int]) -> Step:
    """Returns a step that moves the split while the other team rolls its Deployment."""

    def step(program: Program) -> None:
        program.kubectl("set", "env", f"deployment/{THEIRS}", "A=b")
        to(weights)(program)
        program.kubectl("rollout", "status", f"deployment/{THEIRS}", "--timeout=120s")

    return step


def with_theirs(weights: Mapping[str, int]) -> Step:
    """Returns a step that makes the Deployment a version with traffic."""

    def step(program: Program) -> None:
        program.config(versions={**IMAGES_OF_TWO, "v3": {"deployment": THEIRS}}, weights=dict(weights))
        program.up()

    return step


def _back(program: Program) -> None:
    program.config(weights=HALF, convergence={})
    program.up("--skip-preview")


def _meet(foreign: Foreign, weights: Mapping[str, int]) -> Step:
    def step(program: Program) -> Theirs:
        program.config(weights=dict(weights), convergence={"timeoutSeconds": WAIT_SECONDS})
        began = time.time()
        _apply(program, foreign)
        try:
            done = program.up("--skip-preview", check=False)
            said = f"{done.stdout}{done.stderr}"
            if done.returncode == 0:
                _answers_are(program, weights, foreign)
                what = "the up beside it ended well, and did not lie"
            elif foreign.name in said:
                what = "the up beside it failed and named it"
            else:
                raise AssertionError(f"up failed beside {foreign.name} without naming it:\n{said[-1500:]}")
        finally:
            _go(program, foreign)
        answers = ask(str(program.outputs()["url"]))
        wait_until(lambda: () if next(answers).ok else ("the gateway answers again",), WAIT_SECONDS)
        ended = time.time()
        to(weights)(program)
        _answers_are(program, weights, foreign)
        return Theirs(f"{foreign.kind} {foreign.name}: {what}", began, ended)

    return step


def _answers_are(program: Program, weights: Mapping[str, int], foreign: Foreign) -> None:
    """Raises AssertionError unless every answer is from the only version that has weight."""
    url = str(program.outputs()["url"])
    got = [answer.version for answer in itertools.islice(ask(url), ANSWERS)]
    (only,) = (version for version, weight in weights.items() if weight)
    if set(got) != {only}:
        raise AssertionError(f"up ended well with {dict(weights)} beside {foreign.name}, answers: {set(got)}")


def _apply(program: Program, foreign: Foreign) -> None:
    group = "networking.istio.io/v1alpha3" if foreign.kind == "EnvoyFilter" else "networking.istio.io/v1"
    metadata = {"name": foreign.name, "namespace": foreign.namespace}
    program.apply({"apiVersion": group, "kind": foreign.kind, "metadata": metadata, "spec": foreign.spec})


def _go(program: Program, foreign: Foreign) -> None:
    if foreign.stays:
        _apply(program, Foreign(foreign.kind, foreign.name, AWAY))
    else:
        program.kubectl("-n", foreign.namespace, "delete", foreign.kind, foreign.name)
