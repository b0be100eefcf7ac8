"""The JSON Schema of a stack's file, by which editors complete and check `Pulumi.<stack>.yaml`."""

from collections.abc import Mapping
from typing import Any, cast, get_type_hints

from .forms import Json
from .model import Settings
from .parse import FIELDS, KEYS


def schema(project: str = "blue-green") -> Json:
    """The schema of a file with the keys of the model; other projects' keys and Pulumi's own are free."""
    from pydantic import TypeAdapter

    hints = get_type_hints(Settings, include_extras=True)
    adapters = [(name, "validation", TypeAdapter[Any](hints[FIELDS[name]])) for name in KEYS]
    references, definitions = TypeAdapter.json_schemas(cast("Any", adapters))
    sections = {f"{project}:{name}": references[cast("Any", (name, "validation"))] for name in KEYS}
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Pulumi.<stack>.yaml of {project}",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": sections,
                "patternProperties": {f"^{project}:(?!({'|'.join(KEYS)})$)": False},
            }
        },
        "$defs": definitions["$defs"],
    }
    return cast("Json", _plain(found))


def _plain(part: object) -> object:
    """Without pydantic's titles, and without defaults that only mean that a key may be left out."""
    if isinstance(part, list):
        return [_plain(item) for item in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    found = cast("Mapping[str, object]", part)
    named = isinstance(found.get("type"), str) and "title" in found and "$schema" not in found
    return {
        key: _plain(value)
        for key, value in found.items()
        if not (key == "title" and named) and not (key == "default" and value in (None, [], {}))
    }
