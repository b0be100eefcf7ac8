"""Values that are known only while a program runs: an image that it builds, a host, a password.

What the components make is planned with plain texts. Where a program has an Output, a text stands in
for it, of a form that every rule of the config accepts; when a resource is registered, each such text
becomes its Output again, in its own place, so that a preview shows all the rest.
"""

import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeVar, cast

import pulumi

T = TypeVar("T")

_FORM = re.compile(r"later-[0-9]+-value")
_numbers = count()
# By stand-in. They are never taken away: a program has a few, and ends.
_outputs: dict[str, pulumi.Output[str]] = {}


def stand_in(check: Callable[[str], pulumi.Output[str]]) -> str:
    """A new text that stands for the Output that `check` returns for it."""
    text = f"later-{next(_numbers)}-value"
    _outputs[text] = check(text)
    return text


def has(value: object) -> bool:
    """Whether there is a stand-in anywhere in a value."""
    if isinstance(value, str):
        return _FORM.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(has, cast("Mapping[object, object]", value).values()))
    return isinstance(value, list | tuple) and any(map(has, cast("list[object]", value)))


def filled(value: Any) -> Any:
    """The value with the Outputs in the places of their stand-ins; one that has none is as it was."""
    if not has(value):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {key: filled(one) for key, one in cast("Mapping[str, Any]", value).items()}
    return [filled(one) for one in value]


def replaced(value: Any, text: str, by: object) -> Any:
    """The value with another one wherever it has just this text."""
    if isinstance(value, Mapping):
        return {key: replaced(one, text, by) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [replaced(one, text, by) for one in cast("list[Any]", value)]
    return by if value == text else value


def then(value: T, function: Callable[[T], Any]) -> Any:
    """What a function makes of a value: now, or where it has stand-ins, as an Output."""
    return pulumi.Output.from_input(filled(value)).apply(function) if has(value) else function(value)


def _text(text: str) -> pulumi.Output[str]:
    """The text of plain parts and stand-ins, most often of one alone."""
    whole = _outputs.get(text)
    if whole is not None:
        return whole
    parts = re.split(f"({_FORM.pattern})", text)
    return pulumi.Output.concat(*(_outputs.get(part, part) for part in parts))
