"""What a person meets before anything is installed: in a clone that was never built, without a lab."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs import ROOT
from harness.pace import pace

# Debian's own, which has none of the project's packages.
SYSTEM = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this checkout that Git knows, and nothing that was built."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["cp", "--parents", "-t", folder, *listed.split(b"\0")[:-1]], cwd=ROOT, check=True)
    return folder


@pytest.fixture(autouse=True)
def nothing_is_made(clone: Path) -> Iterator[None]:
    yield
    assert not {".venv", ".tools", ".lab"} & {path.name for path in clone.iterdir()}


def typed(folder: Path, *command: str, **variables: str) -> tuple[int, str]:
    """Run a command as in a clean shell; its status, and the lines that are not make's own."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=SYSTEM | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60 * pace(),
    )
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode, "\n".join(line for line in lines if not line.startswith("make"))


def test_a_stack_that_there_is_not_is_refused_with_those_that_there_are(clone: Path) -> None:
    status, said = typed(clone, "make", "up", "STACK=nope")
    assert status
    assert said == (
        "setup: there is no stack nope: Pulumi.nope.yaml is missing. There are: dev lab prod staging"
    )


def test_the_stack_of_the_shell_is_the_one_that_is_meant(clone: Path) -> None:
    for command in ("verify", "rollback", "up"):
        status, said = typed(clone, "make", command, PULUMI_STACK="nope")
        assert (status, said.split(":")[:2]) == (2, ["setup", " there is no stack nope"])


def test_down_where_nothing_was_ever_made_has_nothing_to_do(clone: Path) -> None:
    assert typed(clone, "make", "down") == (0, "down: there is no lab here, so there is nothing to remove")


def test_down_ends_a_lab_whose_folder_was_deleted(clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    subprocess.run(["cp", "-r", clone, folder], check=True)
    with (folder / "lab" / "host.py").open("a") as file:
        file.write("\n\ndef exists(lab: Lab) -> bool:\n    return True\n")
    # With -n make says what it would type.
    status, said = typed(folder, "make", "-n", "down", PYTHONDONTWRITEBYTECODE="1")
    assert status == 0, said
    assert ".venv/bin/python -m lab down\n" in said


def test_down_of_another_stack_is_confirmed_by_its_name(clone: Path) -> None:
    status, said = typed(clone, "make", "down", "STACK=prod")
    assert status
    assert said == (
        "down: this destroys stack prod and all that it made. "
        "To confirm, type: make down STACK=prod CONFIRM=prod"
    )
    assert typed(clone, "tools/confirm.sh", "prod", "staging")[0]
    assert typed(clone, "tools/confirm.sh", "prod", "prod") == (0, "")
    assert typed(clone, "tools/confirm.sh", "lab") == (0, "")


@pytest.mark.parametrize("module", ["rollout", "lab", "tools"])
def test_without_the_projects_packages_the_line_that_installs_them_is_said(clone: Path, module: str) -> None:
    status, said = typed(clone, "python3", "-m", module, PYTHONDONTWRITEBYTECODE="1")
    line = "pulumi install, or for the lab: make setup" if module == "rollout" else "make setup"
    assert (status, said) == (
        1,
        f"{module}: the project's Python packages are not installed yet. Type: {line}",
    )


def test_the_projects_own_environment_is_found_by_any_python() -> None:
    status, said = typed(ROOT, "/usr/bin/python3", "-m", "rollout", "--help")
    assert status == 0, said
    assert "shift" in said


def test_a_taken_subnet_is_refused_before_anything_is_installed(clone: Path) -> None:
    status, said = typed(clone, "make", "up", LAB_SUBNET="127.0.0.0/24", PYTHONDONTWRITEBYTECODE="1")
    assert status
    taken = "lab: 127.0.0.0/24 is taken, by 127.0.0.0/8 on lo: make up LAB_SUBNET=192.168."
    assert said.startswith(taken) or (os.geteuid() and "run it as root" in said)


def test_a_folder_that_the_lab_cannot_be_in_is_refused_before_anything_is_installed(
    clone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my project"
    subprocess.run(["cp", "-r", clone, folder], check=True)
    status, said = typed(folder, "make", "up", PYTHONDONTWRITEBYTECODE="1")
    assert status
    odd = "has ' ' in its path: move this folder to a path without"
    assert odd in said or (os.geteuid() and "run it as root" in said)
