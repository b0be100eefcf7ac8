"""Who wrote a field of an object, as the API server notes it (Kubernetes, "Server-Side Apply")."""

from collections.abc import Mapping, Sequence
from typing import Any


def writer(item: Mapping[str, Any], field: str) -> str | None:
    """The field manager that wrote a field of the spec last, and when; None where nobody is noted."""
    wrote = [entry for entry in _managed(item) if f"f:{field}" in _spec(entry)]
    if not wrote:
        return None
    last = max(wrote, key=_time)
    return f"written by {last['manager']} at {_time(last)}"


def last_written(item: Mapping[str, Any]) -> str:
    """When any field of the spec was written last, in ISO 8601 with whole seconds; empty: not noted."""
    return max((_time(entry) for entry in _managed(item) if _spec(entry)), default="")


def _managed(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return item["metadata"].get("managedFields") or ()


def _spec(entry: Mapping[str, Any]) -> Mapping[str, object]:
    fields: Mapping[str, Any] = entry.get("fieldsV1") or {}
    return fields.get("f:spec") or {}


def _time(entry: Mapping[str, Any]) -> str:
    return str(entry.get("time", ""))
