"""The steps that changes are made of, each by the real `pulumi up`."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from harness.labs import Program


@dataclass(frozen=True)
class Theirs:
    """What a step notes in which another team's object stood: requests that failed meanwhile are theirs.

    Attributes:
        note: what came of it.
        began: when the object came, in seconds since the epoch.
        ended: when it was gone from the gateways.
    """

    note: str
    began: float
    ended: float


# What it returns is noted beside the moment of its end.
Step: TypeAlias = Callable[[Program], str | Theirs | None]
Split: TypeAlias = Mapping[str, int]
IMAGES = {name: {"image": f"janakiramm/myapp:{name}"} for name in ("v1", "v2", "v3", "v4")}
IMAGES_OF_TWO = {name: IMAGES[name] for name in ("v1", "v2")}
HALF = {"v1": 50, "v2": 50}


def to(weights: Split, versions: tuple[str, ...] | None = None) -> Step:
    """Return a step that sets the weights, and the versions where they are named, and runs `up`."""

    def step(program: Program) -> None:
        if versions is not None:
            program.config(versions={name: IMAGES[name] for name in versions})
        program.config(weights=dict(weights))
        program.up("--skip-preview")

    return step


def to_without_istiod(weights: Split) -> Step:
    """Return a step as `to`, while istiod may be away: an `up` that its webhook fails must not fail again."""

    def step(program: Program) -> str:
        program.config(weights=dict(weights))
        first = program.up("--skip-preview", check=False)
        if first.returncode == 0:
            return "the up under which istiod restarted exited 0"
        said = f"{first.stdout}{first.stderr}"
        if "failed calling webhook" not in said:
            raise AssertionError(f"up failed, and not for want of istiod's webhook:\n{said}")
        program.up("--skip-preview")
        return "the up under which istiod restarted was refused by its webhook, the next one exited 0"

    return step


def replicas(count: int) -> Step:
    """Return a step that runs every version with so many pods."""

    def step(program: Program) -> None:
        program.config(versions={name: one | {"replicas": count} for name, one in IMAGES_OF_TWO.items()})
        program.up("--skip-preview")
        for name in IMAGES_OF_TWO:
            program.kubectl("rollout", "status", f"deployment/myapp-{name}", "--timeout=120s")

    return step


def image_of_v1(tag: str) -> Step:
    """Return a step that gives v1, which has traffic, another image."""
    return of_v1(image=f"janakiramm/myapp:{tag}")


def of_v1(**keys: object) -> Step:
    """Return a step that gives v1, which has traffic, other keys of its own and no more."""

    def step(program: Program) -> None:
        program.config(versions=IMAGES_OF_TWO | {"v1": {**IMAGES["v1"], **keys}})
        program.up("--skip-preview")
        program.kubectl("rollout", "status", "deployment/myapp-v1", "--timeout=120s")

    return step


def sidecar(value: str) -> Mapping[str, object]:
    """Return a pod template with a second container, which has this value in its environment."""
    beside = {
        "name": "beside",
        "image": "janakiramm/myapp:v4",
        "args": ["--address", ":81"],
        "env": [{"name": "A", "value": value}],
    }
    return {"spec": {"containers": [beside]}}


def tested(routes: Mapping[str, object]) -> Step:
    """Return a step that sets the test routes."""

    def step(program: Program) -> None:
        program.config(testRoutes=dict(routes))
        program.up("--skip-preview")

    return step


def mirrored(mirror: Mapping[str, object] | None) -> Step:
    """Return a step that sets the mirror, or takes it out."""

    def step(program: Program) -> None:
        if mirror is None:
            program.run("pulumi", "config", "rm", "blue-green:mirror")
        else:
            program.config(mirror=dict(mirror))
        program.up("--skip-preview")

    return step


def kubectl(*arguments: str) -> Step:
    """Return a step that runs kubectl."""

    def step(program: Program) -> None:
        program.kubectl(*arguments)

    return step


def refresh(program: Program) -> None:
    """Read the cluster into the state."""
    program.run("pulumi", "refresh", "--yes", "--non-interactive", "--skip-preview")


def random_splits(count: int, seed: int) -> tuple[Step, ...]:
    """Return so many steps to random splits, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    shares = [chance.randint(0, 100) for _ in range(count)]
    return tuple(to({"v1": share, "v2": 100 - share}) for share in shares)


def istio_annotation(value: str) -> Step:
    """Return a step that changes a value of istiod's chart and of the gateway's: both are rolled."""

    def step(program: Program) -> None:
        for chart in ("istiod", "gateway"):
            key = f"blue-green:istio.values.{chart}.podAnnotations.proof"
            program.run("pulumi", "config", "set", "--path", key, value)
        program.up("--skip-preview")

    return step
