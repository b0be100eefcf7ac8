"""What the plugin's archives are made of, without the builds of a whole release."""

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
