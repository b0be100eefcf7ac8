"""Minikube on the lab: its command on PATH, its cache, its profiles."""

from __future__ import annotations

import contextlib
import json
import platform
import shlex
from typing import TYPE_CHECKING

from lab import command, docker, layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.layout import Lab

# Commands that only work inside the host: outside there is no containerd to ask.
_INSIDE = ("minikube", "crictl")
# What Minikube copies to the node; names as in its release cache.
_CACHED = ("kubeadm", "kubelet", "kubectl")


def environment(lab: Lab) -> dict[str, str]:
    """The variables for a shell that uses Minikube on the lab, PATH left out."""
    return {
        "MINIKUBE_HOME": str(lab.minikube_home),
        "KUBECONFIG": str(lab.kubeconfig),
        # Else kubectl writes what it found out about the lab into the user's ~/.kube.
        "KUBECACHEDIR": str(lab.host / "kube-cache"),
        "MINIKUBE_WANTUPDATENOTIFICATION": "false",
        "MINIKUBE_WANTBETAUPDATENOTIFICATION": "false",
        "MINIKUBE_IN_STYLE": "false",
    }


def exports(lab: Lab, path: str) -> str:
    """POSIX `export` lines: `environment`, and PATH with the lab's commands before `path`."""
    kept = [part for part in path.split(":") if part not in {"", str(lab.bin)}]
    variables = {"PATH": ":".join([str(lab.bin), *kept]), **environment(lab)}
    return _exports(variables)


def _exports(variables: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def install(lab: Lab) -> None:
    """Write the commands that run inside the host, `minikube` above all, and fill Minikube's cache."""
    lab.bin.mkdir(exist_ok=True)
    for name in (*_INSIDE, "docker") if lab.docker else _INSIDE:
        wrapper = lab.bin / name
        program = lab.tools / ("docker" if name == "docker" else "bin") / name
        enter, folder, real = (
            shlex.quote(str(p)) for p in (layout.FILES / "enter.sh", lab.directory, program)
        )
        # Whatever the shell has, nothing may land in the user's own ~/.minikube or ~/.kube.
        own = _exports(environment(lab)) + (docker.exports(lab) if lab.docker else "")
        # Inside, Minikube itself looks for crictl on PATH.
        inside = f'[ ! -e {layout.MARKER} ] || exec {real} "$@"\n'
        wrapper.write_text(f'#!/bin/sh\n{own}{inside}exec {enter} {folder} {real} "$@"\n')
        wrapper.chmod(0o755)
    version = kubernetes_version(lab)
    cache = lab.minikube_home / "cache" / "linux" / architecture() / version
    cache.mkdir(parents=True, exist_ok=True)
    for name in _CACHED:
        link = cache / name
        link.unlink(missing_ok=True)
        link.symlink_to((lab.tools / "bin" / name).resolve())
    if not lab.kubeconfig.exists():
        lab.kubeconfig.touch(mode=0o600)


def architecture() -> str:
    """This machine's architecture in Go's words."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def kubernetes_version(lab: Lab) -> str:
    """The version of the tools' kubeadm, such as v1.35.1."""
    return command.run(lab.tools / "bin" / "kubeadm", "version", "--output", "short").strip()


def profiles(lab: Lab) -> list[str]:
    """The names of Minikube's profiles: directories with a config.json that names a cluster."""
    found: list[str] = []
    for config in sorted((lab.minikube_home / "profiles").glob("*/config.json")):
        with contextlib.suppress(OSError, ValueError):  # just being written or removed
            if "Name" in json.loads(config.read_text()):
                found.append(config.parent.name)
    return found
