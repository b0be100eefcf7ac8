"""The forms of single values: how each is read, its JSON Schema, and the sentence for what is wrong with it.

They annotate the fields of the model. pydantic is imported only where a config is read: those who build the
model in Python do not wait for it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

from .mistakes import kind, nearest, shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema, PydanticCustomError

Json: TypeAlias = dict[str, Any]
# What a change of a key does to traffic; components/settings/reference.py has the sentences.
Effect: TypeAlias = Literal[
    "nothing", "moves", "rolls", "scales", "makes first", "route", "cluster", "unmeasured"
]


def wrong(what: str, remedy: str, at: str | int | None = None) -> "PydanticCustomError":
    """An error of a value, or of its member `at`: what is wrong, and what to write."""
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("form", "{wrong}", {"wrong": what, "remedy": remedy, "at": at})


def camel(name: str) -> str:
    """A Python name as the config writes it."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


@dataclass(frozen=True)
class Key:
    """What the reference says of a key. `default` is for one that depends on other keys.

    `effect` None is that of the key above.
    """

    text: str
    effect: Effect | None = "nothing"
    example: object = None
    default: str | None = None

    def __get_pydantic_json_schema__(
        self, core_schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> Json:
        found = handler(core_schema) | {"description": self.text}
        # A default that depends on other keys is none of the schema's.
        return found if self.default is None else {k: v for k, v in found.items() if k != "default"}


class Form:
    """A form of a single value: `read` returns it, or raises what is wrong with it."""

    def read(self, value: object) -> object:
        """The value as the model has it."""
        raise NotImplementedError

    def schema(self) -> Json:
        """Its JSON Schema."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, core_schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> Json:
        return self.schema()


@dataclass(frozen=True)
class Rule(Form):
    """A text of a form: its regular expression, its description, and one that has it.

    With `scalars`, a number or a boolean is the text that YAML means by it: `8080`, `0.5`, `true`.
    """

    pattern: str
    form: str
    example: str = ""
    scalars: bool = False

    def accepts(self, text: str) -> bool:
        """Whether the whole text has the form."""
        return re.fullmatch(self.pattern, text, re.ASCII) is not None

    def read(self, value: object) -> str:
        """The text."""
        if value is None:
            raise wrong("it is empty", f"Write {self.form}")
        text = _scalar(value) if self.scalars else value
        if not isinstance(text, str):
            raise wrong(f"{shown(value)} is {kind(value)}, not a text", f"Write {self.form}")
        if not self.accepts(text):
            raise wrong(f"{shown(value)} is not {self.form}", f"Write {self.form}")
        return text

    def schema(self) -> Json:
        """Its JSON Schema."""
        found: Json = {"type": ["string", "number", "boolean"] if self.scalars else "string"}
        # A pattern that begins with (?s) takes any text, and JavaScript has no such flags.
        return found if self.pattern.startswith("(?s)") else found | {"pattern": f"^({self.pattern})$"}


def _scalar(value: object) -> object:
    """A number or a boolean as the text that YAML has for it; anything else as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value):
        return format(value, ".0f") if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value) if isinstance(value, int) else value


@dataclass(frozen=True)
class OneOf(Form):
    """One of some words."""

    words: tuple[str, ...]

    @property
    def form(self) -> str:
        """How a message names it."""
        return " or ".join(self.words)

    @property
    def example(self) -> str:
        """One that is right."""
        return self.words[0]

    def read(self, value: object) -> str:
        """The word."""
        if not isinstance(value, str):
            raise wrong(f"{shown(value)} is {kind(value)}, not a text", f"Write {self.form}")
        if value not in self.words:
            raise wrong(f"{shown(value)} is not {self.form}", f"Write {self.form}")
        return value

    def schema(self) -> Json:
        """Its JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Kind(OneOf):
    """The word that tells the branches of a union apart: a message names all, and one is this branch's."""

    here: str

    def schema(self) -> Json:
        """Its JSON Schema."""
        return {"type": "string", "const": self.here}


@dataclass(frozen=True)
class Name(OneOf):
    """A key of an object that knows these alone."""

    def read(self, value: object) -> str:
        """The key."""
        if value not in self.words:
            raise wrong("there is no such key", nearest(str(value), self.words))
        return cast("str", value)


@dataclass(frozen=True)
class Whole(Form):
    """An integer within bounds."""

    minimum: int
    maximum: int
    example: int = 1

    @property
    def form(self) -> str:
        """How a message names it."""
        return f"an integer from {self.minimum} to {self.maximum}"

    def read(self, value: object) -> int:
        """The integer."""
        if value is None:
            raise wrong("it is empty", f"Write {self.form}")
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(f"{shown(value)} is {kind(value)}, not an integer", f"Write {self.form}")
        if not self.minimum <= value <= self.maximum:
            raise wrong(f"{shown(value)} is out of range", f"Write {self.form}")
        return value

    def schema(self) -> Json:
        """Its JSON Schema."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Flag(Form):
    """True or false."""

    form = "true or false"

    def read(self, value: object) -> bool:
        """The boolean."""
        if not isinstance(value, bool):
            raise wrong(f"{shown(value)} is {kind(value)}", f"Write {self.form}")
        return value

    def schema(self) -> Json:
        """Its JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Foreign(Form):
    """An object that goes to somebody else as it is, who checks it: Helm a chart's values, Istio a policy."""

    form: str

    def read(self, value: object) -> Mapping[str, object]:
        """The object; an empty one for nothing."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise wrong(f"it is {kind(value)}, not an object", f"Write {self.form}")
        return cast("dict[str, object]", value)

    def schema(self) -> Json:
        """Its JSON Schema."""
        return {"type": ["object", "null"]}


@dataclass(frozen=True)
class Distinct:
    """A list that has nothing twice."""

    def __get_pydantic_core_schema__(self, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.read, handler(source))

    def read(self, items: tuple[object, ...]) -> tuple[object, ...]:
        """The items."""
        for index, item in enumerate(items):
            if item in items[:index]:
                raise wrong(f"{shown(item)} is there twice", "Take one of them out", index)
        return items

    def __get_pydantic_json_schema__(
        self, core_schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> Json:
        return handler(core_schema) | {"uniqueItems": True}


@dataclass(frozen=True)
class Otherwise:
    """Members that an object has here where the config does not give them, other than the class's own."""

    members: tuple[tuple[str, object], ...]

    def __get_pydantic_core_schema__(self, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def read(self, value: object) -> object:
        """The object with these members."""
        if not isinstance(value, dict):
            return value
        given = without_nulls(cast("Mapping[object, object]", value))
        return {**dict(self.members), **given}


@dataclass(frozen=True)
class Branches:
    """A union whose branch `choose` tells by the value: the index of the type."""

    choose: Callable[[object], int]

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        branches = {branch(index): handler.generate_schema(one) for index, one in enumerate(source.__args__)}
        return core_schema.tagged_union_schema(branches, lambda value: branch(self.choose(value)))


def branch(index: int) -> int:
    """How a path of pydantic's has a branch of a union, or back: by what is no key and no index of a list."""
    return -1 - index


class Section:
    """Makes a dataclass an object of the config: members by their camelCase names, and no others."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"alias_generator": camel, "extra": "forbid"}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(_members, handler(source))


def _members(value: object) -> object:
    if value is None:
        return {}
    return without_nulls(cast("Mapping[object, object]", value)) if isinstance(value, dict) else value


def without_nulls(members: Mapping[object, object]) -> dict[str, object]:
    """The members that have a value: `key:` with nothing after it is as the key left out."""
    return {str(name): value for name, value in members.items() if value is not None}
