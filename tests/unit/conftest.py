"""What several unit tests stand on."""

import json
import os
from pathlib import Path

import pytest

from tests.unit.fake_minikube import KUBECONFIG, SCRIPT, FakeMinikube


@pytest.fixture
def minikube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMinikube:
    """A fake on PATH; there is no profile, and every command but `status` succeeds."""
    program = tmp_path / "bin" / "minikube"
    program.parent.mkdir()
    program.write_text(SCRIPT.format(folder=tmp_path))
    program.chmod(0o755)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("MINIKUBE_HOME", str(tmp_path / ".minikube"))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    fake = FakeMinikube(tmp_path)
    fake.is_gone()
    fake.answers("ip", "10.0.0.1")
    fake.answers("addons-list", json.dumps({"ingress": {}, "metrics-server": {}}))
    return fake
