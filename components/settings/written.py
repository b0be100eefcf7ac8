"""The model as the config would write it: what a state keeps of it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from .forms import camel


def written(value: Any) -> Any:
    """A part of the model by the config's keys, of which `parse` makes it again, less what is empty."""
    if is_dataclass(value):
        pairs = {camel(one.name): written(getattr(value, one.name)) for one in fields(value)}
        return {key: found for key, found in pairs.items() if found not in (None, "")}
    if isinstance(value, Mapping):
        return {key: written(one) for key, one in cast("Mapping[str, Any]", value).items()}
    return [written(one) for one in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def whole(value: Any) -> Any:
    """The value with whole numbers as such: Pulumi hands over every number as a float."""
    if isinstance(value, Mapping):
        return {key: whole(one) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [whole(one) for one in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
