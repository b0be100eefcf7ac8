"""`make up STACK=dev`, as it is typed, where PATH has what the program needs: nothing is compiled."""

import os
import subprocess
from pathlib import Path

from harness.clones import clone
from harness.pace import pace

# What each says of itself; all else fails, and is noted as everything that is asked of them.
SAYS = {
    "docker": "Server Version: 27.0.0",
    "pulumi": "v3.259.0",
    "minikube": "v1.38.1",
    "kubectl": "Client Version: v1.35.1",
    "go": "go version go1.26.8 linux/amd64",
    "gcc": "",
}


def test_nothing_is_compiled_where_path_has_the_tools(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    clone(folder)
    commands, asked = tmp_path / "bin", tmp_path / "asked"
    commands.mkdir()
    for name, says in SAYS.items():
        answer = f'case $* in version*|info) echo "{says}" ;; *) exit 1 ;; esac'
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{asked}\n{answer}\n')
        (commands / name).chmod(0o755)
    done = subprocess.run(
        ["make", "up", "STACK=dev"],
        cwd=folder,
        env={
            "PATH": f"{commands}{os.pathsep}/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120 * pace(),
    )
    said = done.stdout + done.stderr
    for name in ("pulumi", "minikube", "kubectl"):
        assert f"{name}: {commands / name}, from PATH\n" in said
        assert (folder / ".tools" / "bin" / name).readlink() == commands / name
    lines = asked.read_text().splitlines()
    # It got as far as Pulumi, which does nothing here.
    assert done.returncode
    assert any(line.startswith("pulumi ") and line != "pulumi version" for line in lines), said
    assert {line.split()[0] for line in lines} <= {"docker", "pulumi", "minikube", "kubectl"}
    assert "compiling" not in said
    assert not (tmp_path / "cache").exists()
