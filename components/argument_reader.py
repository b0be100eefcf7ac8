"""Reads the arguments of BlueGreen by the reader of the stack config, so its rules and defaults hold."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast, get_args, get_origin, is_typeddict

import pulumi

from . import later
from .arguments import ArgumentsError, BlueGreenArgs, Cluster, of_section
from .carrier import in_plugin
from .option import snake
from .settings import model
from .settings.forms import camel
from .settings.mistakes import ConfigError
from .settings.model import Settings
from .settings.parse import parse

# The keys of a version that have some members of another one: of what others write, by its kind.
_PARTS = {
    "secretEnv": "env",
    "configMapEnv": "env",
    "secretFiles": "files",
    "configMapFiles": "files",
}
_IN_CONFIG_MAP = (
    "it is a secret, and the text of a file stands in a ConfigMap. Put it into a Kubernetes Secret, and name "
    "that in secretFiles"
)


def settings(name: str, args: BlueGreenArgs) -> Settings:
    """The arguments of the BlueGreen `name`, checked, with stand-ins for Outputs. Raises ArgumentsError.

    What an Output comes to is checked by the same rules when it is known.
    """
    reader = _Reader(name)
    own = ("cluster", "weights_key")
    values = reader.read("", {key: value for key, value in args.items() if key not in own}, BlueGreenArgs)
    given = cast("Any", args.get("cluster", {}))
    apart = given
    if isinstance(given, Mapping):
        apart = {key: one for key, one in cast("Mapping[str, Any]", given).items() if key != "kubeconfig"}
    where = reader.read("cluster", apart, Cluster)
    if isinstance(given, Mapping) and "kubeconfig" in given and {"path", "context"} & where.keys():
        reader.wrong.append("cluster: it has a kubeconfig and where to read one. Take one of them out.")
    if reader.wrong:
        raise ArgumentsError(name, reader.wrong)
    app = {"name": name, **values.pop("app", {})}
    for version in values.get("versions", {}).values():
        for part, whole in _PARTS.items():
            if part in version:
                version[whole] = {**version.get(whole, {}), **version.pop(part)}
    reader.config = {
        **values,
        "app": app,
        "routing": {"gateway": f"{app['name']}-gateway", **values.pop("routing", {})},
        "cluster": {**where, "kind": "kubeconfig"},
        "istio": {"install": False, "gateway": values.pop("gateway", {})},
    }
    try:
        found = parse(reader.config, name)
    except ConfigError as error:
        raise ArgumentsError(name, _told(name, error)) from None
    reader.sound = True
    for warning in found.warnings:
        # An image that is not known yet is not known to have no tag.
        if not later.has(warning):
            pulumi.log.warn(_words(name, warning))
    return found


class _Reader:
    """Turns the arguments into what the reader of the stack config takes, and notes what cannot be that."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.wrong: list[str] = []
        self.config: dict[str, Any] = {}
        self.sound = False

    def read(self, path: str, value: Any, hint: Any) -> Any:
        """One argument, by its type's annotation."""
        if isinstance(value, pulumi.Output | Awaitable):
            return self._output(path, cast("pulumi.Input[str]", value), hint)
        origin, inner = get_origin(hint), get_args(hint)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value)
            hints = of_section(hint) if is_typeddict(hint) else None
            of_each = inner[1] if origin is Mapping else Any
            return {
                camel(key) if hints is not None and camel(key) in _SNAKE else key: self.read(
                    f"{path}.{key}".removeprefix("."), one, of_each if hints is None else hints.get(key, Any)
                )
                for key, one in pairs.items()
            }
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            of_each = inner[0] if origin is Sequence else Any
            return [self.read(f"{path}[{index}]", one, of_each) for index, one in enumerate(items)]
        return value

    def _output(self, path: str, value: pulumi.Input[str], hint: Any) -> str:
        if any(get_origin(one) is pulumi.Output for one in get_args(hint)):
            return later.stand_in(lambda text: self._checked(path, text, value))
        remedy = "Write a plain value: it decides what is made"
        if path.startswith("weights"):
            remedy = "Write plain weights: a preview says where traffic goes, and a command can move it"
        self.wrong.append(f"{path}: it is an Output, which is known too late. {remedy}.")
        return ""

    def _checked(self, path: str, stand_in: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
        """The Output, which fails where its value breaks a rule."""
        output = pulumi.Output.from_input(value)

        def check(pair: Sequence[Any]) -> str:
            text, secret = pair
            # Of arguments that are wrong without it that is said, and not as its fault.
            if not self.sound:
                return text
            if secret and ".files." in path:
                wrong = _words(self._name, f"{path}: {_IN_CONFIG_MAP}.")
                raise ArgumentsError(self._name, [wrong], late=True)
            try:
                parse(later.replaced(self.config, stand_in, text), self._name)
            except ConfigError as error:
                found = _told(self._name, error)
                # The config's own sentences quote the value.
                wrong = [f"{path}: its value, a secret, is not of the form of this argument."]
                raise ArgumentsError(self._name, wrong if secret else found, late=True) from None
            return text

        return pulumi.Output.all(output, output.is_secret()).apply(check)


def _told(name: str, error: ConfigError) -> list[str]:
    """The mistakes that the reader of the config found, in the words of the arguments."""
    return [_words(name, line.strip()) for line in str(error).splitlines()[1:]]


def _words(name: str, sentence: str) -> str:
    """A sentence of the config's reader: with an argument's path for a key, and no command to type."""
    typed = rf"Type: pulumi config set --path '?{re.escape(name)}:([^' ]+)'? ([^,.]+)"
    sentence = re.sub(typed, r"Write \1: \2", sentence).replace(f"{name}:", "")
    if in_plugin():
        return sentence
    return re.sub(r"\b[a-z]+[A-Z]\w*\b", lambda word: _SNAKE.get(word[0], word[0]), sentence)


_SNAKE = {
    camel(one.name): one.name
    for section in vars(model).values()
    if is_dataclass(section)
    for one in fields(section)
} | {one: snake(one) for one in _PARTS}
