"""The settings of the stack that runs: the only reader of pulumi.Config."""

import json
import os
from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi.runtime.config import is_config_secret

from .mistakes import NOT_FOR_CONFIG, ConfigError
from .model import Settings
from .parse import KEYS, parse

PROJECT = "blue-green"


def load() -> Settings:
    """The settings of this stack. Raises pulumi.RunError with every mistake in one message."""
    # Its plugins are none of ours, and its look for them through all that is installed takes 10 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    config = pulumi.Config(PROJECT)
    try:
        raw = {key: _value(config, key) for key in KEYS}
        settings = parse(raw | dict.fromkeys(_unknown_keys()), PROJECT, stack=typed_name())
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from error
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    return settings


def typed_name() -> str | None:
    """The stack that runs, as Pulumi finds it whatever the default organization is; None: there is none."""
    name, organization = pulumi.get_stack(), pulumi.get_organization()
    # Backends without organizations call theirs so.
    if not name or organization in (None, "organization"):
        return name or None
    return f"{organization}/{pulumi.get_project()}/{name}"


def _value(config: pulumi.Config, key: str) -> object:
    # Read as an object it would be a secret no more, and be printed by every preview.
    if is_config_secret(f"{PROJECT}:{key}"):
        raise ConfigError(f"{PROJECT}:{key}: {NOT_FOR_CONFIG}")
    try:
        return cast("object", config.get_object(key))
    except pulumi.ConfigTypeError as error:
        message = f"{PROJECT}:{key}: it is a text, not an object. Write it as name: value."
        raise ConfigError(message) from error


def _unknown_keys() -> set[str]:
    """The project's keys that are set but not ours; the language host passes all of them here."""
    found = cast("Mapping[str, object]", json.loads(os.environ.get("PULUMI_CONFIG", "{}")))
    ours = {key.removeprefix(f"{PROJECT}:") for key in found if key.startswith(f"{PROJECT}:")}
    return ours - set(KEYS)
