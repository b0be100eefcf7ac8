"""Another project's Python program uses the wheel, with nothing of this repository's beside it."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.labs import Program
from tests.lab.load import load
from tests.lab.observe import PATIENT, get
from tests.lab.wheel import WHEN
from tools.release import build_wheel

PROJECT = """\
name: other
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
"""
PROGRAM = """\
import subprocess

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, Secret

from blue_green import BlueGreen

config = pulumi.Config()
seconds = config.require_int("seconds")


class Registry(pulumi.dynamic.ResourceProvider):
    def create(self, props):
        return pulumi.dynamic.CreateResult("built", {"tag": props["tag"]})

    def update(self, id, olds, news):
        return pulumi.dynamic.UpdateResult({"tag": news["tag"]})


class Build(pulumi.dynamic.Resource):
    tag: pulumi.Output[str]

    def __init__(self, tag):
        super().__init__(Registry(), "build", {"tag": tag})


build = Build(config.require("tag"))
namespace = Namespace("carts", metadata={"name": "carts"})
cart = BlueGreen(
    "cart",
    {
        "app": {"namespace": namespace.metadata["name"]},
        "versions": {
            "v1": {"image": "janakiramm/myapp:v1", "env": {"PASSWORD": config.require_secret("password")}},
            "v2": {"image": pulumi.Output.concat("janakiramm/myapp:", build.tag)},
        },
        "weights": config.require_object("weights"),
        "weights_key": "weights",
        "routing": {"hosts": [namespace.metadata["name"].apply("{}.example".format)]},
        "convergence": {"timeout_seconds": seconds, "drain_seconds": 10},
        "cluster": {
            "kubeconfig": config.require_secret("kubeconfig"),
            "ingress_address": config.require("address"),
        },
    },
)
if config.get_bool("shop"):
    BlueGreen(
        "shop",
        {
            "versions": {"v1": {"image": "janakiramm/myapp:v1", "replicas": 1}},
            "weights": {"v1": 100},
            "routing": {"hosts": ["shops.example"]},
            "convergence": {"timeout_seconds": seconds, "drain_seconds": 10},
            "cluster": {
                "kubeconfig": config.require_secret("kubeconfig"),
                "ingress_address": config.require("address"),
            },
        },
    )
pulumi.export("service", cart.service)
pulumi.export("url", cart.url)
pulumi.export("weights", cart.weights)
"""
PASSWORD = "never-to-be-shown"  # noqa: S105 - no real one


@pytest.fixture
def cart(program: Program, wheel: Path, tmp_path: Path) -> Iterator[Program]:
    """The other program's stack, not up yet."""
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / ".venv").symlink_to(wheel)
    made = Program(tmp_path, "other", {**program.environment, "PULUMI_STACK": "other"})
    made.run("pulumi", "stack", "select", "--create", "other")
    kubeconfig = program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout
    secrets = ("--secret", f"kubeconfig={kubeconfig}", "--secret", f"password={PASSWORD}")
    plain = ("--plaintext", f"address={program.outputs()['ingressHost']}", "--plaintext", "tag=v1")
    seconds = ("--plaintext", f"seconds={PATIENT['timeoutSeconds']}")
    made.run("pulumi", "config", "set-all", *secrets, *plain, *seconds)
    weigh(made, v1=100)
    try:
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")
        assert get(program, "deploy,svc,virtualservice", "-A", "-l", "app=cart")["items"] == []


def weigh(cart: Program, **weights: int) -> None:
    """The weights, as a person would write them."""
    whole = json.dumps({"weights": {"value": json.dumps(weights), "objectValue": weights}})
    cart.run("pulumi", "config", "set-all", "--json", whole)


