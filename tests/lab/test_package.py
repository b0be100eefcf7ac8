"""Another project's Python program uses the wheel, with nothing of this repository's beside it."""

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

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

from blue_green.application import Application
from blue_green.settings.model import App, Routing, Version
from blue_green.traffic_split import TrafficSplit, TrafficSplitArgs

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


def build(folder: Path) -> Path:
    """The wheel, as `make dist` builds it."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the wheel, and what it needs from the repository's own."""
    folder = tmp_path_factory.mktemp("package")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (theirs,) = (ROOT / ".venv").glob("lib/python*/site-packages")
    wheel = build(folder / "wheel")
    install = [sys.executable, "-m", "pip", "--python", venv, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    # Only what the wheel says that it needs, and that from the lock: nothing is downloaded.
    (site / "locked.pth").write_text(f"{theirs}\n")
    return venv


@pytest.fixture
def cart(program: Program, environment: Path, tmp_path: Path) -> Iterator[Program]:
    """The other program's stack, up."""
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout)
    (tmp_path / ".venv").symlink_to(environment)
    made = Program(tmp_path, "other", {**program.environment, "PULUMI_STACK": "other"})
    made.run("pulumi", "stack", "select", "--create", "other")
    made.run("pulumi", "config", "set", "kubeconfig", str(kubeconfig))
    try:
        made.up("--skip-preview")
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")
        assert get(program, "deploy,svc,virtualservice", "-l", "app=cart")["items"] == []


def test_the_components_work_in_another_program(cart: Program) -> None:
    assert cart.outputs() == {"service": "cart", "weights": {"v1": 25, "v2": 75}}
    cart.up("--skip-preview", "--expect-no-changes")


def test_the_command_is_installed(environment: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [environment / "bin" / "blue-green", "verify", "--stack", "dev"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "there is no Pulumi.yaml" in done.stderr


def test_the_same_commit_makes_the_same_wheel(tmp_path: Path) -> None:
    one, two = (build(tmp_path / name) for name in ("one", "two"))
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()


def test_the_wheel_has_every_package_of_components() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = (file.parent.relative_to(ROOT) for file in (ROOT / "components").rglob("__init__.py"))
    assert packages == sorted(
        ".".join(("blue_green", *folder.parts[1:])) for folder in folders if "__pycache__" not in folder.parts
    )
