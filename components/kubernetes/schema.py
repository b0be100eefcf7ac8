"""What a cluster's OpenAPI (version 3) says against a value: fields that it does not know, and types."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from .api import Api

POD_TEMPLATE = "io.k8s.api.core.v1.PodTemplateSpec"
_APPS = "/openapi/v3/apis/apps/v1"
_WORDS = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def read(api: Api) -> Mapping[str, Any]:
    """The schemas of workloads and their pods, by name; none where there are none. Raises GatewayError."""
    found = api.find(_APPS) or {}
    return found.get("components", {}).get("schemas", {})


def mistakes(
    schemas: Mapping[str, Any], name: str, value: object, place: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Where the value is not as the schema of this name says: the place in it, what is wrong, what to do.

    What a strategic merge adds is right anywhere: nulls, and keys that begin with $.
    """
    yield from _mistakes(schemas, schemas.get(name, {}), value, place)


def _mistakes(
    schemas: Mapping[str, Any], schema: Mapping[str, Any], value: object, place: str
) -> Iterator[tuple[str, str, str]]:
    schema = _resolved(schemas, schema)
    wanted = _types(schema)
    if value is None or not wanted:
        return
    found = _type(value)
    if found not in wanted and not (found == "integer" and "number" in wanted):
        words = " or ".join(_WORDS[one] for one in wanted)
        is_scalar = "string" in wanted and found not in {"array", "object"}
        remedy = f"Write {json.dumps(json.dumps(value)) if is_scalar else words}"
        yield place, f"{json.dumps(value)} is {_WORDS[found]}, not {words}", remedy
    elif isinstance(value, Mapping):
        yield from _members(schemas, schema, cast("Mapping[str, object]", value), place)
    elif isinstance(value, list):
        for index, one in enumerate(cast("list[object]", value)):
            yield from _mistakes(schemas, schema.get("items", {}), one, f"{place}[{index}]")
    elif value not in schema.get("enum", [value]):
        allowed = [one for one in schema["enum"] if one]
        wrong = f"{value} is none of {', '.join(allowed)}"
        yield place, wrong, f"Write {_near(str(value), allowed)}"


def _members(
    schemas: Mapping[str, Any], schema: Mapping[str, Any], value: Mapping[str, object], place: str
) -> Iterator[tuple[str, str, str]]:
    known: Mapping[str, Any] = schema.get("properties", {})
    for key, one in value.items():
        at = f"{place}.{key}" if place else key
        if key.startswith("$"):
            continue
        if key in known:
            yield from _mistakes(schemas, known[key], one, at)
        elif "additionalProperties" in schema:
            yield from _mistakes(schemas, schema["additionalProperties"], one, at)
        elif known:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"Write {near[0]} instead" if near else f"Known are {', '.join(sorted(known))}"
            yield at, "Kubernetes has no such field", remedy


def _near(value: str, allowed: Sequence[str]) -> str:
    by_small = {one.lower(): one for one in allowed}
    near = difflib.get_close_matches(value.lower(), by_small, n=1)
    return by_small[near[0]] if near else "one of them"


def _resolved(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference names, also where a default stands beside it."""
    ways: Sequence[Mapping[str, Any]] = [schema, *schema.get("allOf", [])]
    references = [one["$ref"] for one in ways if "$ref" in one]
    return schemas.get(references[0].rpartition("/")[2], {}) if references else schema


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The types of JSON that the schema takes; none where it says nothing of them."""
    if "type" in schema and schema.get("format") != "int-or-string":
        return (schema["type"],)
    return tuple(one["type"] for one in schema.get("oneOf", []) if "type" in one)


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    # Pulumi hands over every number as a float.
    if isinstance(value, (int, float)):
        return "integer" if float(value).is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
