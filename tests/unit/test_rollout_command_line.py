"""What scripts rely on: options that every command has, and exit statuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from components.commands import main as commands

RUN = CliRunner()
ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "up",
    "down",
    "watch",
    "verify",
    "open",
    "shift",
    "rollback",
    "dashboard",
    "promote",
    "preview",
    "explain",
    "init",
]


def test_the_commands_are_these() -> None:
    known = [one.name or getattr(one.callback, "__name__", "") for one in commands.app.registered_commands]
    assert known == NAMES


def test_commands_start_without_pulumis_sdk() -> None:
    """It takes a tenth of a second to import, and only the program needs it."""
    look = "import sys, rollout.__main__; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_an_example_and_json(name: str) -> None:
    said = RUN.invoke(commands.app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert f"Example: blue-green {name} " in said
    assert "--output" in said


@pytest.mark.parametrize("name", NAMES)
def test_wrong_use_exits_2(name: str) -> None:
    assert RUN.invoke(commands.app, [name, "--no-such-option"]).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["verify", "--stack", "lab"], ["verify"], ["preview"], ["dashboard"], ["shift", "--stack", "lab"]],
)
def test_mistake_of_the_user_is_one_message_and_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.setattr("sys.argv", ["rollout", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert str(ended.value.code).startswith("blue-green: ")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that `up` is asked for, in a project whose selected stack is `mine`."""
    pulumi = tmp_path / "pulumi"
    asked = "--non-interactive stack --show-name --fully-qualify-stack-names"
    pulumi.write_text(
        f'#!/bin/sh\n[ "$*" = "{asked}" ] && echo ${{SELECTED:-organization/blue-green/mine}}\n'
    )
    pulumi.chmod(0o755)
    (tmp_path / "Pulumi.yaml").touch()
    stacks: list[str] = []

    def up(stack: str, **_: object) -> None:
        stacks.append(stack)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands.stacks, "up", up)
    return stacks


def test_a_command_is_about_the_selected_stack_as_pulumi_is(asked: list[str]) -> None:
    assert RUN.invoke(commands.app, ["up"]).exit_code == 0
    assert asked == ["mine"]


def test_the_selected_stack_of_another_organization_is_asked_for_by_its_whole_name(asked: list[str]) -> None:
    RUN.invoke(commands.app, ["up"], env={"SELECTED": "acme/blue-green/prod"})
    assert asked == ["acme/blue-green/prod"]


@pytest.mark.parametrize(
    ("arguments", "variable"), [(["--stack", "other"], "theirs"), ([], "other"), (["--stack", "other"], "")]
)
def test_a_stack_that_is_named_comes_before_the_selected_one(
    asked: list[str], arguments: list[str], variable: str
) -> None:
    RUN.invoke(commands.app, ["up", *arguments], env={"PULUMI_STACK": variable})
    assert asked == ["other"]


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.stacks, "up", interrupted)
    assert RUN.invoke(commands.app, ["up", "--stack", "lab"]).exit_code == 130
