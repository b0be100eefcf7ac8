"""What the shell offers after Tab: the project's stacks, and the versions of the one that is named."""

import re
from collections.abc import Mapping
from typing import Any, cast

import typer
import yaml

from ..errors import RolloutError
from ..pulumi_cli import project


def stacks(incomplete: str) -> list[str]:
    """Return the stacks that have a config file here; none outside of a project."""
    try:
        files = project.config_folder().glob("Pulumi.*.yaml")
    except RolloutError:
        return []
    found = (re.fullmatch(r"Pulumi\.(.+)\.yaml", file.name) for file in files)
    return sorted(match[1] for match in found if match and match[1].startswith(incomplete))


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Return the versions in the config file of the stack that the command line names so far."""
    stack = str(context.params.get("stack") or "")
    try:
        whole = cast("Mapping[str, Any]", yaml.safe_load(project.config_file(stack).read_text()))
        names: Mapping[str, object] = whole["config"][f"{project.NAME}:versions"]
    except (RolloutError, OSError, yaml.YAMLError, KeyError, TypeError):
        return []
    return sorted(name for name in names if name.startswith(incomplete))
