"""How an `up` of changed weights grows with the gateway's pods and with the versions in the split."""

import statistics
from collections.abc import Callable

from bench import memory
from bench.figure import Figure, seconds
from tests.lab.harness import Program

PODS = (1, 4, 10)
VERSIONS = (2, 10, 50)
MILLISECONDS = 1000
START_SECONDS = 240  # of the pods of fifty versions
IMAGE = "janakiramm/myapp:v1"


def measure(program: Program, rounds: int) -> list[Figure]:
    """Grow the one, then the other; the cluster stays as large as that."""
    program.config(convergence={"timeoutSeconds": START_SECONDS})
    figures = _grown("gateway pods", PODS, program, rounds, lambda size: _scale(program, size))
    _scale(program, PODS[0])
    return figures + _grown("versions", VERSIONS, program, rounds, lambda size: _split(program, size, 0))


def _grown(
    what: str, sizes: tuple[int, ...], program: Program, rounds: int, grow: Callable[[int], object]
) -> list[Figure]:
    figures: list[Figure] = []
    small: tuple[int, Figure] | None = None
    slope: str | None = None
    for size in sizes:
        grow(size)
        program.up("--skip-preview")
        versions = size if what == "versions" else VERSIONS[0]
        times = tuple(_changed(program, versions, turn + 1) for turn in range(rounds))
        figure = Figure(f"up, {size} {what}", times, against=small[1].what if small else None)
        figures.append(figure)
        if small is not None:
            steps = size - small[0]
            each = tuple(
                MILLISECONDS * (large - statistics.median(small[1].samples)) / steps for large in times
            )
            name = f"each more, {small[0]} → {size} {what}"
            figures.append(Figure(name, each, "ms", slope, 1 if slope else None))
            slope = name
        small = size, figure
        peaks = memory.peaks(program)
        figures += [
            Figure(f"{kind}, {size} {what}", (peaks[kind],), "MiB")
            for kind in (memory.PROGRAM, memory.PROVIDER)
        ]
    return figures


def _scale(program: Program, pods: int) -> None:
    gateway = "deployment/istio-ingressgateway"
    program.kubectl("scale", "--namespace=istio-system", gateway, f"--replicas={pods}")
    program.kubectl("rollout", "status", "--namespace=istio-system", gateway, "--timeout=240s")


def _changed(program: Program, versions: int, turn: int) -> float:
    _split(program, versions, turn)
    return seconds(lambda: program.up("--skip-preview"))


def _split(program: Program, versions: int, turn: int) -> None:
    """Equal weights, of which the first version gives the second one a percent every other turn."""
    names = [f"v{number + 1}" for number in range(versions)]
    weights = dict.fromkeys(names, 100 // versions)
    weights["v1"] += turn % 2
    weights["v2"] -= turn % 2
    program.config(versions={name: {"image": IMAGE} for name in names}, weights=weights)
