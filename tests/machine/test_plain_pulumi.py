"""README's way on a cluster of one's own, with nothing on PATH but pulumi and python3."""

from pathlib import Path

import pytest
import yaml

from harness.labs import Program
from tests.lab import stages
from tests.lab.plain import checkout


@pytest.mark.timeout(600)
def test_install_init_and_up(program: Program, tmp_path: Path) -> None:
    with checkout(program, tmp_path, "mine") as clone:
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
