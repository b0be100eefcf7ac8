"""Reads one object of the config key by key, and collects every mistake instead of raising."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

# What a config value that holds a Pulumi secret is told.
NOT_FOR_CONFIG = (
    "it holds a secret, which every preview would print. Put it into a Kubernetes Secret, and name that "
    "in env as {secret: NAME, key: KEY}."
)


class ConfigError(Exception):
    """The config has mistakes; the message lists all of them."""


@dataclass
class Mistakes:
    """What is wrong with a config: one sentence each, and what to type."""

    found: list[str] = field(default_factory=list[str])

    def add(self, key: str, wrong: str, remedy: str) -> None:
        """Notes that `key` is `wrong`; `remedy` says what to write or to type."""
        self.found.append(f"{key}: {wrong}. {remedy}.")


@dataclass(frozen=True)
class Rule:
    """A form that a text must have: its regular expression and its description."""

    pattern: str
    form: str

    def accepts(self, text: str) -> bool:
        """Whether the whole text has the form."""
        return re.fullmatch(self.pattern, text, re.ASCII) is not None


def shown(value: object) -> str:
    """The value as a short text for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def kind(value: object) -> str:
    """The YAML word for the type of a value."""
    words: dict[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return "empty" if value is None else words.get(type(value), type(value).__name__)


class Section:
    """One object of the config: typed reads, each with a default that a mistake also yields."""

    def __init__(self, key: str, values: object, mistakes: Mistakes) -> None:
        self.key = key
        self.mistakes = mistakes
        self._known: set[str] = set()
        self._values: dict[str, object] = {}
        # Of what is no object that is said, and not what it lacks as well.
        self._is_object = values is None or isinstance(values, dict)
        if isinstance(values, dict):
            for name, value in cast("dict[object, object]", values).items():
                self._values[str(name)] = value
        elif values is not None:
            mistakes.add(key, f"it is {kind(values)}, not an object", "Write it as name: value")

    def path(self, name: str) -> str:
        """The full config key of one of its members."""
        return f"{self.key}.{name}"

    def names(self) -> tuple[str, ...]:
        """The members that are there, sorted, each of them then counted as known."""
        self._known.update(self._values)
        return tuple(sorted(self._values))

    def has(self, name: str) -> bool:
        """Whether the member is there with a value."""
        self._known.add(name)
        return self._values.get(name) is not None

    def raw(self, name: str) -> object:
        """The member as it stands; None when it is missing."""
        self._known.add(name)
        return self._values.get(name)

    def wrong(self, name: str, wrong: str, remedy: str) -> None:
        """Notes a mistake of one member."""
        self.mistakes.add(self.path(name), wrong, remedy)

    def optional_text(self, name: str, rule: Rule) -> str | None:
        """A text of the rule's form, or None when it is missing or wrong."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(name, f"{shown(value)} is {kind(value)}, not a text", f"Write {rule.form}")
        elif not rule.accepts(value):
            self.wrong(name, f"{shown(value)} is not {rule.form}", f"Write {rule.form}")
        else:
            return value
        return None

    def text(self, name: str, rule: Rule, default: str) -> str:
        """A text of the rule's form; the default when it is missing or wrong."""
        found = self.optional_text(name, rule)
        return default if found is None else found

    def required_text(self, name: str, rule: Rule) -> str:
        """A text that must be there; an empty one when it is missing or wrong."""
        if not self.has(name) and self._is_object:
            self.wrong(name, "it is missing", f"Write {rule.form}")
        return self.text(name, rule, "")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of the given words."""
        rule = Rule("|".join(map(re.escape, choices)), " or ".join(choices))
        return self.text(name, rule, default)

    def optional_integer(self, name: str, minimum: int, maximum: int) -> int | None:
        """An integer within the bounds, or None when it is missing or wrong."""
        value = self.raw(name)
        form = f"an integer from {minimum} to {maximum}"
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(name, f"{shown(value)} is {kind(value)}, not an integer", f"Write {form}")
        elif not minimum <= value <= maximum:
            self.wrong(name, f"{shown(value)} is out of range", f"Write {form}")
        else:
            return value
        return None

    def integer(self, name: str, minimum: int, maximum: int, default: int) -> int:
        """An integer within the bounds; the default when it is missing or wrong."""
        found = self.optional_integer(name, minimum, maximum)
        return default if found is None else found

    def boolean(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, f"{shown(value)} is {kind(value)}", "Write true or false")
            return default
        return value

    def texts(self, name: str, rule: Rule, *, numbers: bool = False) -> tuple[str, ...]:
        """A list of texts of the rule's form, none of them twice; with `numbers`, integers are texts too."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong(name, f"it is {kind(value)}, not a list", f"Write a list: [{rule.form}]")
            return ()
        texts: list[str] = []
        for index, item in enumerate(cast("list[object]", value)):
            place = f"{name}[{index}]"
            if numbers and type(item) is int:
                item = str(item)
            if not isinstance(item, str) or not rule.accepts(item):
                self.wrong(place, f"{shown(item)} is not {rule.form}", f"Write {rule.form}")
            elif item in texts:
                self.wrong(place, f"{shown(item)} is there twice", "Take one of them out")
            else:
                texts.append(item)
        return tuple(texts)

    def text_map(self, name: str, keys: Rule, values: Rule) -> Mapping[str, str]:
        """An object of texts, its keys and values of the rules' forms."""
        section = self.section(name)
        found: dict[str, str] = {}
        for key in section.names():
            if not keys.accepts(key):
                section.wrong(key, f"{shown(key)} is not {keys.form}", f"Name it by {keys.form}")
                continue
            value = section.optional_text(key, values)
            if value is not None:
                found[key] = value
            elif not section.has(key):
                section.wrong(key, "it is empty", f"Write {values.form}")
        return found

    def section(self, name: str) -> "Section":
        """A member that is an object; an empty one when it is missing."""
        return Section(self.path(name), self.raw(name), self.mistakes)

    def finish(self) -> None:
        """Notes every member that nothing asked for, with the nearest right one."""
        for name in sorted(set(self._values) - self._known):
            near = difflib.get_close_matches(name, self._known, n=1)
            known = ", ".join(sorted(self._known))
            remedy = f"Write {near[0]} instead" if near else f"Known are {known}"
            self.wrong(name, "there is no such key", remedy)
