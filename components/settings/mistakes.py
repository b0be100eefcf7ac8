"""What is wrong with a config: sentences that say what to write, all of them in one error."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

# What a config value that holds a Pulumi secret is told.
NOT_FOR_CONFIG = (
    "it holds a secret, which every preview would print. Put it into a Kubernetes Secret, and name that "
    "in env as {secret: NAME, key: KEY}."
)


class ConfigError(Exception):
    """The config has mistakes; the message lists all of them."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong with one place of the config, and what to type; `path` has its keys and indices."""

    path: tuple[str | int, ...]
    wrong: str
    remedy: str

    def sentence(self, project: str) -> str:
        """The mistake with its key as the stack's file has it."""
        return f"{project}:{key(self.path)}: {self.wrong}. {self.remedy}."

    def touches(self, path: tuple[str | int, ...]) -> bool:
        """Whether it is about the place, what the place is in, or what is in it."""
        shorter = min(len(self.path), len(path))
        return self.path[:shorter] == path[:shorter]


def of_stack(text: str, stack: str | None) -> str:
    """A text of ours whose `pulumi config` lines are for a stack, whichever is selected."""
    return text if stack is None else re.sub(r"\b(pulumi config (?:set|rm)) ", rf"\1 --stack {stack} ", text)


def key(path: Iterable[str | int]) -> str:
    """A path as a key, such as `routing.hosts[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """What to write instead of a name that is not known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"Write {prefix}{near[0]} instead" if near else f"Known are {', '.join(names)}"


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
