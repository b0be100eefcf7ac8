"""What an object that the stack takes over loses: the fields that it has otherwise."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

_LONGEST = 160
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_WAYS = ("exec", "grpc", "httpGet", "tcpSocket")


def lost(found: Mapping[str, Any], manifest: Mapping[str, Any], *, shown: bool = True) -> tuple[str, ...]:
    """A line for each field of an object in the cluster that the manifest writes over.

    What the manifest does not set stays. A list is written as a whole, but for one whose members have
    names, as containers, which Kubernetes merges by them. Values that are not to be `shown` are left out.
    """
    return tuple(
        f"{path}: {change if shown else 'not shown, as spec has a secret in it'}"
        for path, change in _differences("spec", found.get("spec"), manifest.get("spec"))
    )


def clashes(found: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """A line for each probe that asks in another way in the cluster.

    Server-side apply would keep that way beside the manifest's, and Kubernetes refuses a probe with two.
    """
    return tuple(
        f"{name}.{probe} asks by {theirs}, and the config by {ours}"
        for name, one in _containers(manifest).items()
        for probe in _PROBES
        if (ours := _way(one, probe))
        and (theirs := _way(_containers(found).get(name, {}), probe)) not in ("", ours)
    )


def _containers(item: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    template: Mapping[str, Any] = item.get("spec", {}).get("template", {})
    return {one["name"]: one for one in template.get("spec", {}).get("containers", ())}


def _way(container: Mapping[str, Any], probe: str) -> str:
    """By what a probe asks; nothing of one that is not there."""
    found: Mapping[str, Any] = container.get(probe) or {}
    return next((one for one in _WAYS if one in found), "")


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    old_members, new_members = _members(old), _members(new)
    if old_members is None or new_members is None:
        if old is not None and old != new:
            yield path, f"{_shown(old)} becomes {_shown(new)}"
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
    # A preview has an object of Pulumi's in the place of each text that it does not know.
    text = json.dumps(value, default=lambda _: "known later")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
