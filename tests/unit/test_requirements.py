"""requirements.txt is all that the program and the commands need, late imports too."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.unit.test_architecture import ROOT, imported


def file_of(name: list[str]) -> Path | None:
    """The file of ours that an imported name is in, None where it is not ours."""
    for length in range(len(name), 0, -1):
        path = ROOT.joinpath(*name[:length])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def outside(file: Path, seen: set[Path]) -> set[str]:
    """The packages of others that a file and all that it imports need."""
    seen.add(file)
    found: set[str] = set()
    for name in imported(file):
        ours = file_of(name)
        if ours is None:
            found.add(name[0])
        elif ours not in seen:
            found |= outside(ours, seen)
    return found


@pytest.mark.parametrize("begins", ["__main__.py", "rollout/__main__.py"])
def test_what_the_program_and_the_commands_import_is_pinned(begins: str) -> None:
    text = (ROOT / "requirements.txt").read_text()
    pinned = {name.lower().replace("_", "-") for name in re.findall(r"^([\w-]+)==", text, re.MULTILINE)}
    known = packages_distributions()
    needed = {
        distribution.lower().replace("_", "-")
        for package in outside(ROOT / begins, set()) - sys.stdlib_module_names
        for distribution in known[package]
    }
    # The dashboard says what to type where its two are not there.
    assert needed - {"starlette", "uvicorn"} <= pinned
