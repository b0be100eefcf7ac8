"""Docker on the lab's host: its engine, the node image in it, and what Minikube is told of both."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from lab import command, containerd, host, layout, wait
from lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.layout import Lab

NODE_IMAGE = "blue-green/node:lab"
# Minikube's name for it, by its own version of the format (pkg/minikube/download/preload.go).
_PRELOAD = "preloaded-images-k8s-v18-{version}-containerd-overlay2-{architecture}.tar.lz4"


def exports(lab: Lab) -> str:
    """POSIX `export` lines for Minikube inside the host: Docker's commands, and what cannot be downloaded.

    Where a stack's config says nothing, as that of `dev`, these are its defaults.
    """
    variables = {
        "MINIKUBE_FORCE": "true",  # as root
        "MINIKUBE_BASE_IMAGE": NODE_IMAGE,
        "MINIKUBE_SUBNET": str(lab.halves[1]),
        "MINIKUBE_CONTAINER_RUNTIME": "containerd",
        "MINIKUBE_CNI": "bridge",
        "MINIKUBE_CACHE_IMAGES": "false",
        "MINIKUBE_INSTALL_ADDONS": "false",
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "".join(f"{line}\n" for line in [*lines, f"PATH={shlex.quote(str(lab.tools / 'docker'))}:$PATH"])


def start(lab: Lab) -> None:
    """Start the engine, and wait until it answers."""
    _write_settings(lab)
    program = lab.host / "dockerd"
    if not program.exists():
        program.symlink_to((lab.tools / "docker" / "dockerd").resolve())
    log = lab.logs / "docker.log"
    script = layout.FILES / "docker.init"
    command.run(*command.inside(lab, "install", "-m", "755", script, "/etc/init.d/docker"))
    command.run(*command.inside(lab, "service", "docker", "start"), log=lab.logs / "host.log")

    def ended() -> str | None:
        return "the host has gone" if host.running(lab) is None else None

    wait.until("Docker", lambda: answers(lab), timeout=60, ended=ended, log=log)


def answers(lab: Lab) -> bool:
    """Whether the engine answers."""
    try:
        _docker(lab, "version", timeout=10)
    except LabError:
        return False
    return True


def load(lab: Lab) -> None:
    """Load the node image into the engine."""
    _docker(lab, "load", "--input", lab.tools / "docker" / "node.tar", timeout=300)


def pack(data: Path, archive: Path, lz4: Path) -> None:
    """Pack the folder `containerd` of `data` as Minikube unpacks it on a node, whole or not at all."""
    new = archive.with_suffix(".new")
    command.run(
        *("tar", "--create", "--file", new, "--directory", data, "--xattrs"),
        *("--use-compress-program", lz4, "--transform", "s,^containerd,./lib/containerd,", "containerd"),
        timeout=600,
    )
    new.rename(archive)


def install_preload(lab: Lab, packed: Path, version: str, architecture: str) -> None:
    """Put the preload of a Kubernetes version where Minikube looks for it before it downloads it."""
    folder = lab.minikube_home / "cache" / "preloaded-tarball"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PRELOAD.format(version=version, architecture=architecture)).symlink_to(packed)


def _docker(lab: Lab, *arguments: str | Path, timeout: float) -> None:
    command.run(*command.inside(lab, lab.tools / "docker" / "docker", *arguments), timeout=timeout)


def _write_settings(lab: Lab) -> None:
    """Write the engine's daemon.json, with a runc that asks for no more than this machine lets root do."""
    tools = lab.tools / "docker"
    settings: dict[str, object] = {
        "userland-proxy-path": str(tools / "docker-proxy"),
        "init-path": str(tools / "docker-init"),
    }
    if not containerd.may_lower_oom_scores():
        settings |= {
            "runtimes": {"lab": {"path": str(layout.FILES / "runc.sh")}},
            "default-runtime": "lab",
        }
    (lab.host / "docker.json").write_text(json.dumps(settings))
