"""The keys of the model as data: what messages, the reference and `blue-green explain` say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import cache, reduce
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .forms import Effect, Form, Key, branch, camel

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A key, or what stands for one: its type without None, and what it is annotated with."""

    hint: Any
    marks: tuple[object, ...] = ()
    required: bool = False
    default: object = None

    def mark(self, kind: type[T]) -> T | None:
        """The annotation of a kind."""
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)

    @property
    def key(self) -> Key:
        """What the reference says of it."""
        return self.mark(Key) or Key("")

    def with_effect(self, above: Effect | None) -> "Member":
        """With the effect of the key above, where it has none of its own."""
        if self.key.effect is not None:
            return self
        return replace(self, marks=(replace(self.key, effect=above), *self.marks))

    @property
    def form(self) -> Form | None:
        """The form of a single value; None of an object and a list."""
        return self.mark(Form)

    @property
    def example(self) -> object:
        """A value that is right; None where there is none to name."""
        return self.key.example if self.key.example is not None else getattr(self.form, "example", None)

    def branches(self) -> "tuple[Member, ...]":
        """The types of a union; itself of what is none."""
        if get_origin(self.hint) in (Union, UnionType):
            return tuple(_member(one) for one in get_args(self.hint))
        return (self,)

    @property
    def is_list(self) -> bool:
        """Whether its values are lists."""
        return get_origin(self.hint) is tuple

    def members(self) -> "Mapping[str, Member]":
        """The keys of an object that knows its own; none of other types."""
        return of(self.hint) if is_dataclass(self.hint) else {}

    def item(self) -> "Member | None":
        """The members of a list, or of an object with free keys; None of other types."""
        place = {tuple: 0, Mapping: 1}.get(get_origin(self.hint))
        return None if place is None or self.form else _member(get_args(self.hint)[place])


@cache
def of(section: Any) -> Mapping[str, Member]:
    """The keys of a class of the model, in its order."""
    hints = get_type_hints(section, include_extras=True)
    return {camel(one.name): _field(one, hints[one.name]) for one in fields(section)}


def at(section: Any, path: Sequence[str | int]) -> Member | None:
    """The member at a path within a class, as pydantic writes it: with the branches of unions."""
    here: Member | None = Member(section)
    for part in path:
        if here is None:
            return None
        if isinstance(part, int) and part < 0:
            here = here.branches()[branch(part)]
        else:
            here = here.members().get(str(part)) or here.item()
    return here


def annotated(member: Member) -> Any:
    """The type of a member with its marks, as pydantic takes it."""
    return Annotated[(member.hint, *member.marks)] if member.marks else member.hint


def _member(hint: Any) -> Member:
    marks: tuple[object, ...] = ()
    if get_origin(hint) is Annotated:
        hint, marks = hint.__origin__, hint.__metadata__
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        rest: list[Any] = [one for one in get_args(hint) if one is not NoneType]
        hint = reduce(lambda one, other: one | other, rest)
    return Member(hint, marks)


def _field(one: "Field[Any]", hint: Any) -> Member:
    given = one.default if one.default_factory is MISSING else one.default_factory()
    required = given is MISSING
    return replace(_member(hint), required=required, default=None if required else given)
