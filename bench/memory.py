"""How much memory each process takes: of an `up`, and of the whole lab."""

import contextlib
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import psutil

from bench.figure import Figure
from bench.place import LAB
from harness.labs import ROOT, Lab, Program

MIB = 2**20
# By a part of the command line.
PROCESSES = {
    "pulumi-language-python-exec": "memory of the program",
    "pulumi.dynamic": "memory of the proof's provider",
    "pulumi-resource-kubernetes": "memory of the Kubernetes provider",
    "pulumi up": "memory of Pulumi's engine",
}
PROGRAM, PROVIDER = "memory of the program", "memory of the proof's provider"


def measure(lab: Lab, program: Program, rounds: int) -> list[Figure]:
    """Read the peaks in an `up` a round, and the lab's sum at the end."""
    found = [peaks(program) for _ in range(rounds)]
    figures = [Figure(what, tuple(one[what] for one in found), "MiB") for what in PROCESSES.values()]
    plugin = Figure("memory of the plugin, begun", tuple(_plugin() for _ in range(rounds)), "MiB")
    return [*figures, plugin, Figure("memory of the whole lab", (_lab(lab),), "MiB")]


def peaks(program: Program) -> dict[str, float]:
    """Run `up` and return the most resident memory of each kind of process, in MiB."""
    most: dict[str, float] = defaultdict(float)
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        command, cwd=program.folder, env=program.environment, stdout=subprocess.DEVNULL
    ) as up:
        engine = psutil.Process(up.pid)
        while up.poll() is None:
            with contextlib.suppress(psutil.Error):
                for process in (engine, *engine.children(recursive=True)):
                    _note(process, most)
            time.sleep(0.05)
    if up.returncode:
        raise AssertionError(f"`{' '.join(command)}` ended with {up.returncode}")
    return most


def _plugin() -> float:
    """Return the resident memory of the plugin that serves programs in other languages, once it serves."""
    run = "from components.plugin.main import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as engine:
        host, port = engine.getsockname()
        command = [sys.executable, "-c", run, f"{host}:{port}"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as plugin:
            try:
                assert plugin.stdout is not None  # noqa: S101 - it is a pipe
                plugin.stdout.readline()
                return psutil.Process(plugin.pid).memory_info().rss / MIB
            finally:
                plugin.kill()


def _note(process: psutil.Process, most: dict[str, float]) -> None:
    with contextlib.suppress(psutil.Error):  # it has just ended
        line = " ".join(process.cmdline())
        for part, what in PROCESSES.items():
            if part in line:
                most[what] = max(most[what], process.memory_info().rss / MIB)
                return


def _lab(lab: Lab) -> float:
    """Return the proportional set size of every process in the lab's network namespace, in MiB."""
    inside = lab.run(*LAB, "exec", "--", "readlink", "/proc/self/ns/net").stdout.strip()
    total = 0
    for process in psutil.process_iter():
        # Some processes end meanwhile, and some show their namespaces to nobody.
        with contextlib.suppress(psutil.Error, OSError):
            if str(Path(f"/proc/{process.pid}/ns/net").readlink()) == inside:
                total += process.memory_full_info().pss
    return total / MIB
