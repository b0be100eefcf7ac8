"""Writes components/settings/merge_keys.py from Kubernetes' own OpenAPI (version 2), read from stdin.

    kubectl get --raw /openapi/v2 | python -m tools.merge_keys > components/settings/merge_keys.py

Kubernetes' module has the same document as api/openapi-spec/swagger.json.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

_ROOT = "io.k8s.api.core.v1.PodTemplateSpec"
_HEAD = '''"""Which lists of a PodTemplateSpec are merged, and by which key: made by tools/merge_keys.py."""

from collections.abc import Mapping

# By the path of the list, without its members' places. An empty key: a list of texts.
MERGE_KEYS: Mapping[str, str] = {
'''


def merge_keys(openapi: Mapping[str, Any]) -> dict[str, str]:
    """The merge key of each list below a PodTemplateSpec that the patch strategy `merge` has."""
    return dict(sorted(_lists(openapi["definitions"], _ROOT, "", frozenset())))


def _lists(
    definitions: Mapping[str, Any], name: str, path: str, above: frozenset[str]
) -> Iterator[tuple[str, str]]:
    # A type within itself, as JSONSchemaProps is, would have no end.
    if name in above:
        return
    properties: Mapping[str, Any] = definitions[name].get("properties", {})
    for field, schema in properties.items():
        if "merge" in schema.get("x-kubernetes-patch-strategy", "").split(","):
            yield path + field, schema.get("x-kubernetes-patch-merge-key", "")
        inner = schema.get("items", schema).get("$ref")
        if inner:
            yield from _lists(definitions, inner.rpartition("/")[2], f"{path}{field}.", above | {name})


def source(found: Mapping[str, str]) -> str:
    """The module as Python."""
    return _HEAD + "".join(f'    "{path}": "{key}",\n' for path, key in found.items()) + "}\n"


if __name__ == "__main__":
    print(source(merge_keys(json.load(sys.stdin))), end="")
