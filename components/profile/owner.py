"""The note in a profile's folder that says which stack made it, and which cluster it is.

It stands there before the first start, so that a start that was killed is known for ours; and it
goes with the folder when anybody deletes the profile, so that a new one of the same name is not.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from .profile import Profile

_NAME = "blue-green.json"
# Written by Minikube once a start got as far as having a cluster.
_CONFIG = "config.json"
# Written by every start, a dry one too.
_EVENTS = "events.json"


@dataclass(frozen=True)
class Owner:
    """The stack that made or adopted a profile. `started`: a start of it once came to its end."""

    stack: str
    cluster_id: str
    started: bool


def config(profile: Profile) -> Path:
    """The profile's own config; a profile is one that has it."""
    return profile.folder / _CONFIG


def read(profile: Profile) -> Owner | None:
    """The note of the profile, or None where it has none that can be read."""
    try:
        return Owner(**json.loads((profile.folder / _NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(profile: Profile, owner: Owner) -> None:
    """Writes the note, at once or not at all."""
    place = profile.folder
    place.mkdir(parents=True, exist_ok=True)
    fresh = place / f"{_NAME}.new"
    fresh.write_text(json.dumps(asdict(owner)))
    fresh.replace(place / _NAME)


def remove(profile: Profile) -> None:
    """Removes the folder where no profile is in it: Minikube leaves that of a start killed early."""
    if not config(profile).exists():
        shutil.rmtree(profile.folder, ignore_errors=True)


def remove_traces(profile: Profile) -> None:
    """Removes a folder that holds nothing but the events of a dry run."""
    place = profile.folder
    if place.is_dir() and {path.name for path in place.iterdir()} <= {_EVENTS}:
        shutil.rmtree(place, ignore_errors=True)
