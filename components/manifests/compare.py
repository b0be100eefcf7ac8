"""What a live object has otherwise than the manifest that it was made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..settings import rules

Path = tuple[str | int, ...]
Object = Mapping[str, object]
# The API server writes quantities in a form of its own.
_QUANTITIES = ("requests", "limits")


@dataclass(frozen=True)
class Unlike:
    """One field: where in the live object, and what it is to be there.

    Attributes:
        path: keys, and places in the live object's lists.
        wanted: the manifest's value; None: the field is to be absent.
        live: the live object's value; None: it is absent.
    """

    path: Path
    wanted: object
    live: object


def unlike(wanted: object, live: object, path: Path = ()) -> Iterator[Unlike]:
    """Yield what the manifest sets and the live object has otherwise; what it does not set may be anything.

    What others add to a list whose items have names is no difference, as Kubernetes merges those.
    """
    if _are(dict, wanted, live):
        ours, theirs = cast("Object", wanted), cast("Object", live)
        for key, value in ours.items():
            yield from unlike(value, theirs.get(key), (*path, key))
    elif _are(list, wanted, live):
        yield from _unlike_lists(cast("list[object]", wanted), cast("list[object]", live), path)
    elif not _same(wanted, live, path):
        yield Unlike(path, wanted, live)


def added(wanted: object, live: object, path: Path = ()) -> Iterator[Unlike]:
    """Yield what the live object has and the manifest does not: for objects whose every field is ours."""
    if _are(dict, wanted, live):
        ours, theirs = cast("Object", wanted), cast("Object", live)
        for key, value in theirs.items():
            if key in ours:
                yield from added(ours[key], value, (*path, key))
            else:
                yield Unlike((*path, key), None, value)
    elif _are(list, wanted, live):
        listed = cast("list[object]", wanted)
        names = [_name(item) for item in listed]
        for index, value in enumerate(cast("list[object]", live)):
            at = names.index(_name(value)) if _name(value) in names else index
            if at < len(listed) and _name(value) == names[at]:
                yield from added(listed[at], value, (*path, index))
            else:
                yield Unlike((*path, index), None, value)


def _unlike_lists(wanted: list[object], live: list[object], path: Path) -> Iterator[Unlike]:
    names = [_name(item) for item in live]
    for index, item in enumerate(wanted):
        name = _name(item)
        at = names.index(name) if name is not None and name in names else index
        if at >= len(live) or (name is not None and name not in names):
            yield Unlike(path, item, None)
        else:
            yield from unlike(item, live[at], (*path, at))
    if len(live) > len(wanted) and None in names:
        yield Unlike(path, wanted, live)


def _are(kind: type, *values: object) -> bool:
    return all(isinstance(value, kind) for value in values)


def _name(item: object) -> object:
    return cast("Object", item).get("name") if isinstance(item, dict) else None


def _same(wanted: object, live: object, path: Path) -> bool:
    # Kubernetes leaves out what is 0 or empty.
    if live is None:
        return wanted is not False and not wanted
    if len(path) > 1 and path[-2] in _QUANTITIES and isinstance(wanted, str) and isinstance(live, str):
        return _quantity(wanted) == _quantity(live)
    return wanted == live


def _quantity(text: str) -> Any:
    return rules.quantity(text) if rules.QUANTITY.accepts(text) else text
