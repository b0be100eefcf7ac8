"""Each example as its README has it: up, a move, wrong weights, the commands, destroy; under load."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from harness.labs import ROOT, Program
from tests.lab.load import load
from tests.lab.observe import get

GENERATE = 'pulumi package gen-sdk "$(command -v pulumi-resource-blue-green)" --language {} --out sdks'
# What the README of a language says to type before the first `up`.
PREPARED: Mapping[str, tuple[str, ...]] = {
    "go": (GENERATE.format("go"),),
    "parts": (),
    # What `pip install` of the wheel would make, but of the packages of the lock.
    "python": ('ln -sn "$WHEEL" .venv',),
    "typescript": (GENERATE.format("nodejs"), "npm ci --no-audit --no-fund --ignore-scripts"),
    "yaml": (),
}
# The commands see a stack's state, which is of the same form in every language; that of the parts is not.
COMMANDED = ("parts", "python", "yaml")


@pytest.fixture(params=sorted(PREPARED))
def example(
    request: pytest.FixtureRequest, program: Program, environment: Mapping[str, str], tmp_path: Path
) -> Iterator[Program]:
    """The stack `dev` of a copy of the example, not up yet."""
    folder = tmp_path / request.param
    theirs = shutil.ignore_patterns("sdks", "node_modules", ".venv")
    shutil.copytree(ROOT / "examples" / request.param, folder, ignore=theirs)
    # The stack that `init` selects is the one that all commands are about.
    made = Program(
        folder, "dev", {name: value for name, value in environment.items() if name != "PULUMI_STACK"}
    )
    for line in PREPARED[request.param]:
        made.run("sh", "-c", line)
    made.run("pulumi", "stack", "init", "dev")
    try:
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")
        assert (
            get(program, "deploy,svc,virtualservice,gateway.networking.istio.io", "-l", "app=cart")["items"]
            == []
        )


def weigh(example: Program, **weights: int) -> None:
    """The weights, as a person would write them."""
    whole = json.dumps({"weights": {"value": json.dumps(weights), "objectValue": weights}})
    example.run("pulumi", "config", "set-all", "--json", whole)


def commanded(example: Program) -> None:
    """What is done to a stack when it is up: nothing, a refresh, and the commands."""
    weigh(example, v2=100)
    example.up("--skip-preview")
    example.up("--skip-preview", "--refresh", "--expect-no-changes")
    assert "v2 100 %" in example.run("blue-green", "verify").stdout
    assert example.run("blue-green", "watch", "--plain", "--count", "5").stdout.count("vNext\n") == 5
    example.run("blue-green", "rollback", "--split", "cart")
    assert yaml.safe_load(example.config_file.read_text())["config"]["cart:weights"] == {"v1": 50, "v2": 50}


def test_an_example_moves_traffic_under_load(program: Program, example: Program) -> None:
    weigh(example, v1=100)
    example.up("--skip-preview")
    with load(str(program.outputs()["url"]), {"Host": "cart.example"}) as answers:
        weigh(example, v1=50, v2=50)
        example.preview()
        example.up("--skip-preview")
        weigh(example, v1=50, v2=40)
        refused = example.up("--skip-preview", check=False)
        if example.folder.name in COMMANDED:
            commanded(example)
    assert {answer.version for answer in answers} == {"v1", "v2"}
    assert [answer.text for answer in answers if not answer.ok] == []
    said = refused.stdout + refused.stderr
    assert refused.returncode, said
    assert "they add up to 90, not 100. Write weights.v2: 50." in said, said
    assert any(path in said for path in ("property weights", " weights: they add")), said
    assert "Traceback" not in said
