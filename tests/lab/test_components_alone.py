"""Another project's Python program uses the components, with nothing of this project's config."""

from harness.labs import ROOT, Program
from tests.lab.observe import get

PROJECT = """\
name: other
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
"""
PROGRAM = """\
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider

from components.application import Application
from components.traffic_split import TrafficSplit, TrafficSplitArgs
from components.settings.model import App, Routing, Version

kubeconfig = Path(pulumi.Config().require("kubeconfig")).read_text()
on = pulumi.ResourceOptions(provider=Provider("cluster", kubeconfig=kubeconfig))
app, versions = App("cart"), {name: Version(f"janakiramm/myapp:{name}") for name in ("v1", "v2")}
cart = Application("cart", app, versions, on)
args = TrafficSplitArgs(
    app, versions, {"v1": 25, "v2": 75}, kubeconfig, cart.deployments,
    Routing(hosts=("cart.example",), gateway="cart-gateway"),
)
after_cart = pulumi.ResourceOptions.merge(on, pulumi.ResourceOptions(depends_on=[cart]))
split = TrafficSplit("cart", args, after_cart)
pulumi.export("service", cart.service)
pulumi.export("weights", split.weights)
"""


def test_the_components_work_in_another_program(program: Program) -> None:
    folder = program.folder.parent / "other"
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "__main__.py").write_text(PROGRAM)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout)
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(ROOT / ".venv")
    environment = {**program.environment, "PULUMI_STACK": "other", "PYTHONPATH": str(ROOT)}
    other = Program(folder, "other", environment)
    other.run("pulumi", "stack", "select", "--create", "other")
    other.run("pulumi", "config", "set", "kubeconfig", str(kubeconfig))
    try:
        other.up("--skip-preview")
        assert other.outputs() == {"service": "cart", "weights": {"v1": 25, "v2": 75}}
        other.up("--skip-preview", "--expect-no-changes")
    finally:
        other.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")
    assert get(program, "deploy,svc,virtualservice", "-l", "app=cart")["items"] == []
