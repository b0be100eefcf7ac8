"""Every kind of change that is promised to drop nothing, each by the real `pulumi up`."""

import random
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.lab.harness import Program

Split = Mapping[str, int]
IMAGES = {name: {"image": f"janakiramm/myapp:{name}"} for name in ("v1", "v2", "v3", "v4")}
IMAGES_OF_TWO = {name: IMAGES[name] for name in ("v1", "v2")}
RANDOM_SPLITS = 10


@dataclass(frozen=True)
class Transition:
    """A change under load.

    Attributes:
        name: the line of the table.
        steps: what is done, one after the other.
        short: part of the short form that `make test` runs.
    """

    name: str
    steps: tuple[Callable[[Program], None], ...]
    short: bool = True


def to(weights: Split, versions: tuple[str, ...] | None = None) -> Callable[[Program], None]:
    """Return a step that sets the weights, and the versions where they are named, and runs `up`."""

    def step(program: Program) -> None:
        if versions is not None:
            program.config(versions={name: IMAGES[name] for name in versions})
        program.config(weights=dict(weights))
        program.up()

    return step


def replicas(count: int) -> Callable[[Program], None]:
    """Return a step that runs every version with so many pods."""

    def step(program: Program) -> None:
        program.config(versions={name: one | {"replicas": count} for name, one in IMAGES_OF_TWO.items()})
        program.up()
        for name in IMAGES_OF_TWO:
            program.kubectl("rollout", "status", f"deployment/myapp-{name}", "--timeout=120s")

    return step


def image_of_v1(tag: str) -> Callable[[Program], None]:
    """Return a step that gives v1, which has traffic, another image."""

    def step(program: Program) -> None:
        program.config(versions=IMAGES_OF_TWO | {"v1": {"image": f"janakiramm/myapp:{tag}"}})
        program.up()
        program.kubectl("rollout", "status", "deployment/myapp-v1", "--timeout=120s")

    return step


def kubectl(*arguments: str) -> Callable[[Program], None]:
    """Return a step that runs kubectl."""

    def step(program: Program) -> None:
        program.kubectl(*arguments)

    return step


def interrupted(program: Program) -> None:
    """Interrupt an `up` as Ctrl-C does, then let another one supersede it."""
    program.config(weights={"v1": 0, "v2": 100})
    with subprocess.Popen(
        ["pulumi", "up", "--yes", "--non-interactive"],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout or ():
            if "updating" in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate()
    program.config(weights={"v1": 70, "v2": 30})
    program.up()


def refresh(program: Program) -> None:
    """Read the cluster into the state."""
    program.run("pulumi", "refresh", "--yes", "--non-interactive")


def random_splits(seed: int) -> tuple[Callable[[Program], None], ...]:
    """Return steps to random splits in a row."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    shares = [chance.randint(0, 100) for _ in range(RANDOM_SPLITS)]
    return tuple(to({"v1": share, "v2": 100 - share}) for share in shares)


HALF = {"v1": 50, "v2": 50}
ROLLOUT_GATEWAY = ("rollout", "status", "deployment/istio-ingressgateway", "-n", "istio-system")
SCALE_GATEWAY = ("scale", "deployment/istio-ingressgateway", "-n", "istio-system")
ROLL = ("rollout", "restart", "-n", "istio-system")

TRANSITIONS = (
    Transition("50/50 → 0/100 → 100/0", (to({"v1": 0, "v2": 100}), to({"v1": 100, "v2": 0}))),
    Transition("ten random splits in a row", random_splits(seed=2026), short=False),
    Transition("add v3 with weight at once", (to({"v1": 60, "v2": 30, "v3": 10}, ("v1", "v2", "v3")),)),
    Transition("remove the version that had traffic", (to(HALF, ("v1", "v2")),)),
    Transition("{v1, v2} replaced by {v3, v4} in one up", (to({"v3": 50, "v4": 50}, ("v3", "v4")),)),
    Transition("put back to the earlier config", (to(HALF, ("v1", "v2")),)),
    Transition("new image of a version with traffic", (image_of_v1("v3"), image_of_v1("v1"))),
    Transition("replicas 1 → 3 → 1", (replicas(3), replicas(1))),
    Transition("up interrupted, superseded by another", (interrupted, to(HALF))),
    Transition("refresh", (refresh,)),
    Transition(
        "gateway scaled 1 → 3 → 1",
        (
            kubectl(*SCALE_GATEWAY, "--replicas=3"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
            to({"v1": 20, "v2": 80}),
            kubectl(*SCALE_GATEWAY, "--replicas=1"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
            to(HALF),
        ),
    ),
    Transition(
        "gateway rolled",
        (
            kubectl(*ROLL, "deployment/istio-ingressgateway"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
        ),
    ),
    Transition(
        "istiod restarted during a change",
        (kubectl(*ROLL, "deployment/istiod"), to({"v1": 10, "v2": 90}), to(HALF)),
    ),
)
