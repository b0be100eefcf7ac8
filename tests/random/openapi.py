"""Random values of a type of Kubernetes' OpenAPI (version 3), some of them with a mistake in them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias, cast

from hypothesis import strategies as st

Json: TypeAlias = Any
Schemas: TypeAlias = Mapping[str, Any]

# Types of which one member is to be there, beside those that are required.
_ONE_OF = (
    "core.v1.Volume",
    "core.v1.VolumeProjection",
    "core.v1.EnvVarSource",
    "core.v1.EnvFromSource",
    "core.v1.LifecycleHandler",
    "core.v1.SeccompProfile",
    "core.v1.AppArmorProfile",
)
_MOST = 3
# What a type needs although its schema does not say so.
_NEEDED = {"core.v1.Container": ("name", "image"), "core.v1.Toleration": ("operator",)}
# Refused in a pod template whatever is in it.
_NEVER = ("ephemeralContainers",)
_WORDS = ("a", "b", "shop", "http", "8080")
# What a text is by the name of its field; any other one is a word.
_BY_FIELD: Mapping[str, Sequence[str]] = {
    "name": ("a", "b", "shop", "init", "A", "files"),
    "image": ("image:1", "registry.example.com/image@sha256:" + "0" * 64),
    "mountPath": ("/a", "/b", "/etc/a"),
    "devicePath": ("/dev/a",),
    "path": ("/a", "a/b", "a"),
    "subPath": ("a", "a/b"),
    "ip": ("10.0.0.1", "fd00::1", "a"),
    "topologyKey": ("kubernetes.io/hostname", "zone"),
    "key": ("a", "zone", "example.com/a"),
    "apiVersion": ("v1",),
    "fieldPath": ("metadata.name", "status.podIP"),
    "resource": ("limits.cpu", "requests.memory"),
    "operator": ("In", "Exists", "Equal", "Gt"),
    "dnsPolicy": ("ClusterFirst", "Default", "None"),
    "restartPolicy": ("Always", "Never"),
    "imagePullPolicy": ("Always", "Never"),
    "protocol": ("TCP", "UDP"),
    "effect": ("NoSchedule", "NoExecute"),
    "medium": ("", "Memory"),
    "hostIP": ("", "10.0.0.1"),
    "serviceAccountName": ("default", "shop"),
    "schedulerName": ("default-scheduler",),
    "preemptionPolicy": ("Never",),
    "nodeName": ("minikube",),
    "schedulingGates": ("a",),
}
_MISTAKES: Sequence[Json] = (None, True, 3, 0.5, "yes", [], {}, ["a"], {"a": "b"})


def values(schemas: Schemas, name: str) -> st.SearchStrategy[Json]:
    """Values of the type with this name, one in four with a mistake somewhere."""
    sound = _Types(schemas).named(name)
    return st.one_of(sound, sound, sound, sound.flatmap(_mistaken))


class _Types:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self.named = cache(self._named)

    def _named(self, name: str) -> st.SearchStrategy[Json]:
        return st.deferred(lambda: self._of(self._schemas[name], "", name))

    def _of(self, schema: Mapping[str, Any], field: str, name: str = "") -> st.SearchStrategy[Json]:
        references = [one["$ref"] for one in (schema, *schema.get("allOf", [])) if "$ref" in one]
        if references:
            return self.named(references[0].rpartition("/")[2])
        if "properties" in schema:
            return self._object(schema, name)
        if "enum" in schema:
            return st.sampled_from([one for one in schema["enum"] if one])
        if "oneOf" in schema:
            numbers = st.sampled_from([0, 1, 80, "25%", "http"])
            return numbers if schema.get("format") == "int-or-string" else _QUANTITY
        match schema.get("type"):
            case "array":
                return st.lists(self._of(schema.get("items", {}), field), min_size=1, max_size=2)
            case "object":
                inner = self._of(schema.get("additionalProperties", {"type": "string"}), field)
                return st.dictionaries(st.sampled_from(["a", "b", "cpu"]), inner, max_size=2)
            case "integer" | "number":
                return st.sampled_from([1, 1, 1, 2, 2, 5, 30, 30, 8080, 0, 70000, -1])
            case "boolean":
                return st.booleans()
            case _:
                return st.sampled_from(_BY_FIELD.get(field, _WORDS))

    def _object(self, schema: Mapping[str, Any], name: str) -> st.SearchStrategy[Json]:
        members: Mapping[str, Any] = schema["properties"]
        needed = next((one for end, one in _NEEDED.items() if name.endswith(end)), ())
        required = sorted({*schema.get("required", []), *({"name"} & members.keys()), *needed})
        others = sorted(members.keys() - {*required, *_NEVER})
        one = name.endswith(_ONE_OF)
        chosen = st.lists(
            st.sampled_from(others), min_size=int(one), max_size=1 if one else _MOST, unique=True
        ) if others else st.just(list[str]())  # fmt: skip
        return chosen.flatmap(
            lambda keys: st.fixed_dictionaries(
                {key: self._of(members[key], key) for key in (*required, *keys)}
            )
        )


_QUANTITY = st.sampled_from(["100m", "1", "64Mi", 1, 0.5, "1x"])


@st.composite
def _mistaken(draw: st.DrawFn, value: Json) -> Json:
    """The value with a member that has another name or another value, however deep."""
    if isinstance(value, list) and value:
        items = cast("list[Json]", value)
        index = draw(st.integers(0, len(items) - 1))
        return [*items[:index], draw(_mistaken(items[index])), *items[index + 1 :]]
    if not isinstance(value, dict) or not value or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(_MISTAKES))
    members = cast("dict[str, Json]", value)
    key = draw(st.sampled_from(sorted(members)))
    if draw(st.integers(0, 3)) == 0:
        return {**{name: one for name, one in members.items() if name != key}, key[:-1]: members[key]}
    return {**members, key: draw(_mistaken(members[key]))}
