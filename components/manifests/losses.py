"""What an object that the stack takes over loses: the fields that it has otherwise."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

_LONGEST = 160


def lost(found: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """A line for each field of an object in the cluster that the manifest writes over.

    What the manifest does not set stays. A list is written as a whole, but for one whose members have
    names, as containers, which Kubernetes merges by them.
    """
    return tuple(_differences("spec", found.get("spec"), manifest.get("spec")))


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    old_members, new_members = _members(old), _members(new)
    if old_members is None or new_members is None:
        if old is not None and old != new:
            yield f"{path}: {_shown(old)} becomes {_shown(new)}"
        return
    for key, wanted in new_members.items():
        yield from _differences(f"{path}.{key}", old_members.get(key), wanted)


def _members(value: Any) -> Mapping[str, Any] | None:
    """The members of an object, or of a list by their names; None for any other value."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    items: Sequence[Any] = cast("Sequence[Any]", value) if isinstance(value, list) else ()
    if items and all(isinstance(item, Mapping) and "name" in item for item in items):
        return {item["name"]: item for item in items}
    return None


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
