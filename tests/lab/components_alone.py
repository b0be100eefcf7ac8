"""The stack of a program that uses the components one by one, and gives them a kubeconfig's text."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from harness.labs import ROOT, Program

PROJECT = """\
name: alone
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
"""
PROGRAM = """\
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider

from components.application import Application
from components.settings.model import App, Routing, Version
from components.traffic_split import TrafficSplit, TrafficSplitArgs

kubeconfig = Path(pulumi.Config().require("kubeconfig")).read_text()
on = pulumi.ResourceOptions(provider=Provider("cluster", kubeconfig=pulumi.Output.secret(kubeconfig)))
app, versions = App("alone"), {name: Version(f"janakiramm/myapp:{name}") for name in ("v1", "v2")}
application = Application("alone", app, versions, on)
routing = Routing(hosts=("alone.example",), gateway="alone-gateway")
weights = pulumi.Config().require_object("weights")
args = TrafficSplitArgs(app, versions, weights, kubeconfig, application.deployments, routing)
after = pulumi.ResourceOptions(depends_on=[application])
TrafficSplit("alone", args, pulumi.ResourceOptions.merge(on, after))
"""


def weigh(program: Program, **weights: int) -> None:
    """Sets the weights of such a program."""
    for version, weight in weights.items():
        program.run("pulumi", "config", "set", "--path", "--plaintext", f"weights.{version}", str(weight))


@contextmanager
def components_alone(program: Program, kubeconfig: Path, folder: Path) -> Generator[Program]:
    """A project whose stack is not up yet; destroyed at the end."""
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "__main__.py").write_text(PROGRAM)
    for name in ("components", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    made = Program(folder, "alone", {**program.environment, "PULUMI_STACK": "alone"})
    made.run("pulumi", "stack", "select", "--create", "alone")
    made.run("pulumi", "config", "set", "kubeconfig", str(kubeconfig))
    weigh(made, v1=100, v2=0)
    try:
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")
