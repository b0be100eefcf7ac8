"""Reads the arguments of components by the reader of the stack config, so its rules and defaults hold."""

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
from .settings.mistakes import ConfigError, kind
from .settings.model import Settings
from .settings.parse import parse

# The keys of a version that have some members of another one: of what others write, by its kind.
_PARTS = {
    "secretEnv": "env",
    "configMapEnv": "env",
    "secretFiles": "files",
    "configMapFiles": "files",
}
# Of the arguments, those that are no sections of the config, or are one by another name.
_NO_SECTIONS = ("cluster", "weights_key")
_IN_CONFIG_MAP = (
    "it is a secret, and the text of a file stands in a ConfigMap. Put it into a Kubernetes Secret, and name "
    "that in secretFiles"
)


def settings(name: str, args: Mapping[str, Any], hint: type = BlueGreenArgs) -> Settings:
    """The arguments `hint` of the component `name`, each a section, with stand-ins for Outputs.

    What an Output comes to is checked by the same rules when it is known. Raises ArgumentsError.
    """
    known = of_section(hint)
    apart = [key for key in _NO_SECTIONS if key in known]
    reader = _Reader(hint, name, ["istio", "cluster", *(camel(key) for key in known if key not in apart)])
    values = reader.read("", {key: one for key, one in args.items() if key not in apart}, hint)
    cluster = _cluster(reader, args)
    for version, written in _object(values.get("versions")).items():
        _put_together(reader, f"versions.{version}", _object(written))
    reader.refuse()
    app = _with({"name": name}, values.pop("app", None))
    routing = _with({"gateway": f"{_object(app).get('name')}-gateway"}, values.pop("routing", None))
    gateway: Any = values.pop("gateway", {}) if "gateway" in known else {}
    istio = {"install": False, "gateway": gateway}
    return reader.settings({**values, "app": app, "routing": routing, "cluster": cluster, "istio": istio})


def section(name: str, args: Mapping[str, Any], hint: type, key: str) -> Settings:
    """The arguments `hint` of the component `name`, keys of one section. Raises ArgumentsError."""
    reader = _Reader(hint, name, [key, "cluster"], inside=f"{key}.")
    values = reader.read("", {one: value for one, value in args.items() if one != "cluster"}, hint)
    cluster = _cluster(reader, args)
    reader.refuse()
    return reader.settings({"cluster": cluster, key: values})


def kubeconfig(args: Mapping[str, Any]) -> pulumi.Input[str] | None:
    """The text of a kubeconfig among the arguments."""
    return _object(args.get("cluster")).get("kubeconfig")


def _cluster(reader: "_Reader", args: Mapping[str, Any]) -> Any:
    """Where the cluster is; the text of a kubeconfig stays apart, as it is no key of the config."""
    given = _with({}, args.get("cluster"))
    text = _object(given).pop("kubeconfig", None)
    where = reader.read("cluster", given, Cluster)
    if text is not None and {"path", "context"} & _object(where).keys():
        reader.wrong.append("cluster: it has a kubeconfig and where to read one. Take one of them out.")
    return {**_object(where), "kind": "kubeconfig"} if isinstance(where, dict) else where


def _put_together(reader: "_Reader", path: str, version: dict[str, Any]) -> None:
    """Puts the members of each part of a version into the key that has them in the config."""
    for part, whole in _PARTS.items():
        given = version.pop(part, None)
        if given and not isinstance(given, dict):
            wrong = f"it is {kind(given)}, not an object. Write it as name: value."
            reader.wrong.append(f"{path}.{snake(part)}: {wrong}")
        elif given and isinstance(version.get(whole) or {}, dict):
            version[whole] = {**_object(version.get(whole)), **_object(given)}


def _with(members: Mapping[str, Any], section: Any) -> Any:
    """A section with these members where it has none of its own; what is no section, its reader refuses."""
    if section is None or isinstance(section, Mapping):
        return {**members, **{key: one for key, one in _object(section).items() if one is not None}}
    return section


def _object(value: Any) -> dict[str, Any]:
    """What is in an object; of anything else, nothing."""
    return cast("dict[str, Any]", value) if isinstance(value, Mapping) else {}


class _Reader:
    """Turns the arguments into what the reader of the stack config takes, and notes what cannot be that."""

    def __init__(self, hint: type, name: str, sections: Sequence[str], inside: str = "") -> None:
        self._name = name
        self._component = f"{hint.__name__.removesuffix('Args')} {name}"
        self._sections = sections
        # Where in the config the arguments stand.
        self._inside = inside
        self.wrong: list[str] = []
        self._config: dict[str, Any] = {}
        self._sound = False

    def refuse(self) -> None:
        """Raises ArgumentsError where something is wrong."""
        if self.wrong:
            raise ArgumentsError(self._component, self.wrong)

    def settings(self, config: dict[str, Any]) -> Settings:
        """What the reader of the stack config makes of this one. Raises ArgumentsError."""
        self._config = config
        try:
            found = parse(config, self._name, self._sections)
        except ConfigError as error:
            raise ArgumentsError(self._component, self._told(error)) from None
        self._sound = True
        for warning in found.warnings:
            # An image that is not known yet is not known to have no tag.
            if not later.has(warning):
                pulumi.log.warn(self._words(warning))
        return found

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
            if not self._sound:
                return text
            if secret and ".files." in path:
                raise ArgumentsError(self._component, [self._words(f"{path}: {_IN_CONFIG_MAP}.")], late=True)
            try:
                parse(later.replaced(self._config, stand_in, text), self._name, self._sections)
            except ConfigError as error:
                found = self._told(error)
                # The config's own sentences quote the value.
                wrong = [f"{path}: its value, a secret, is not of the form of this argument."]
                raise ArgumentsError(self._component, wrong if secret else found, late=True) from None
            return text

        return pulumi.Output.all(output, output.is_secret()).apply(check)

    def _told(self, error: ConfigError) -> list[str]:
        """The mistakes that the reader of the config found, in the words of the arguments."""
        return [self._words(line.strip()) for line in str(error).splitlines()[1:]]

    def _words(self, sentence: str) -> str:
        """A sentence of the config's reader: with an argument's path for a key, and no command to type."""
        typed = rf"Type: pulumi config set --path '?{re.escape(self._name)}:([^' ]+)'? ([^,.]+)"
        sentence = re.sub(typed, r"Write \1: \2", sentence)
        sentence = re.sub(rf"Type: pulumi config rm {re.escape(self._name)}:(\w+)", r"Take \1 out", sentence)
        sentence = sentence.replace(f"{self._name}:{self._inside}", "").replace(f"{self._name}:", "")
        if in_plugin():
            return sentence
        return re.sub(r"\b[a-z]+[A-Z]\w*\b", lambda word: _SNAKE.get(word[0], word[0]), sentence)


_SNAKE = {
    camel(one.name): one.name
    for section in vars(model).values()
    if is_dataclass(section)
    for one in fields(section)
} | {one: snake(one) for one in _PARTS}
