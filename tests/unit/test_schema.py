"""What a cluster's OpenAPI says against a piece of a pod template."""

from typing import Any

import pytest

from components.kubernetes.schema import mistakes


def reference(name: str) -> dict[str, Any]:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "default": {}}


# In the form in which an API server of Kubernetes 1.35 publishes it.
SCHEMAS: dict[str, Any] = {
    "Template": {"type": "object", "properties": {"spec": reference("Spec"), "labels": reference("Labels")}},
    "Labels": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
    "Spec": {
        "type": "object",
        "properties": {
            "volumes": {"type": "array", "items": reference("Volume")},
            "grace": {"type": "integer", "format": "int64"},
            "host": {"type": "boolean"},
            "policy": {"type": "string", "enum": ["Always", "Never"]},
            "port": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
            "cpu": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        },
    },
    "Volume": {"type": "object", "properties": {"name": {"type": "string"}}},
}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"spec": {"volums": []}}, "spec.volums: Kubernetes has no such field. Write volumes instead."),
        (
            {"spec": {"volumes": [{"name": "a"}, {"zzz": 1}]}},
            "spec.volumes[1].zzz: Kubernetes has no such field. Known are name.",
        ),
        ({"spec": {"grace": "5s"}}, 'spec.grace: "5s" is a text, not an integer. Write an integer.'),
        ({"spec": {"grace": 1.5}}, "spec.grace: 1.5 is a number, not an integer. Write an integer."),
        ({"spec": {"host": "yes"}}, 'spec.host: "yes" is a text, not true or false. Write true or false.'),
        ({"labels": {"a": True}}, 'labels.a: true is true or false, not a text. Write "true".'),
        ({"labels": {"a": 8080}}, 'labels.a: 8080 is an integer, not a text. Write "8080".'),
        ({"spec": {"policy": "always"}}, "spec.policy: always is none of Always, Never. Write Always."),
        ({"spec": {"volumes": {}}}, "spec.volumes: {} is an object, not a list. Write a list."),
    ],
)
def test_a_typo_is_a_sentence(value: object, sentence: str) -> None:
    (found,) = mistakes(SCHEMAS, "Template", value)
    assert "{}: {}. {}.".format(*found) == sentence


def test_what_is_right_or_not_known_is_not_judged() -> None:
    piece = {
        "labels": {"any": "x", "gone": None},
        "spec": {"$patch": "replace", "port": "http", "cpu": 0.5, "grace": 3.0, "volumes": None},
    }
    assert list(mistakes(SCHEMAS, "Template", piece)) == []
    assert list(mistakes(SCHEMAS, "Template", {"spec": {"port": 80, "cpu": "1"}})) == []
    # A cluster that publishes nothing.
    assert list(mistakes({}, "Template", {"spec": 1})) == []
