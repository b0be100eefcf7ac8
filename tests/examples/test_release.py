"""What `make dist` makes: the same bytes twice, and a plugin that Pulumi installs."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.version import VERSION
from harness.labs import ROOT, Program
from tools import release


def sums(files: list[Path]) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


# The installation fetches the wheel's dependencies.
@pytest.mark.timeout(900)
def test_the_same_commit_makes_the_same_release_and_pulumi_installs_its_plugin(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    made = release.make(tmp_path / "one")
    assert sums(made) == sums(release.make(tmp_path / "two"))
    archive = tmp_path / "one" / f"pulumi-resource-blue-green-v{VERSION}-linux-amd64.tar.gz"
    commands = Path(environment["PATH"].partition(":")[0])
    without = tmp_path / "bin"
    shutil.copytree(commands, without, symlinks=True)
    (without / "pulumi-resource-blue-green").unlink()
    theirs = {
        **environment,
        "PATH": environment["PATH"].replace(str(commands), str(without)),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_STACK": "dev",
    }
    shutil.copytree(ROOT / "examples" / "yaml", tmp_path / "yaml")
    program = Program(tmp_path / "yaml", "dev", theirs)
    program.run("pulumi", "plugin", "install", "resource", "blue-green", VERSION, "--file", str(archive))
    program.run("pulumi", "stack", "init", "dev")
    try:
        program.run("pulumi", "config", "set", "--path", "weights.v1", "90")
        said = program.preview(check=False).stdout
        assert "property weights" in said
        assert "they add up to 90, not 100" in said
    finally:
        program.run("pulumi", "stack", "rm", "--yes", "dev")
