"""Timings of the lab, of Minikube on it and of `pulumi up`, and the memory that they take."""

import contextlib
import subprocess
import sys
from pathlib import Path

import psutil

from bench.figure import Figure, seconds
from tests.lab.harness import ROOT, Lab, Program, lab_command, lab_host, project_copy

FOLDER = ROOT / ".lab" / "bench"
SUBNET = "192.168.51.0/24"
EMPTY = "up of an empty program"
MIB = 2**20


def measure(rounds: int) -> list[Figure]:
    """Measure on a lab of its own; everything made is removed at the end."""
    host = seconds(lambda: subprocess.run([*lab_command(FOLDER, SUBNET), "up"], cwd=ROOT, check=True))
    with lab_host(FOLDER, SUBNET) as lab:
        program = project_copy(FOLDER / "project", lab)
        everything = seconds(program.up)
        figures = [
            Figure("lab up", (host,)),
            Figure("first pulumi up: Minikube, Istio, app", (everything,)),
            *_ups(program, _empty(lab), rounds),
            Figure("memory of the lab's processes", (_memory(lab),), unit="MiB"),
        ]
        program.run("pulumi", "destroy", "--yes", "--non-interactive")
    return figures


def _ups(program: Program, empty: Program, rounds: int) -> list[Figure]:
    """Time `up` of a changed split, of nothing changed and of an empty program, and `rollback`, by turns."""
    changed: list[float] = []
    unchanged: list[float] = []
    nothing: list[float] = []
    back: list[float] = []
    for turn in range(rounds):
        program.config(weights={"v1": 100 - 10 * (turn % 10), "v2": 10 * (turn % 10)})
        changed.append(seconds(program.up))
        unchanged.append(seconds(program.up))
        nothing.append(seconds(empty.up))
        back.append(seconds(lambda: program.run("python", "-m", "rollout", "rollback")))
    return [
        Figure(EMPTY, tuple(nothing)),
        Figure("up of changed weights", tuple(changed), against=EMPTY),
        Figure("up of nothing changed", tuple(unchanged), against=EMPTY),
        Figure("rollback", tuple(back), against="up of changed weights"),
    ]


def _empty(lab: Lab) -> Program:
    folder = FOLDER / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(
        f"name: empty\nruntime: {{name: python, options: {{virtualenv: {Path(sys.prefix)}}}}}\n"
    )
    (folder / "__main__.py").write_text("import pulumi\n")
    empty = Program(folder, "empty", {**lab.environment, "PULUMI_STACK": "empty"})
    empty.run("pulumi", "stack", "select", "--create", "empty")
    empty.up()
    return empty


def _memory(lab: Lab) -> float:
    """Return the proportional set size of every process in the lab's network namespace, in MiB."""
    inside = lab.run(
        *lab_command(FOLDER, SUBNET), "exec", "--", "readlink", "/proc/self/ns/net"
    ).stdout.strip()
    total = 0
    for process in psutil.process_iter():
        # Some processes end meanwhile, and some show their namespaces to nobody.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if _namespace(process.pid) == inside:
                total += process.memory_full_info().pss
    return total / MIB


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())
