"""From nothing to a split, all tools built: the lab, Minikube, the program, `make up`."""

import os
import shutil
import subprocess

import yaml

from bench.figure import Figure, seconds
from bench.place import FOLDER, LAB, ROOT, host
from components.profile.cli import start_arguments
from harness.labs import Lab, project_copy
from tools import env

MINIKUBE = "minikube start alone"
STACK = "Pulumi.lab.yaml"
CHARTS = (
    "each of Istio's three charts needs the one before, istiod is ready at the kubelet's second look "
    "after four seconds, and Helm looks every two seconds"
)


def measure(rounds: int) -> list[Figure]:
    """Make everything anew in each round."""
    both: list[float] = []
    minikube: list[float] = []
    everything: list[float] = []
    make: list[float] = []
    with host():
        pass  # keeps the images, for all that come after it
    for _ in range(rounds):
        up = seconds(lambda: subprocess.run([*LAB, "up"], cwd=ROOT, check=True))
        with host() as lab:  # finds it running
            minikube.append(seconds(lambda lab=lab: _start_minikube(lab)))
            both.append(up + minikube[-1])
            everything.append(_everything(lab))
        make.append(_make_up())
    return [
        Figure(MINIKUBE, tuple(minikube)),
        Figure("lab up and minikube start", tuple(both), against=MINIKUBE, goal=1.5),
        Figure("pulumi up of everything, Minikube started", tuple(everything), goal=10, held_by=CHARTS),
        Figure("make up, tools built", tuple(make), goal=30),
    ]


def _start_minikube(lab: Lab) -> None:
    config = yaml.safe_load((ROOT / STACK).read_text())["config"]
    lab.run("minikube", *start_arguments(config["blue-green:cluster"]))


def _everything(lab: Lab) -> float:
    program = project_copy(FOLDER / "project", lab)
    address = program.run("minikube", "ip").stdout.strip()
    kubeconfig = lab.environment["KUBECONFIG"]
    program.config(cluster={"kind": "kubeconfig", "path": kubeconfig, "ingressAddress": address})
    return seconds(program.up)


def _make_up() -> float:
    """Time the Makefile's own target, on the lab of the benchmark."""
    state = FOLDER / "pulumi"
    shutil.rmtree(state, ignore_errors=True)
    command = ["make", "up", "STACK=lab", f"LAB={' '.join(LAB)}"]
    environment = os.environ | env.variables("lab", state)
    try:
        return seconds(lambda: subprocess.run(command, cwd=ROOT, env=environment, check=True))
    finally:
        subprocess.run([*LAB, "down"], cwd=ROOT, check=True)
