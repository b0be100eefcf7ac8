"""The stack's config file: read with every default, and written so that its comments stay."""

import json
from collections.abc import Mapping
from typing import Any, cast

from ..errors import RolloutError
from ..history.past import Past
from ..settings.mistakes import NOT_FOR_CONFIG, ConfigError
from ..settings.model import Settings
from ..settings.parse import parse
from . import project


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
    """Return the stack's settings.

    Raises:
        RolloutError: the config has mistakes; the text lists them.
    """
    try:
        return parse(raw(stack), project.NAME)
    except ConfigError as error:
        msg = f"{project.config_file(stack).name}: {error}"
        raise RolloutError(msg) from error


def write(stack: str, values: Mapping[str, object]) -> None:
    """Replace whole config values of a stack, by key; comments and other values stay.

    The file is whole at any time: Pulumi's CLI writes it at once, after it has checked it.

    Raises:
        RolloutError: Pulumi refused.
    """
    entries = {
        f"{project.NAME}:{key}": {"value": json.dumps(value), "objectValue": value}
        for key, value in values.items()
    }
    project.ask("config", "set-all", "--stack", stack, "--json", json.dumps(entries))


def set_path(stack: str, path: str, value: str) -> None:
    """Set one member of the stack's config, such as `versions["v3"].image`.

    Raises:
        RolloutError: Pulumi refused.
    """
    key = f"{project.NAME}:{path}"
    project.ask("config", "set", "--stack", stack, "--path", "--plaintext", "--", key, value)


def write_weights(stack: str, weights: Mapping[str, int]) -> None:
    """Replace the stack's split."""
    write(stack, {"weights": dict(weights)})


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
    return entry["objectValue"] if "objectValue" in entry else entry.get("value")
