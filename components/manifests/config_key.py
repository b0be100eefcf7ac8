"""The key of the config from which a field of an object comes, to name it where the API server refuses it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .manifest import Manifest

_TEMPLATE = "spec.template."
# What a version's objects are made of, beside its pod template.
_OF_VERSION = {"ConfigMap": "files", "HorizontalPodAutoscaler": "autoscaling"}
# Below these an object has names of its own, which kubectl knows nothing of.
_OPEN = ("annotations", "data", "labels", "limits", "matchLabels", "nodeSelector", "requests")


def config_key(manifest: Manifest, field: str, pieces: Mapping[str, Mapping[str, object]]) -> str:
    """The key, with the rest of the field where a piece of a pod template brings it in.

    Args:
        manifest: the object.
        field: such as `spec.template.spec.containers[0].image`; empty where it is not known.
        pieces: the pieces of pod templates, by config key.
    """
    version = manifest["metadata"]["labels"].get("version")
    if version is None:
        return "app"
    own = f"versions.{version}"
    if manifest["kind"] in _OF_VERSION:
        return f"{own}.{_OF_VERSION[manifest['kind']]}"
    parts = _parts(manifest, field)
    if not field.startswith(_TEMPLATE):
        return own
    rest = parts[2:]
    depths = {key: _depth(pieces.get(key, {}), rest) for key in ("app.podTemplate", f"{own}.podTemplate")}
    # The version's piece is laid over the app's.
    key, depth = max(depths.items(), key=lambda one: (one[1], one[0]))
    # The pod's spec itself is in every piece.
    return f"{key}.{'.'.join(rest)}" if depth > 1 else own


def explained(manifest: Manifest, field: str) -> str:
    """What `kubectl explain` tells of the field, or of the last one above it that it knows."""
    names = re.findall(r"[A-Za-z]\w*", re.sub(r"\[[^\]]*\]|\{.*", "", field))
    known = next((place + 1 for place, name in enumerate(names) if name in _OPEN), len(names))
    return ".".join((manifest["kind"].lower(), *names[:known]))


def _parts(manifest: Manifest, field: str) -> list[str]:
    """The field's parts, with the names of a list's members in place of their numbers and keys."""
    here: Any = manifest
    found: list[str] = []
    # Of a list with two keys the API server names both: topologySpreadConstraints[0].{topologyKey, …}.
    for part in re.findall(r"(?<=\[)[^\]]*(?=\])|[^.\[\]]+", field.partition("{")[0]):
        is_member = isinstance(here, list | tuple)
        here = _member(here, part) if is_member else _object(here).get(part)
        found.append(str(_object(here).get("name", part)) if is_member else part)
    return found


def _member(members: Sequence[Any], part: str) -> Any:
    """The member with this index, or with this key, such as name="a"."""
    if part.isdecimal():
        return members[int(part)] if int(part) < len(members) else None
    key, _, value = part.partition(",")[0].partition("=")
    return next((one for one in members if str(_object(one).get(key)) == value.strip('"')), None)


def _depth(piece: object, parts: Sequence[str]) -> int:
    """How many of the parts lead into the piece, one after the other."""
    here: Any = piece
    for depth, part in enumerate(parts):
        if isinstance(here, list | tuple):
            members = cast("Sequence[Any]", here)
            named = next((one for one in members if _object(one).get("name") == part), None)
            # A member without a name cannot be told from others.
            here = named or (members if part.isdecimal() else None)
        else:
            here = _object(here).get(part)
        if here is None:
            return depth
    return len(parts)


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
