"""A change watched from outside: written to the API server, routed by every Envoy, known to be so."""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from bench.figure import Figure
from components.gateway import envoy
from components.gateway.gateways import Gateways
from harness.labs import Program

DEBOUNCE = "istiod's debounce"
BY_SCRIPT = "write → certain, kubectl apply and a polling script"
BY_HAND = Path(__file__).parent / "by_hand.sh"
SELECTOR = {"istio": "ingressgateway"}
TARGET = envoy.Target("default", "myapp", "myapp")
PROOF = ("pulumi-python:dynamic:SplitReady", "pulumi-python:dynamic:SplitConverged")
MILLISECONDS = 1000


@dataclass(frozen=True)
class Change:
    """When, by time.monotonic(), each thing was so; it began with the start of the command."""

    began: float
    written: float
    routed: float
    known: float

    @property
    def to_be_certain(self) -> float:
        """From the write, in ms."""
        return MILLISECONDS * (self.known - self.written)


def measure(program: Program, rounds: int) -> list[Figure]:
    """Change the split by `pulumi up` and by a script, in turns."""
    ours: list[Change] = []
    proving: list[float] = []
    theirs: list[Change] = []
    for turn in range(rounds):
        weights = {"v1": 99 - turn, "v2": 1 + turn}
        program.config(weights=weights)
        ours.append(_watched(program, weights, lambda: _up(program, proving)))
        weights = {"v1": 49 - turn, "v2": 51 + turn}
        theirs.append(_watched(program, weights, lambda w=weights: _script(program, w)))
    to_route = tuple(MILLISECONDS * (one.routed - one.written) for one in (*ours, *theirs))
    to_know = tuple(MILLISECONDS * (one.known - one.routed) for one in ours)
    certain = tuple(one.to_be_certain for one in ours)
    by_script = tuple(one.to_be_certain for one in theirs)
    return [
        Figure(DEBOUNCE, (100.0,), "ms"),
        Figure("API server's write → Envoy routes by it", to_route, "ms", DEBOUNCE),
        Figure("Envoy routes by it → up knows it", to_know, "ms", goal=50),
        Figure("steps of the proof in an up", tuple(proving), "ms", goal=300),
        Figure(BY_SCRIPT, by_script, "ms"),
        Figure("write → certain, pulumi up", certain, "ms", BY_SCRIPT, 1),
    ]


def measure_rollback(program: Program, rounds: int) -> list[Figure]:
    """Go back by `rollback --now` and, as bare as can be, by `kubectl patch`, in turns."""
    for weights in ({"v1": 30, "v2": 70}, {"v1": 70, "v2": 30}):
        program.config(weights=weights)
        program.up("--skip-preview")
    command = ("python", "-m", "rollout", "rollback", "--now")
    patched: list[float] = []
    back: list[float] = []
    for turn in range(rounds):
        weights = {"v1": 1 + turn, "v2": 99 - turn}
        change = _watched(program, weights, lambda w=weights: _patch(program, w))
        patched.append(change.routed - change.began)
        change = _watched(program, {"v1": 70, "v2": 30}, lambda: _run(program, *command))
        back.append(change.routed - change.began)
    more = tuple(one - statistics.median(patched) for one in back)
    spread = max(patched) - min(patched)
    return [
        Figure("command → last Envoy, kubectl patch", tuple(patched)),
        Figure("command → last Envoy, rollback --now", tuple(back)),
        Figure(
            "the same, beyond the patch", more, goal=0.5 + spread, held_by="Python's start and its imports"
        ),
    ]


def _patch(program: Program, weights: dict[str, int]) -> float:
    destinations = [
        {"destination": {"host": "myapp", "subset": version}, "weight": weight}
        for version, weight in weights.items()
    ]
    change = [{"op": "replace", "path": "/spec/http/0/route", "value": destinations}]
    return _run(
        program, "kubectl", "patch", "virtualservice", "myapp", "--type=json", "-p", json.dumps(change)
    )


def _run(program: Program, *command: str) -> float:
    program.run(*command)
    return time.monotonic()


def _watched(program: Program, weights: dict[str, int], change: Callable[[], float]) -> Change:
    """Run a change, which returns when it knew the end, with a watch on the API server and the Envoys."""
    watch = ["kubectl", "get", "virtualservice", TARGET.virtual_service, "--watch", "--output=name"]
    with (
        Gateways({"path": program.environment["KUBECONFIG"]}, SELECTOR) as gateways,
        subprocess.Popen(watch, env=program.environment, stdout=subprocess.PIPE, text=True) as watching,
        ThreadPoolExecutor(1) as thread,
    ):
        try:
            seen = cast("IO[str]", watching.stdout)
            seen.readline()  # as it is before the change
            _routed(gateways)  # connects
            began = time.monotonic()
            known = thread.submit(change)
            seen.readline()
            written = time.monotonic()
            while any(one != (weights,) for one in _routed(gateways)):
                if known.done():
                    known.result()
            return Change(began, written, time.monotonic(), known.result())
        finally:
            watching.terminate()


def _routed(gateways: Gateways) -> list[object]:
    answers = gateways.ask(lambda admin: envoy.routed_weights(admin.get(envoy.ROUTES), TARGET))
    return [answer.value for answer in answers]


def _up(program: Program, proving: list[float]) -> float:
    """Run `up`; return when the engine had the proof's result, and add how long its two steps took, in ms."""
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--json"]
    steps: dict[str, list[float]] = {kind: [] for kind in PROOF}
    with subprocess.Popen(
        command, cwd=program.folder, env=program.environment, stdout=subprocess.PIPE, text=True
    ) as up:
        for line in cast("IO[str]", up.stdout):
            now = time.monotonic()
            event: Mapping[str, Any] = json.loads(line)
            step: Mapping[str, Any] = event.get("resourcePreEvent") or event.get("resOutputsEvent") or {}
            metadata: Mapping[str, Any] = step.get("metadata", {})
            if metadata.get("op") == "update" and metadata["type"] in steps:
                steps[metadata["type"]].append(now)
    if up.returncode or not all(len(times) == 2 for times in steps.values()):
        raise AssertionError(f"`{' '.join(command)}` ended with {up.returncode} after {steps}")
    proving.append(sum(MILLISECONDS * (after - before) for before, after in steps.values()))
    return steps[PROOF[-1]][-1]


def _script(program: Program, weights: dict[str, int]) -> float:
    program.run(str(BY_HAND), *map(str, weights.values()))
    return time.monotonic()
