"""What the updates of a stack proved, out of Pulumi's history."""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..history.past import Cause, Past
from ..settings.model import Settings
from . import project

# How far back a rollback may look. All of them come with one start of Pulumi.
KEPT = 50
_MESSAGE = "blue-green "
# An update of only some resources has no proof of its own.
_PARTIAL = ("pulumi.flag.target", "pulumi.flag.exclude")


@dataclass(frozen=True)
class Update:
    """One update of a stack's history, whatever became of it.

    Attributes:
        at: when it began, seconds since the epoch.
        kind: Pulumi's word for what it did, such as update or destroy.
        result: Pulumi's word for how it ended, such as succeeded or failed.
        said: its message.
        who: whose commit it was, or which pipeline ran it; empty where Pulumi was told of neither.
        before: the split that the update before it was to make; empty where there was none.
        after: the split that this one was to make.
    """

    at: float
    kind: str
    result: str
    said: str
    who: str
    before: Mapping[str, int]
    after: Mapping[str, int]


def message(cause: Cause, text: str) -> str:
    """Return an update's message, by which the history tells what our commands did."""
    return f"{_MESSAGE}{cause}: {text}"


def proved(stack: str, weights_key: str, settings: Settings) -> list[Past]:
    """Return the splits that the newest fifty updates of a stack proved, the oldest first.

    Args:
        stack: the stack's name.
        weights_key: the whole key of its config that has the weights.
        settings: what it is made of now, for the images where its config has none.

    Raises:
        RolloutError: Pulumi cannot tell.
    """
    found = project.ask_json(
        "stack", "history", "--json", "--stack", stack, "--page-size", str(KEPT), "--page", "1"
    )
    updates = cast("Sequence[Mapping[str, Any]] | None", found) or ()
    images = {version: one.image for version, one in settings.versions.items()}
    return of_history(updates[::-1], weights_key, images)


def of_history(
    updates: Sequence[Mapping[str, Any]],
    weights_key: str = f"{project.NAME}:weights",
    images: Mapping[str, str] | None = None,
) -> list[Past]:
    """Return the splits that whole and successful updates proved, in their order.

    `images` are those of a program that has none in its config.
    """
    pasts = (_past(update, weights_key, images or {}) for update in updates if _has_proof(update))
    return [past for past in pasts if past is not None]


def told(updates: Sequence[Mapping[str, Any]], weights_key: str) -> list[Update]:
    """Return updates as people read them; both lists have the newest first.

    `weights_key` is the whole key of the config that has the weights.
    """
    splits = [_weights(update, weights_key) for update in updates]
    return [
        Update(
            _seconds(update["startTime"]),
            update["kind"],
            update["result"],
            update.get("message", ""),
            _who(update.get("environment") or {}),
            splits[number + 1] if number + 1 < len(updates) else {},
            splits[number],
        )
        for number, update in enumerate(updates)
    ]


def _who(environment: Mapping[str, str]) -> str:
    """By the metadata that Pulumi notes of Git and of a pipeline (pkg/backend/metadata.go)."""
    author, commit = environment.get("git.author", ""), environment.get("git.head", "")[:7]
    pipeline, build = environment.get("ci.system", ""), environment.get("ci.build.id", "")
    parts = (f"{author} {commit}".strip(), f"{pipeline} {build}".strip())
    return ", ".join(part for part in parts if part)


def _weights(update: Mapping[str, Any], weights_key: str) -> Mapping[str, int]:
    """The split of an update's config; empty where it had none that could be read."""
    try:
        values = json.loads(update["config"][weights_key]["value"])
        return {version: int(weight) for version, weight in values.items() if weight}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _has_proof(update: Mapping[str, Any]) -> bool:
    environment: Mapping[str, str] = update.get("environment") or {}
    partial = any(key.startswith(_PARTIAL) for key in environment)
    return update["kind"] == "update" and update["result"] == "succeeded" and not partial


def _past(update: Mapping[str, Any], weights_key: str, now: Mapping[str, str]) -> Past | None:
    """The split of an update; None where its config had none that could be read."""
    try:
        said = json.loads(update["config"][weights_key]["value"])
        weights = {version: int(weight) for version, weight in said.items() if weight}
        ours = update["config"].get(f"{project.NAME}:versions")
        versions: Mapping[str, Any] = json.loads(ours["value"]) if ours else {}
        # What somebody else has runs by an image that no config of ours names.
        images = {version: versions[version].get("image") if ours else now[version] for version in weights}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    own = {version: str(image) for version, image in images.items() if image}
    return Past(_seconds(update["startTime"]), _cause(update.get("message", "")), weights, own)


def _seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


def _cause(said: str) -> Cause:
    """Our commands begin an update's message with their name and the cause; others begin it otherwise."""
    word = said.removeprefix(_MESSAGE).partition(":")[0] if said.startswith(_MESSAGE) else ""
    return Cause(word) if word in list(Cause) else Cause.whole
