"""What the shells offer after Tab, asked as bash, zsh and fish ask for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "import sys; sys.argv[0] = 'blue-green'; from components.commands.main import main; main()"
STACK = 'config:\n  "blue-green:versions": {v1: {image: a}, v2: {image: b}}\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder below a project with two stacks."""
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    for name in ("staging", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(STACK)
    (tmp_path / "below").mkdir()
    return tmp_path / "below"


def asked(shell: str, folder: Path, *words: str) -> str:
    line = " ".join(words)
    asks = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMAND],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        | {"_BLUE_GREEN_COMPLETE": f"complete_{shell}"}
        | asks[shell],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_project_s_stacks_are_offered(shell: str, project: Path) -> None:
    said = asked(shell, project, "blue-green", "verify", "--stack", "st")
    assert "staging" in said
    assert "prod" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_versions_of_the_named_stack_are_offered(shell: str, project: Path) -> None:
    said = asked(shell, project, "blue-green", "shift", "--stack", "prod", "v")
    assert "v1" in said
    assert "v2" in said


def test_outside_of_a_project_nothing_is_offered_and_nothing_is_said(tmp_path: Path) -> None:
    assert asked("bash", tmp_path, "blue-green", "verify", "--stack", "st").strip() == ""
