"""Who wrote a field of an object, as the API server notes it (Kubernetes, "Server-Side Apply")."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

# The annotation by which a stack knows its own: the stack's full name and the logical name.
OWNER = "blue-green/owner"
# The keys of mappings, and the places in lists, that lead to a field.
FieldPath = Sequence[str | int]


@dataclass(frozen=True)
class Writer:
    """A field manager, such as kubectl-patch, and when it wrote (UTC, ISO 8601; empty where not noted).

    Attributes:
        subresource: by which it wrote, such as scale; empty: by the object itself.
    """

    manager: str
    time: str
    subresource: str = ""

    @property
    def is_pulumi(self) -> bool:
        """Whether that was an `up`."""
        return self.manager.startswith("pulumi")

    def __str__(self) -> str:
        by = f", subresource {self.subresource}" if self.subresource else ""
        if not self.time:
            return f"{self.manager}{by}"
        return f"{self.manager}{by}{',' if by else ''} at {self.time}"


def last_writer(item: Mapping[str, Any], path: FieldPath) -> Writer | None:
    """Who wrote the field at a path of the object last; None where nobody is noted."""
    writers = [
        Writer(entry["manager"], str(entry.get("time", "")), entry.get("subresource", ""))
        for entry in _managed(item)
        if _owns(entry.get("fieldsV1") or {}, item, path)
    ]
    return max(writers, key=lambda one: one.time, default=None)


def writer(item: Mapping[str, Any], field: str) -> str | None:
    """The field manager that wrote a field of the spec last, and when; None where nobody is noted."""
    found = last_writer(item, ("spec", field))
    return found and f"written by {found}"


def last_written(item: Mapping[str, Any]) -> str:
    """When any field of the spec was written last, in ISO 8601 with whole seconds; empty: not noted."""
    return max(
        (str(entry.get("time", "")) for entry in _managed(item) if "f:spec" in (entry.get("fieldsV1") or {})),
        default="",
    )


def _managed(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return item["metadata"].get("managedFields") or ()


def _owns(fields: Mapping[str, Any], value: object, path: FieldPath) -> bool:
    """Whether a set of fields has the one at the path, or a list above it that is written as a whole."""
    for step in path:
        value = _member(value, step)
        if isinstance(step, int):
            found = next((key for key in fields if key.startswith("k:") and _names(key, value)), None)
        else:
            found = f"f:{step}" if f"f:{step}" in fields else None
        if found is None:
            return False
        fields = fields[found]
        if not fields:
            return True
    return True


def _member(value: object, step: str | int) -> object:
    if isinstance(value, list) and isinstance(step, int):
        items = cast("list[object]", value)
        return items[step] if step < len(items) else None
    return cast("Mapping[str, object]", value).get(str(step)) if isinstance(value, Mapping) else None


def _names(key: str, item: object) -> bool:
    """Whether a key such as k:{"name":"myapp"} is that of a list's item."""
    keys: Mapping[str, object] = json.loads(key.removeprefix("k:"))
    return isinstance(item, Mapping) and all(
        cast("Mapping[str, object]", item).get(name) == value for name, value in keys.items()
    )
