"""The stack's config file: read with every default, and written so that its comments stay."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from ..errors import RolloutError
from ..history.past import Past
from ..settings.mistakes import NOT_FOR_CONFIG, ConfigError
from ..settings.model import Settings
from ..settings.parse import parse
from ..settings.weights import Weights
from . import project, splits
from . import stack as stacks


def raw(stack: str) -> dict[str, Any]:
    """Return the project's config values of a stack by key.

    Raises:
        RolloutError: the stack is not in the backend, its file is not YAML, or a value is a secret.
    """
    project.check_file(stack)
    values = cast("Mapping[str, Any]", project.ask_json("config", "--json", "--stack", stack))
    ours = f"{project.NAME}:"
    for key, value in values.items():
        if key.startswith(ours) and value.get("secret"):
            msg = f"{project.config_file(stack).name}: {key}: {NOT_FOR_CONFIG}"
            raise RolloutError(msg)
    return {key.removeprefix(ours): _value(value) for key, value in values.items() if key.startswith(ours)}


def settings(stack: str) -> Settings:
    """Return the stack's settings: from its config, or of another program's, of a split in its state.

    Raises:
        RolloutError: the config has mistakes, which the text lists, or there is no such split.
    """
    if not is_ours(stack):
        split = splits.chosen(stack)
        weights = _weights(stack, split)
        return replace(split.settings, weights=weights)
    try:
        return parse(raw(stack), project.NAME, stack=stack)
    except ConfigError as error:
        msg = f"{project.config_file(stack).name}: {error}"
        raise RolloutError(msg) from error


def is_ours(stack: str) -> bool:
    """Tell whether a stack is of this project's program: another one has none of its keys.

    Raises:
        RolloutError: the project's or the stack's file is not YAML.
    """
    if project.project_file().get("name") == project.NAME:
        return True
    return any(key.startswith(f"{project.NAME}:") for key in project.written(stack))


def proved(stack: str) -> Weights:
    """Return the weights that the last `up` that ended has proved.

    Raises:
        RolloutError: there was none.
    """
    if not is_ours(stack):
        return splits.chosen(stack).settings.weights
    return {key: int(value) for key, value in dict(stacks.output(stack, "weights")).items()}


def url(stack: str) -> str | None:
    """Return the address of the stack's gateway, if the last `up` knew it.

    Raises:
        RolloutError: there was none.
    """
    found = stacks.output(stack, "url") if is_ours(stack) else splits.chosen(stack).url
    return found and str(found)


def _weights(stack: str, split: splits.Split) -> Weights:
    """What another program's config says of a split's weights; where it names no key, what was proved."""
    if split.weights_key is None:
        return split.settings.weights
    values = cast("Mapping[str, Any]", project.ask_json("config", "--json", "--stack", stack))
    said: Any = _value(values.get(split.weights_key, {}))
    try:
        weights = {str(version): int(weight) for version, weight in said.items()}
    except (AttributeError, TypeError, ValueError):
        weights = {}
    if sum(weights.values()) != 100 or not weights.keys() <= split.settings.versions.keys():
        known = ", ".join(split.settings.versions)
        msg = (
            f"{project.config_file(stack).name}: {split.weights_key}: the split {split.name} needs whole "
            f"percentages of {known} here, together 100"
        )
        raise RolloutError(msg)
    return dict.fromkeys(split.settings.versions, 0) | weights


def write(stack: str, values: Mapping[str, object]) -> None:
    """Replace whole config values of a stack, by key; comments and other values stay.

    The file is whole at any time: Pulumi's CLI writes it at once, after it has checked it.

    Raises:
        RolloutError: Pulumi refused.
    """
    _write(stack, {f"{project.NAME}:{key}": value for key, value in values.items()})


def _write(stack: str, values: Mapping[str, object]) -> None:
    entries = {key: {"value": json.dumps(value), "objectValue": value} for key, value in values.items()}
    project.ask("config", "set-all", "--stack", stack, "--json", json.dumps(entries))


def remove(stack: str, key: str) -> None:
    """Take a whole config value of the stack out.

    Raises:
        RolloutError: Pulumi refused.
    """
    project.ask("config", "rm", "--stack", stack, f"{project.NAME}:{key}")


def set_path(stack: str, path: str, value: str) -> None:
    """Set one member of the stack's config, such as `versions["v3"].image`.

    Raises:
        RolloutError: Pulumi refused.
    """
    key = f"{project.NAME}:{path}"
    whole = re.split(r"[.\[]", path)[0]
    text = project.written(stack).get(f"{project.NAME}:{whole}")
    if isinstance(text, str):
        # Pulumi would put the one member in the place of the whole text.
        write(stack, {whole: read(text)})
    project.ask("config", "set", "--stack", stack, "--path", "--plaintext", "--", key, value)


def write_weights(stack: str, weights: Mapping[str, int]) -> None:
    """Replace the stack's split, by the one key that has it.

    Raises:
        RolloutError: the program does not say which key that is, or Pulumi refused.
    """
    if is_ours(stack):
        write(stack, {"weights": dict(weights)})
    else:
        _write(stack, {weights_key(stack): dict(weights)})


def weights_key(stack: str) -> str:
    """Return the whole key of the stack's config that has the weights.

    Raises:
        RolloutError: the program does not say which one.
    """
    if is_ours(stack):
        return f"{project.NAME}:weights"
    split = splits.chosen(stack)
    if split.weights_key is None:
        msg = (
            f"the program does not say where the weights of the split {split.name} stand, so no command can "
            "write them. Give its BlueGreen the key of the stack's config from which it takes them, such as "
            '"weights_key": "weights", and run pulumi up'
        )
        raise RolloutError(msg)
    return split.weights_key


def write_split(stack: str, settings: Settings, past: Past) -> list[str]:
    """Write the weights and images of a split that was proved before, and nothing else of a version.

    Returns:
        A line for each value that is another one now.

    Raises:
        RolloutError: Pulumi refused.
    """
    weights = {version: past.weights.get(version, 0) for version in settings.versions}
    moved = {version: weight for version, weight in weights.items() if weight != settings.weights[version]}
    lines = [
        f"weights.{version}: {settings.weights[version]} → {weight}" for version, weight in moved.items()
    ]
    if moved:
        write_weights(stack, weights)
    for version, image in past.images.items():
        before = settings.versions[version].image
        if image != before:
            set_path(stack, f'versions["{version}"].image', image)
            lines.append(f"versions.{version}.image: {before} → {image}")
    return [f"{project.config_file(stack).name}: {line}" for line in lines]


def _value(entry: Mapping[str, Any]) -> object:
    return entry["objectValue"] if "objectValue" in entry else read(entry.get("value"))


def read(value: object) -> object:
    """Return a config value as the program reads it: a text that is an object in JSON is that object."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with suppress(ValueError):
            return cast("object", json.loads(value))
    return value
