"""A clone of the project as a newcomer has it, and a clean shell to type into."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs import ROOT
from harness.pace import pace

SECONDS = 280


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone that shares the Python packages and the cache of built tools, as a second one does."""
    folder = tmp_path / "clone"
    folder.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["cp", "--parents", "-t", folder, *listed.split(b"\0")[:-1]], cwd=ROOT, check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "home").mkdir()
    yield folder
    typed(folder, "make down", check=False)


def typed(folder: Path, script: str, *, check: bool = True) -> str:
    """Type a line into a clean shell with a home of its own; what it said."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    names = ("PATH", "LANG", "TMPDIR")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=kept | {"HOME": str(folder.parent / "home"), "XDG_CACHE_HOME": cache},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS * pace(),
    )
    said = done.stdout + done.stderr
    assert not check or done.returncode == 0, said
    assert "Traceback" not in said
    return said
