"""The container engine under a profile's nodes, by its own command, for what Minikube has no command for."""

import json
import subprocess
from collections.abc import Sequence

from . import owner
from .errors import MinikubeError
from .profile import Profile

_ENGINES = ("docker", "podman")


def name(profile: Profile) -> str | None:
    """The engine whose containers the nodes are; None where they are something else."""
    try:
        driver = json.loads(owner.config(profile).read_text()).get("Driver")
    except (OSError, ValueError):
        return None
    return driver if driver in _ENGINES else None


def unpause(profile: Profile, containers: Sequence[str]) -> None:
    """Lets paused containers of the profile go on; none is fine. Raises MinikubeError."""
    engine = name(profile)
    if engine is None or not containers:
        return
    command = [engine, "unpause", *containers]
    try:
        subprocess.run(command, env=profile.environment, check=True, capture_output=True, text=True)
    except FileNotFoundError as missing:
        raise MinikubeError(f"There is no {engine} on PATH, which has paused {profile.name}.") from missing
    except subprocess.CalledProcessError as failed:
        raise MinikubeError(f"`{' '.join(command)}` failed: {failed.stderr.strip()}") from failed