def test_another_program_makes_an_app_of_outputs_and_moves_it_under_load(cart: Program) -> None:
    previewed = cart.preview().stdout
    first = cart.up("--skip-preview")
    assert (
        PASSWORD not in previewed + first.stdout + first.stderr + cart.run("pulumi", "stack", "export").stdout
    )
    variables = get(cart, "deployment", "cart-v1", "-n", "carts")["spec"]["template"]["spec"]["containers"][0]
    assert variables["env"] == [{"name": "PASSWORD", "value": PASSWORD}]
    outputs = cart.outputs()
    assert outputs["service"] == "cart"
    with load(str(outputs["url"]), {"Host": "carts.example"}) as answers:
        # Another image of v2 by an Output, and half of the traffic to it.
        cart.run("pulumi", "config", "set", "tag", "v2")
        weigh(cart, v1=50, v2=50)
        cart.up("--skip-preview")
        weigh(cart, v1=50, v2=40)
        refused = cart.up("--skip-preview", check=False)
        cart.run("pulumi", "config", "set", "tag", "not a tag")
        weigh(cart, v1=50, v2=50)
        late = cart.up("--skip-preview", check=False)
        cart.run("pulumi", "config", "set", "tag", "v2")
        weigh(cart, v2=100)
        cart.up("--skip-preview")
        cart.up("--skip-preview", "--expect-no-changes")
    assert {answer.version for answer in answers} == {"v1", "v2"}
    assert [answer.text for answer in answers if not answer.ok] == []
    assert cart.outputs()["weights"] == {"v1": 0, "v2": 100}
    for done, sentence in (
        (refused, "weights: they add up to 90, not 100. Write weights.v2: 50."),
        (late, "versions.v2.image: 'janakiramm/myapp:not a tag' is not an image"),
    ):
        said = done.stdout + done.stderr
        assert done.returncode, said
        assert sentence in said, said
        assert "Traceback" not in said


def test_the_commands_work_on_each_split_of_another_program(cart: Program, wheel: Path) -> None:
    def blue_green(*arguments: str, check: bool = True) -> str:
        done = cart.run(str(wheel / "bin" / "blue-green"), *arguments, check=check)
        assert bool(done.returncode) is not check
        return done.stdout + done.stderr

    cart.run("pulumi", "config", "set-all", "--plaintext", "shop=true", "--plaintext", "tag=v2")
    cart.up("--skip-preview")
    said = blue_green("verify", check=False)
    assert "stack other has 2 splits: add --split with one of cart, shop" in said
    assert "other is what its config says: v1 100 %" in blue_green(
        "verify", "--split", "shop", "--requests", "20"
    )
    before = yaml.safe_load(cart.config_file.read_text())["config"]
    with load(str(cart.outputs()["url"]), {"Host": "carts.example"}) as answers:
        judged = ("--pause", "3", "--min-requests", "5", "--report", str(cart.folder / "reports"))
        blue_green("shift", "v2", "--split", "cart", "--steps", "50,100", *judged)
        after = yaml.safe_load(cart.config_file.read_text())["config"]
        assert "v2 100 %" in blue_green("verify", "--split", "cart")
        assert "carts.example" in blue_green("open", "--split", "cart")
        assert blue_green("watch", "--split", "cart", "--plain", "--count", "5").count("vNext\n") == 5
        assert "routes by v1 100 % again" in blue_green("rollback", "--split", "cart")
    assert [answer.text for answer in answers if not answer.ok] == []
    # A shift of a program that is not ours edits that key alone.
    assert after.pop("other:weights") == {"v1": 0, "v2": 100}
    assert before.pop("other:weights") == {"v1": 100}
    assert after == before
    said = blue_green("shift", "v2", "--split", "shop", check=False)
    assert "the program does not say where the weights of the split shop stand" in said
    said = blue_green("open", "v2", "--split", "cart", check=False)
    assert "write v2 as testRoutes.v2.header.x-version (in Python: test_routes) into the split's" in said
    assert "has no split till, only cart, shop" in blue_green("verify", "--split", "till", check=False)


def test_the_command_is_installed(wheel: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [wheel / "bin" / "blue-green", "verify", "--stack", "dev"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "there is no Pulumi.yaml" in done.stderr


def test_the_same_commit_makes_the_same_wheel(tmp_path: Path) -> None:
    one, two = (build_wheel(tmp_path / name, WHEN) for name in ("one", "two"))
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()
