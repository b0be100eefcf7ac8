"""Is the config what the last `up` was given, and did that one end well?"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ...pulumi_cli import config, project, splits, stack
from ...pulumi_cli import unfinished as undone
from ...settings.weights import shown
from ..shift import journal
from .mend import up
from .verdict import Difference, Status

# By kind and name, the objects as the last `up` asked for them.
Applied = Mapping[tuple[str, str], Mapping[str, Any]]
LastUp = Mapping[str, Any] | None


def objects(resources: Iterable[Mapping[str, Any]]) -> Applied:
    """Return the Kubernetes objects in a stack's state."""
    inputs = (one["inputs"] for one in resources if one["type"].startswith("kubernetes:") and "inputs" in one)
    return {(one["kind"], one["metadata"]["name"]): one for one in inputs if "kind" in one}


def last_up(name: str) -> LastUp:
    """Return the newest `up` in the stack's history, as Pulumi tells of it."""
    return next((one for one in stack.history(name) if one["kind"] == "update"), None)


def has_address(resources: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an `up` of the stack ever came so far that its gateway's address is known."""
    told = {"pulumi:pulumi:Stack": "url", splits.TYPE: "settings"}
    return any(told.get(one["type"]) in (one.get("outputs") or {}) for one in resources)


def unfinished(name: str, last: LastUp) -> Iterator[Difference]:
    """Yield what a killed command, a failed `up` or an edit of the config left to be done."""
    if entry := journal.killed(name):
        yield Difference(
            f"a shift of {entry.plan.version} was killed at {entry.plan.steps[0]} %; "
            f"before it the split was {shown(entry.before)}. --resume in the place of --undo goes on with it",
            entry.mend(name),
            Status.NOT_APPLIED,
        )
    if last is not None and (left := undone.left_out(name, last)):
        what = f"not applied: the last `up` left out {', '.join(left)}, by --target or --exclude"
        yield Difference(what, up(name), Status.NOT_APPLIED)
    if last is None:
        yield Difference(f"not applied: no `up` of {name} has run yet", up(name), Status.NOT_APPLIED)
    elif last["result"] == "failed":
        at = last.get("endTime") or last["startTime"]
        yield Difference(f"not applied: the last `up` failed, at {at}", up(name), Status.NOT_APPLIED)


def edited(name: str, last: LastUp) -> Iterator[Difference]:
    """Yield the keys of the config that are not what the last `up` had, whatever they are about."""
    keys = sorted(_changed(last["config"], config.raw(name))) if last else []
    if keys:
        what = f"not applied: {', '.join(keys)} in the config is not what the last `up` had"
        yield Difference(what, up(name), Status.NOT_APPLIED)


def _changed(then: Mapping[str, Mapping[str, Any]], now: Mapping[str, object]) -> Iterator[str]:
    prefix = f"{project.NAME}:"
    before = {
        key.removeprefix(prefix): value.get("value") for key, value in then.items() if key.startswith(prefix)
    }
    for key in before.keys() | now.keys():
        if _plain(before.get(key)) != _plain(now.get(key)):
            yield f"{prefix}{key}"


def _plain(value: object) -> object:
    """A config value as JSON has it: the history keeps an object as its text."""
    try:
        return cast("object", json.loads(value)) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value
