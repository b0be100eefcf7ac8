"""A second stack for the app `shop`, on the cluster and the mesh of the session's as on somebody else's."""

from collections.abc import Generator
from contextlib import contextmanager

from components.gateway import envoy
from harness.labs import Lab, Program, project_copy
from harness.pace import pace
from tests.lab.baseline import Baseline

HOST = "shop.example"
TARGET = envoy.Target("default", "shop", "shop")
CONVERGENCE = {"timeoutSeconds": round(20 * pace()), "drainSeconds": 10}
ROUTING = {"gateway": "shop-gateway", "hosts": [HOST]}


@contextmanager
def second_stack(program: Program, lab: Lab, name: str) -> Generator[Program]:
    """A project whose stack is not up yet; destroyed at the end."""
    made = project_copy(program.folder.parent / name, lab, name)
    made.config(
        cluster=existing_cluster(program),
        istio={"install": False},
        app={"name": "shop"},
        routing=ROUTING,
        convergence=CONVERGENCE,
    )
    try:
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--remove", "--skip-preview")


def beginning(shop: Program) -> Baseline:
    """The way back to a second stack as its config is now."""
    return Baseline(shop, shop.config_file.read_text(), shop.folder / "baseline")


def existing_cluster(program: Program, kubeconfig: str | None = None) -> dict[str, object]:
    """The config of the session's cluster, by its own kubeconfig file or another one."""
    return {
        "kind": "kubeconfig",
        "path": kubeconfig or program.environment["KUBECONFIG"],
        "ingressAddress": program.outputs()["ingressHost"],
    }
