"""The note in a profile's folder that says which stack made it, and which cluster it is.

It stands there before the first start, so that a start that was killed is known for ours; and it
goes with the folder when anybody deletes the profile, so that a new one of the same name is not.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

_NAME = "blue-green.json"
# Written by Minikube once a start got as far as having a cluster.
_CONFIG = "config.json"
# Written by every start, a dry one too.
_EVENTS = "events.json"


@dataclass(frozen=True)
class Owner:
    """The stack that made a profile. `started`: its start once came to its end."""

    stack: str
    cluster_id: str
    started: bool


def home() -> Path:
    """Minikube's folder, found as Minikube does (pkg/minikube/localpath)."""
    named = os.environ.get("MINIKUBE_HOME")
    base = Path(named) if named else Path.home()
    return base if named and base.name == ".minikube" else base / ".minikube"


def folder(profile: str) -> Path:
    """The profile's folder, there or not."""
    return home() / "profiles" / profile


def config(profile: str) -> Path:
    """The profile's own config; a profile is one that has it."""
    return folder(profile) / _CONFIG


def read(profile: str) -> Owner | None:
    """The note of the profile, or None where it has none that can be read."""
    try:
        return Owner(**json.loads((folder(profile) / _NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(profile: str, owner: Owner) -> None:
    """Writes the note, at once or not at all."""
    place = folder(profile)
    place.mkdir(parents=True, exist_ok=True)
    fresh = place / f"{_NAME}.new"
    fresh.write_text(json.dumps(asdict(owner)))
    fresh.replace(place / _NAME)


def remove(profile: str) -> None:
    """Removes the folder where no profile is in it: Minikube leaves that of a start killed early."""
    if not config(profile).exists():
        shutil.rmtree(folder(profile), ignore_errors=True)


def remove_traces(profile: str) -> None:
    """Removes a folder that holds nothing but the events of a dry run."""
    place = folder(profile)
    if place.is_dir() and {path.name for path in place.iterdir()} <= {_EVENTS}:
        shutil.rmtree(place, ignore_errors=True)
