"""A whole life in a clone of its own: `make up`, an `up` with the lab down, `make down`; nothing is left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.labs import ROOT
from harness.pace import pace
from lab import host
from lab.layout import DEFAULT_SUBNET, Lab
from tests.lab import subnets
from tests.lab.second_lab import SecondLab, differences, living, machine, survivors

SECONDS = 280

pytestmark = pytest.mark.timeout(600)


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


def test_of_a_whole_life_nothing_is_left(clone: Path) -> None:
    own = SecondLab(clone / ".lab", subnets.THIRD, clone.parent / "home")
    before = machine(own)
    files = {path: path.read_bytes() for path in clone.glob("*.*") if path.is_file()}

    said = typed(clone, f"make up LAB_SUBNET={subnets.THIRD}")
    assert f"The app is at http://{subnets.host(subnets.THIRD)}:31380. What next:" in said
    were = living(own)
    assert "is what its config says" in typed(clone, "make verify")

    psutil.Process(host.ensure_running(Lab(own.folder, clone / ".tools", DEFAULT_SUBNET))).kill()
    failed = typed(clone, 'eval "$(make -s env)"; pulumi up --yes --non-interactive', check=False)
    assert f"lab: the host of {own.folder} is not running: make up" in failed
    assert "driver" not in failed

    said = typed(clone, "make down")
    assert "what stays for the next `make up`" in said
    assert survivors(were, own) == []
    assert differences(before, machine(own)) == []
    assert list((clone.parent / "home").iterdir()) == []
    assert {path: path.read_bytes() for path in files} == files
    assert [path.name for path in own.folder.iterdir()] == ["pulumi"]
