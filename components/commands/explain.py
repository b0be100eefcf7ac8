"""The command `explain`: what a key of the config means, as `kubectl explain` has it of a field."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from ..errors import RolloutError
from ..settings import reference
from ..settings.schema import schema
from .options import Format, Output, show


def explain(
    path: Annotated[str, typer.Argument(metavar="[KEY]", help="A key, such as versions.v2.probes.")] = "",
    as_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of Pulumi.<stack>.yaml, for editors.")
    ] = False,
    as_page: Annotated[bool, typer.Option("--markdown", help="Print the reference of all keys.")] = False,
    output: Format = Output.text,
) -> None:
    """Say what a key of the config means. Example: blue-green explain versions.v2.probes."""
    if as_schema:
        typer.echo(json.dumps(schema(), indent=1))
    elif as_page:
        typer.echo(reference.page(), nl=False)
    else:
        try:
            entry, keys = reference.entry(path)
        except reference.UnknownKeyError as error:
            raise RolloutError(str(error)) from error
        show(output, {**asdict(entry), "keys": [asdict(one) for one in keys]}, text(entry, keys))


def text(entry: reference.Entry, keys: tuple[reference.Entry, ...]) -> str:
    """Say all of a key, and a line of each key in it."""
    said = {
        "KEY": entry.path,
        "TYPE": entry.type,
        "DEFAULT": entry.default,
        "EXAMPLE": entry.example,
        "A CHANGE": reference.EFFECTS[entry.change] if entry.change else "that of each key",
    }
    # The whole config is no key.
    lines = [f"{name + ':':10}{value}" for name, value in said.items() if value and entry.path]
    lines += ["", entry.text] if entry.text else []
    if keys:
        lines += ["", "KEYS:"]
        lines += [f"  {_last(one.path)} <{one.type}>\n      {one.text}".rstrip() for one in keys]
    return "\n".join(lines).strip()


def _last(path: str) -> str:
    return path.rpartition(".")[2]
