"""Runs the `minikube` on PATH; knows nothing of Pulumi."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, cast

from components import kubeconfig

# A first start downloads a VM or an image; Minikube itself gives up on the rest after 6 minutes.
START_SECONDS = 1800
_TAIL_LINES = 20


class MinikubeError(Exception):
    """Minikube is missing or failed; the message has its reason and the end of its output."""


def start_arguments(args: Mapping[str, Any]) -> list[str]:
    """`minikube start` for the inputs of a profile, by their config names."""
    command = ["start", "--profile", args["profile"]]
    if args.get("driver"):
        command.append(f"--driver={args['driver']}")
    # Driver none takes the machine as it is, and warns of a size.
    if args.get("driver") != "none":
        command += [f"--cpus={_whole(args['cpus'])}", f"--memory={_whole(args['memory'])}"]
    for key, flag in (
        ("kubernetesVersion", "kubernetes-version"),
        ("containerRuntime", "container-runtime"),
        ("cni", "cni"),
    ):
        if args.get(key):
            command.append(f"--{flag}={args[key]}")
    command += [f"--extra-config={value}" for value in args.get("extraConfig") or ()]
    command += [f"--{flag}" for flag in args.get("flags") or ()]
    return command


def start(args: Mapping[str, Any]) -> None:
    """Starts the profile, or brings the one that runs to these arguments. Raises MinikubeError."""
    _run(start_arguments(args), START_SECONDS)


def delete(profile: str) -> None:
    """Deletes the profile; nothing if there is none. Raises MinikubeError."""
    _run(["delete", "--profile", profile], 300)


def exists(profile: str) -> bool:
    """Whether Minikube knows a profile of this name, sound or not. Raises MinikubeError."""
    listed = json.loads(_run(["profile", "list", "--output=json", "--light"], 60) or "{}")
    profiles = cast("Mapping[str, list[Mapping[str, Any]] | None]", listed)
    known = [*(profiles.get("valid") or ()), *(profiles.get("invalid") or ())]
    return any(item.get("Name") == profile for item in known)


def outputs(profile: str) -> dict[str, str]:
    """The kubeconfig of this profile alone, and its node's address. Raises MinikubeError."""
    try:
        config = kubeconfig.minified(kubeconfig.files(), profile)
    except kubeconfig.KubeconfigError as error:
        raise MinikubeError(str(error)) from error
    return {"kubeconfig": config, "ip": _run(["ip", "--profile", profile], 60).strip()}


def _run(arguments: Sequence[str], seconds: int) -> str:
    program = shutil.which("minikube")
    if program is None:
        raise MinikubeError(
            "There is no minikube on PATH. Install it: https://minikube.sigs.k8s.io/docs/start/"
        )
    command = " ".join(["minikube", *arguments])
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MinikubeError(f"`{command}` took more than {seconds} s.") from error
    if done.returncode:
        raise MinikubeError(_failure(command, done))
    return done.stdout


def _failure(command: str, done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.rstrip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    # Minikube's exits read "X Exiting due to REASON: ...", with an emoji or a letter before.
    reasons = [line for line in lines if "Exiting due to" in line]
    reason = reasons[-1] if reasons else f"exit status {done.returncode}"
    return "\n  ".join([f"`{command}` failed: {reason.strip()}", *lines[-_TAIL_LINES:]])


def _whole(number: float) -> int:
    """Pulumi hands over every number as a float."""
    return int(number)
