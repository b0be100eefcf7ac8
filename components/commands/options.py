"""What every command takes, and how it prints what it found."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from ..pulumi_cli import environment, project
from ..pulumi_cli.terminal import fitted
from . import completion


class Output(StrEnum):
    """How a command prints what it found."""

    text = "text"
    json = "json"


def for_stack(context: typer.Context, stack: str) -> str:
    """Return the stack that is named, else Pulumi's selected one; undo what `make env` has set for another.

    Raises:
        RolloutError: none is named, and none selected.
    """
    # A shell that completes the line waits for no Pulumi.
    if context.resilient_parsing:
        return stack
    named = stack or project.selected_stack()
    environment.leave_for(named)
    return named


Stack = Annotated[
    str,
    typer.Option(
        envvar="PULUMI_STACK",
        default_factory=str,
        show_default="the selected one",
        help="The Pulumi stack.",
        autocompletion=completion.stacks,
        callback=for_stack,
    ),
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="Which TrafficSplit, where the stack has several."),
]
Format = Annotated[Output, typer.Option("-o", "--output", help="text, or json for machines.")]


def show(output: Output, facts: object, text: str = "") -> None:
    """Print the result on standard output: as JSON, or its text where there is any."""
    if output is Output.json:
        typer.echo(json.dumps(facts, indent=2, default=sorted))
    elif text:
        typer.echo(fitted(text, sys.stdout))
