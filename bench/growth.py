"""How an `up` of changed weights grows with the gateway's pods and with the versions in the split.

What one more costs is told in processor time: on two cores a few more hide in what an `up` waits for anyway.
"""

import statistics
from collections.abc import Callable

from bench import memory
from bench.figure import Figure, both_seconds
from harness.labs import Program

PODS = (1, 4, 10)
VERSIONS = (2, 10, 30, 50)
# By so much the processor time of one more may differ from run to run.
NOISE = 1.2
HELD_BY = (
    "compare with the next step: where that costs less again, it is noise; most of it is Pulumi's engine"
)
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
    small: tuple[int, float] | None = None
    before: str | None = None
    slope: str | None = None
    for size in sizes:
        grow(size)
        program.up("--skip-preview")
        versions = size if what == "versions" else VERSIONS[0]
        times = [_changed(program, versions, turn + 1) for turn in range(rounds)]
        name = f"up, {size} {what}"
        figures.append(Figure(name, tuple(wall for wall, _ in times), against=before))
        if small is not None:
            each = tuple(MILLISECONDS * (cpu - small[1]) / (size - small[0]) for _, cpu in times)
            more = f"processor time of each more, {small[0]} → {size} {what}"
            figures.append(Figure(more, each, "ms", slope, NOISE if slope else None, HELD_BY))
            slope = more
        before = name
        small = size, statistics.median(cpu for _, cpu in times)
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


def _changed(program: Program, versions: int, turn: int) -> tuple[float, float]:
    """Change the weights; return how long `up` took, and the processor time of all its processes."""
    _split(program, versions, turn)
    return both_seconds(lambda: program.up("--skip-preview"))


def _split(program: Program, versions: int, turn: int) -> None:
    """Equal weights, and what is left over for the first; the second gives it a percent every other turn."""
    names = [f"v{number + 1}" for number in range(versions)]
    weights = dict.fromkeys(names, 100 // versions)
    weights["v1"] += 100 % versions + turn % 2
    weights["v2"] -= turn % 2
    program.config(versions={name: {"image": IMAGE} for name in names}, weights=weights)
