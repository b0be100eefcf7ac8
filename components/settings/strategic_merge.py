"""Kubernetes' strategic merge of a piece of a pod template over another one.

The rules are those of the API server and of `kubectl patch`, in its default form:
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
No Python package has them: the Kubernetes clients leave the merge to the server.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

from .merge_keys import MERGE_KEYS

_PATCH = "$patch"
_RETAIN = "$retainKeys"

_Object: TypeAlias = Mapping[str, Any]
_List: TypeAlias = Sequence[Any]


class MergeError(Exception):
    """A patch that cannot be laid over anything: where in it, what is wrong, and what to write."""

    def __init__(self, place: str, wrong: str, remedy: str) -> None:
        super().__init__(f"{place}: {wrong}. {remedy}.")
        self.place, self.wrong, self.remedy = place, wrong, remedy


def merge(base: _Object, patch: _Object) -> dict[str, Any]:
    """The pod template `base` with `patch` laid over it; both stay as they are. Raises MergeError."""
    return _object(base, patch, "", "")


def _object(base: _Object, patch: _Object, path: str, place: str) -> dict[str, Any]:
    """`path` leads to the object without the places in lists, and `place` with them; both end in a dot."""
    directive = _directive(patch, place)
    if directive is not None:
        # As Kubernetes has it: an object that is deleted is an empty one.
        return {} if directive == "delete" else _raw(_without(patch, _PATCH), place.rstrip("."))
    merged = _retained(base, patch, place)
    for key, value in _without(patch, _RETAIN).items():
        below = f"{place}{key}"
        if key.startswith("$"):
            remedy = "A list is in the order in which it is written, and $patch: delete takes a member out"
            raise MergeError(below, "that is for kubectl apply alone", remedy)
        if value is None:
            merged.pop(key, None)
        elif _is_object(value) and _is_object(merged.get(key)):
            merged[key] = _object(merged[key], value, f"{path}{key}.", f"{below}.")
        elif _is_list(value) and _is_list(merged.get(key)) and f"{path}{key}" in MERGE_KEYS:
            merged[key] = _list(merged[key], value, f"{path}{key}", below)
        elif _is_object(value) and _directive(value, f"{below}.") is not None:
            # As Kubernetes has it: a directive over nothing is nothing.
            merged.pop(key, None)
        elif _is_list(value) and _is_list(merged.get(key)):
            merged[key] = _raw(value, below)
        else:
            merged[key] = _plain(value)
    return merged


def _directive(patch: _Object, place: str) -> str | None:
    """What is to be done with the whole object, in a patch that says so."""
    if _PATCH not in patch:
        return None
    if patch[_PATCH] not in ("replace", "delete"):
        raise MergeError(f"{place}{_PATCH}", f"{patch[_PATCH]!r} is not known", "Write replace or delete")
    return patch[_PATCH]


def _retained(base: _Object, patch: _Object, place: str) -> dict[str, Any]:
    """The members of `base` that stay: all, or those that `$retainKeys` names."""
    if _RETAIN not in patch:
        return dict(base)
    kept = patch[_RETAIN]
    if not _is_list(kept):
        raise MergeError(f"{place}{_RETAIN}", "it is not a list", "Write the keys that stay: [name, …]")
    for key, value in patch.items():
        if value is not None and key != _RETAIN and key not in kept:
            raise MergeError(f"{place}{_RETAIN}", f"{key} is not in it", f"Add {key}")
    return {key: value for key, value in base.items() if key in kept}


def _list(base: _List, patch: _List, path: str, place: str) -> list[Any]:
    """Merged by the list's key; what the patch names is in its order, the rest where it was."""
    key = MERGE_KEYS[path]
    if not key:
        every = [*base, *patch]
        merged = [one for index, one in enumerate(every) if one not in every[:index]]
        return _ordered(merged, base, patch, lambda member: member)
    for member in base:
        if not _is_object(member):
            wrong = f"it is laid over {member!r}, which is not an object"
            raise MergeError(place, wrong, f"Write {{{key}: …}} there")

    def key_of(member: _Object) -> object:
        return member.get(key)

    members = list(_members(patch, key, place))
    named = [(at, member) for at, member, directive in members if directive is None]
    if any(directive == "replace" for _, _, directive in members):
        return [_raw(member, at) for at, member in named]
    gone = [key_of(member) for _, member, directive in members if directive == "delete"]
    before = [member for member in base if key_of(member) not in gone]
    merged = list(before)
    for at, member in named:
        found = next((i for i, one in enumerate(merged) if key_of(one) == key_of(member)), None)
        if found is None:
            merged.append(_raw(member, at))
        else:
            merged[found] = _object(merged[found], member, f"{path}.", f"{at}.")
    return _ordered(merged, before, [member for _, member in named], key_of)


def _members(patch: _List, key: str, place: str) -> Iterator[tuple[str, _Object, str | None]]:
    """The members of a patch's list, each with its place and its directive."""
    for index, member in enumerate(patch):
        at = f"{place}[{index}]"
        if not _is_object(member):
            raise MergeError(at, f"{member!r} is not an object", f"Write {{{key}: …}}")
        directive = _directive(member, f"{at}.")
        if key not in member and directive != "replace":
            raise MergeError(at, f"it has no {key}, by which Kubernetes merges this list", f"Write its {key}")
        yield at, member, directive


def _ordered(merged: _List, before: _List, patch: _List, key_of: Callable[[Any], object]) -> list[Any]:
    """What the patch names in the patch's order; of the rest, what stood before one of these stays so."""
    old, new = [key_of(one) for one in before], [key_of(one) for one in patch]
    named = sorted((one for one in merged if key_of(one) in new), key=lambda one: new.index(key_of(one)))
    rest = [one for one in merged if key_of(one) not in new]
    found: list[Any] = []
    while rest and named:
        ours, theirs = key_of(rest[0]), key_of(named[0])
        found.append((rest if theirs in old and old.index(ours) < old.index(theirs) else named).pop(0))
    return found + rest + named


def _plain(value: Any) -> Any:
    """A value where there was none: what has a directive in it is left out."""
    if _is_list(value):
        return [_plain(one) for one in value if not (_is_object(one) and _PATCH in one)]
    if not _is_object(value):
        return value
    kept = {key: one for key, one in value.items() if not (_is_object(one) and _PATCH in one)}
    return {key: _plain(one) for key, one in kept.items() if one is not None and key != _RETAIN}


def _raw(value: Any, place: str) -> Any:
    """A value that Kubernetes takes as it is, and of which its decoder drops the nulls."""
    if _is_list(value):
        return [_raw(one, f"{place}[{index}]") for index, one in enumerate(value)]
    if not _is_object(value):
        return value
    if _PATCH in value:
        # Kubernetes takes it for a member of the object, and drops or refuses it.
        raise MergeError(f"{place}.{_PATCH}", "there is nothing yet that it could change", "Take it out")
    kept = {key: one for key, one in value.items() if one is not None and key != _RETAIN}
    return {key: _raw(one, f"{place}.{key}") for key, one in kept.items()}


def _without(value: _Object, key: str) -> _Object:
    return {name: one for name, one in value.items() if name != key}


def _is_object(value: Any) -> TypeGuard[_Object]:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[_List]:
    return isinstance(value, (list, tuple))
