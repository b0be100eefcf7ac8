"""Stacks as a promotion has them: one cluster and mesh, each with a namespace and a host of its own."""

import yaml

from harness.labs import Program
from tests.lab.shop import existing_cluster

V1, V2 = {"image": "janakiramm/myapp:v1"}, {"image": "janakiramm/myapp:v2"}


def config(program: Program, name: str) -> str:
    """Return the config file of a stack that serves v1 alone, on the cluster of the session's program."""
    values = {
        "cluster": {**existing_cluster(program), "context": "minikube"},
        "istio": {"install": False},
        "app": {"name": "myapp", "namespace": name, "createNamespace": True},
        "routing": {"hosts": [f"{name}.example"]},
        "versions": {"v1": {**V1, "replicas": 2}},
        "weights": {"v1": 100},
    }
    lines = yaml.safe_dump({"config": {f"blue-green:{key}": value for key, value in values.items()}})
    return f"# The stack {name}.\n{lines}"
