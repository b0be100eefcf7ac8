"""Characters that no object can be written with: the API server reads what Pulumi applies as YAML."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from .mistakes import Mistake
from .model import Settings

# https://yaml.org/spec/1.2.2/#51-character-set, without those that JSON escapes.
_UNWRITABLE = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
_REMEDY = "Take it out, or keep the text in a Kubernetes Secret and write {secret: NAME, key: KEY}"


def mistakes(settings: Settings) -> Iterator[Mistake]:
    """A mistake for each text of the versions' objects with such a character in it."""
    yield from _found(("app", "podTemplate"), settings.app.pod_template)
    for name, version in settings.versions.items():
        path = ("versions", name)
        yield from _found((*path, "env"), version.env)
        yield from _found((*path, "files"), version.files)
        yield from _found((*path, "podTemplate"), version.pod_template)


def _found(path: tuple[str | int, ...], value: object) -> Iterator[Mistake]:
    if isinstance(value, str):
        character = _UNWRITABLE.search(value)
        if character:
            yield Mistake(path, f"it has the control character U+{ord(character[0]):04X}", _REMEDY)
    elif isinstance(value, Mapping):
        for key, one in cast("Mapping[str, object]", value).items():
            yield from _found((*path, key), one)
    elif isinstance(value, list | tuple):
        for index, one in enumerate(cast("list[object]", value)):
            yield from _found((*path, index), one)
