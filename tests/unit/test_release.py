"""What the plugin's archives are made of, without the builds of a whole release."""

import fcntl
import tarfile
from pathlib import Path

import pytest

from tools import release


def test_what_pulumi_left_in_the_plugins_folder_is_in_no_archive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`pulumi package add PATH/plugin` makes its virtual environment there."""
    python = tmp_path / "plugin" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    (tmp_path / "plugin" / "PulumiPlugin.yaml").write_text("runtime: python\n")
    wheel = tmp_path / "a.whl"
    wheel.write_text("")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    for archive in release.plugins(tmp_path, wheel, tmp_path / "scratch", 0):
        with tarfile.open(archive) as packed:
            assert packed.getnames() == ["PulumiPlugin.yaml", "a.whl", "requirements.txt"]


def test_a_wheel_is_built_while_no_other_build_has_the_scratch_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "build").mkdir()
    commands: list[tuple[str, ...]] = []

    def run(*command: str, **_: str) -> str:
        commands.append(command)
        assert not (tmp_path / "build").exists()
        with (tmp_path / "pyproject.toml").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return ""

    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "_run", run)
    release.build_wheel(tmp_path / "dist", 0)
    assert len(commands) == 1
