"""What was built is what the pins say, under the version that it reports."""

import itertools
import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.test_tools_downloads import Makers, makers
from tools import build, downloads, golang, modulefiles, pins
from tools.catalogue import GO_TOOLS, PROGRAM, GoTool
from tools.lock import links
from tools.store import LINKS

__all__ = ["makers"]


@pytest.mark.parametrize("tool", GO_TOOLS, ids=lambda tool: tool.name)
def test_links_say_what_the_binary_was_built_of(tool: GoTool) -> None:
    """The Go linker writes into each binary which modules it holds; links.txt must say the same."""
    go = golang.find()
    info = subprocess.run(
        [go.command, "version", "-m", build.one(tool.name)], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in info.splitlines() if line.startswith("\t")]
    # What a folder of ours stands in for is followed by that folder.
    ours = {line[1] for line, after in itertools.pairwise(lines) if after[:1] == ["=>"] and "./" in after[1]}
    modules = {line[1] for line in lines if line[:1] in (["mod"], ["dep"])}
    held = {module for module in modules if not module.startswith("blue-green/")} - ours
    assert held == set(pins.linked(pins.GO / tool.module).get(tool.name, []))
    assert sorted(held) == links(go, tool)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        (("pulumi", "version"), "v3.259.0"),
        (("kubeadm", "version", "-o", "short"), "v1.35.1"),
        (("kubelet", "--version"), "Kubernetes v1.35.1"),
        (("kube-apiserver", "--version"), "Kubernetes v1.35.1"),
        (("etcd", "--version"), "etcd Version: 3.6.6"),
        (("coredns", "-version"), "CoreDNS-1.13.1"),
        (("crictl", "--version"), "crictl version v1.34.0"),
        (("minikube", "version", "--short"), "v1.38.1"),
        (("pilot-agent", "version", "-s"), "client version: 1.29.1"),
    ],
)
def test_tool_tells_its_true_version(command: tuple[str, ...], version: str) -> None:
    run = subprocess.run(
        [LINKS / "bin" / command[0], *command[1:]], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[0] == version


def test_the_programs_tools_run_as_they_are_fetched(makers: Makers, tmp_path: Path) -> None:
    """The stand-in for their makers has what was built here."""
    places = [LINKS / "bin", LINKS / "plugins"]
    for release in downloads.releases():
        if release.files.keys() & PROGRAM:
            makers.publish(
                release, lambda name: next(p / name for p in places if (p / name).exists()).read_bytes()
            )
    build.everything(for_lab=False)
    for command, version in (("pulumi", "v3.259.0"), ("minikube", "v1.38.1")):
        fetched = tmp_path / "links" / "bin" / command
        assert fetched.resolve().is_relative_to(tmp_path / "cache")
        options = ["--log_file=/dev/null", "--short"] if command == "minikube" else []
        run = subprocess.run([fetched, "version", *options], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == version


def test_nothing_to_do_builds_nothing() -> None:
    run = subprocess.run(["make", "-s", "tools"], capture_output=True, text=True, check=True)
    assert "compiling" not in run.stdout
    assert "image" not in run.stdout


@pytest.mark.parametrize("script", modulefiles.PULUMI_SCRIPTS, ids=lambda script: script.name)
def test_script_of_a_module_may_be_run(script: modulefiles.ModuleFile) -> None:
    assert os.access(LINKS / "bin" / script.name, os.X_OK)
