"""Minikube with driver docker: what a user types by hand, and `make up STACK=dev`."""

import shutil
import subprocess

import yaml

from bench.figure import Figure, seconds
from bench.place import FOLDER, SUBNET
from components.profile.cli import start_arguments
from harness.clones import stack_dev
from harness.labs import Lab, lab_host

MINIKUBE = "minikube start by docker alone"
HELD_BY = "it has Istio and the app too, and twenty requests at the end"


def measure(rounds: int) -> list[Figure]:
    """Make the cluster anew in each round, of images that Docker has."""
    minikube: list[float] = []
    make: list[float] = []
    place = FOLDER.with_name("bench-docker")
    with lab_host(place, SUBNET, docker=True) as lab:
        user = place / "stack"
        shutil.rmtree(user, ignore_errors=True)
        environment = stack_dev(user, lab)
        config = yaml.safe_load((user / "clone" / "Pulumi.dev.yaml").read_text())["config"]
        start = ("minikube", *start_arguments(config["blue-green:cluster"]))

        def typed(*command: str) -> None:
            subprocess.run(command, cwd=user / "clone", env=environment, check=True)

        for _ in range(rounds):
            _delete(lab)
            minikube.append(seconds(lambda: typed(*start)))
            _delete(lab)
            make.append(seconds(lambda: typed("make", "up", "STACK=dev")))
            typed("make", "down", "STACK=dev", "CONFIRM=dev")
    return [
        Figure(MINIKUBE, tuple(minikube)),
        Figure("make up STACK=dev", tuple(make), against=MINIKUBE, goal=2, held_by=HELD_BY),
    ]


def _delete(lab: Lab) -> None:
    lab.run("minikube", "delete", "--profile", "dev")
