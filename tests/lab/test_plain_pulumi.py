"""README's way on a cluster of one's own, with nothing on PATH but pulumi and python3."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.labs import ROOT, Program
from tests.lab import stages


@pytest.fixture
def clone(program: Program, tmp_path: Path) -> Iterator[Program]:
    """A fresh checkout, and an environment whose PATH has the two alone."""
    folder, path = tmp_path / "clone", tmp_path / "bin"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, files.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    path.mkdir()
    # Pulumi looks for its language host beside itself.
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        (path / name).symlink_to((ROOT / ".tools" / "bin" / "pulumi").resolve().parent / name)
    # The interpreter itself: what PATH has may be a script of a version manager.
    (path / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    kept = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "HOME", "KUBECONFIG")
    pip = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))
    }
    environment = {
        **{name: program.environment[name] for name in kept if name in program.environment},
        **pip,
        "PATH": str(path),
        # Its plugin is in Pulumi's home already; the makers' server may be out of reach.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    made = Program(folder, "mine", environment)
    yield made
    made.run("pulumi", "destroy", "--yes", "--non-interactive", "--remove", "--stack", "mine", check=False)


@pytest.mark.timeout(600)
def test_install_init_and_up(program: Program, clone: Program) -> None:
    before = {file: file.read_bytes() for file in clone.folder.glob("*") if file.is_file()}
    clone.run("pulumi", "install")
    clone.run("pulumi", "stack", "init", "mine")
    config = yaml.safe_load(stages.config(program, "mine"))
    own = yaml.safe_load((clone.folder / "Pulumi.mine.yaml").read_text() or "{}")
    (clone.folder / "Pulumi.mine.yaml").write_text(yaml.safe_dump({**own, **config}))
    clone.up()
    assert clone.outputs()["weights"] == {"v1": 100}
    # A committed file is the same as before: only the stack's own is new.
    assert {file: file.read_bytes() for file in before} == before
