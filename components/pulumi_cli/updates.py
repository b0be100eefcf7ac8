"""What the updates of a stack proved, out of Pulumi's history."""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..history.past import Cause, Past
from . import project

# How far back a rollback may look. All of them come with one start of Pulumi.
KEPT = 50
_MESSAGE = "blue-green "
# An update of only some resources has no proof of its own.
_PARTIAL = ("pulumi.flag.target", "pulumi.flag.exclude")


def message(cause: Cause, text: str) -> str:
    """Return an update's message, by which the history tells what our commands did."""
    return f"{_MESSAGE}{cause}: {text}"


def proved(stack: str) -> list[Past]:
    """Return the splits that the newest fifty updates of a stack proved, the oldest first.

    Raises:
        RolloutError: Pulumi cannot tell.
    """
    found = project.ask_json(
        "stack", "history", "--json", "--stack", stack, "--page-size", str(KEPT), "--page", "1"
    )
    updates = cast("Sequence[Mapping[str, Any]] | None", found) or ()
    return of_history(updates[::-1])


def of_history(updates: Sequence[Mapping[str, Any]]) -> list[Past]:
    """Return the splits that whole and successful updates proved, in their order."""
    pasts = (_past(update) for update in updates if _has_proof(update))
    return [past for past in pasts if past is not None]


def _has_proof(update: Mapping[str, Any]) -> bool:
    environment: Mapping[str, str] = update.get("environment") or {}
    partial = any(key.startswith(_PARTIAL) for key in environment)
    return update["kind"] == "update" and update["result"] == "succeeded" and not partial


def _past(update: Mapping[str, Any]) -> Past | None:
    """The split of an update; None where its config had none that could be read."""
    try:
        values = {
            key: json.loads(update["config"][f"{project.NAME}:{key}"]["value"])
            for key in ("weights", "versions")
        }
        weights = {version: int(weight) for version, weight in values["weights"].items() if weight}
        images = {version: str(values["versions"][version]["image"]) for version in weights}
    except (KeyError, TypeError, ValueError):
        return None
    return Past(_seconds(update["startTime"]), _cause(update.get("message", "")), weights, images)


def _seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


def _cause(said: str) -> Cause:
    """Our commands begin an update's message with their name and the cause; others begin it otherwise."""
    word = said.removeprefix(_MESSAGE).partition(":")[0] if said.startswith(_MESSAGE) else ""
    return Cause(word) if word in list(Cause) else Cause.whole
