"""What a stack's config file says, as far as it decides whether work may begin: before anything is built."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from components.errors import RolloutError
from components.pulumi_cli import project
from tools.errors import ToolsError
from tools.store import ROOT

BACKEND = "PULUMI_BACKEND_URL"
PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
# A driver that needs a daemon: the command that asks it, and what to do where it does not answer.
_DAEMONS = {
    "docker": (("docker", "info"), "start Docker Desktop, or: sudo systemctl start docker"),
    "podman": (("podman", "info"), "see what `podman info` says"),
}


def config(stack: str) -> Mapping[str, Any]:
    """Return what the stack's config file says.

    Raises:
        ToolsError: there is no such file, or it is not YAML; the text says where.
    """
    try:
        folder = project.config_folder()
    except RolloutError as error:
        raise ToolsError(str(error)) from error
    file = folder / f"Pulumi.{project.short(stack)}.yaml"
    if not file.exists():
        there = sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))
        msg = f"there is no stack {stack}: {file.name} is missing. There are: {', '.join(there)}"
        raise ToolsError(msg)
    try:
        return project.read_yaml(file)
    except RolloutError as error:
        raise ToolsError(str(error)) from error


def section(stack: str, key: str) -> Mapping[str, Any]:
    """Return a section of the stack's config; one that is no object counts as empty, `up` says so."""
    values = cast("Mapping[str, Any]", config(stack).get("config") or {})
    found: object = values.get(f"{project.NAME}:{key}")
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def needs_own_backend(stack: str) -> bool:
    """Whether the stack is on a cluster of the user's own: then so is its state, never a public one."""
    return section(stack, "cluster").get("kind") == "kubeconfig"


def backend(environment: Mapping[str, str], home: Path) -> str | None:
    """Return the user's backend: the variable's, or that of the login in Pulumi's folder `home`."""
    if named := environment.get(BACKEND):
        return named
    try:
        return json.loads((home / "credentials.json").read_text()).get("current") or None
    except (OSError, ValueError):
        return None


def refuse_shared_state(stack: str, environment: Mapping[str, str], home: Path) -> None:
    """Refuse a stack whose state would be kept on this machine alone, under a public passphrase.

    Raises:
        ToolsError: it is on a cluster of the user's own, and a backend or a passphrase is missing.
    """
    if not needs_own_backend(stack):
        return
    of_stack = f"stack {stack} is on a cluster that others use (cluster.kind: kubeconfig)"
    used = backend(environment, home)
    if used is None:
        msg = f"{of_stack}: name the backend of its state. Type: export {BACKEND}=s3://BUCKET (or file://FOLDER)"
        raise ToolsError(msg)
    has_own_key = any(config(stack).get(key) for key in ("secretsprovider", "encryptedkey"))
    if used.startswith("http") or has_own_key or any(name in environment for name in PASSPHRASES):
        return
    msg = f"{of_stack}: its secrets need a passphrase of your own. Type: export {PASSPHRASES[1]}=FILE"
    raise ToolsError(msg)


def refuse_machine(stack: str) -> None:
    """Refuse a stack whose Minikube cannot start here, as far as that is known at once.

    Raises:
        ToolsError: its driver's daemon is missing or does not answer.
    """
    found = section(stack, "cluster")
    driver = found.get("driver")
    if found.get("kind", "minikube") != "minikube" or driver not in _DAEMONS:
        return
    command, remedy = _DAEMONS[driver]
    other = "" if os.uname().sysname != "Linux" else "; without it, the lab: make up"
    if shutil.which(command[0]) is None:
        msg = f"stack {stack} needs {driver}, and there is no `{command[0]}` on PATH: install it{other}"
        raise ToolsError(msg)
    try:
        asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
        # Before `docker info` ends, on either stream, with the words that there are errors.
        errors = re.findall(r"^ERROR: (.*)", f"{asked.stdout}\n{asked.stderr}", re.MULTILINE)
        said = (errors or (asked.stderr.strip() or asked.stdout.strip()).splitlines())[-1:]
    except subprocess.TimeoutExpired:
        msg = (
            f"stack {stack} needs {driver}, and `{' '.join(command)}` did not answer in 30 s: {remedy}{other}"
        )
        raise ToolsError(msg) from None
    if asked.returncode:
        if "permission denied" in " ".join(said).lower() and driver == "docker":
            remedy = "you may not use it; type: sudo usermod -aG docker $USER && newgrp docker"
        msg = f"stack {stack} needs {driver}, which does not answer ({' '.join(said)}): {remedy}{other}"
        raise ToolsError(msg)
    if driver == "docker" and (wrong := _unfit(stack, asked.stdout, found.get("containerRuntime"))):
        msg = f"stack {stack} needs docker, and {wrong}"
        raise ToolsError(msg)


def _unfit(stack: str, info: str, runtime: object) -> str | None:
    """What stands against a Docker that answers, by its `docker info`; podman answers to that name too."""
    key = f"pulumi config set --stack {stack} --path --plaintext 'blue-green:cluster"
    if "buildahVersion" in info:
        return f"the `docker` on PATH is podman. Type: {key}.driver' podman"
    # Minikube's documentation of driver docker, "Rootless Docker".
    if re.search(r"^\s+rootless$", info, re.MULTILINE) and runtime not in ("containerd", "cri-o"):
        return (
            f"this one is rootless: Minikube runs on it with another container runtime. Type: "
            f"{key}.containerRuntime' containerd; or take the machine's own: docker context use default"
        )
    return None
