"""The command `rollback`."""

from typing import Annotated

import typer

from ...errors import RolloutError
from ...pulumi_cli import project, splits
from ..options import Format, Output, Split, Stack, show
from . import back, now
from .target import table


def rollback(
    stack: Stack,
    to: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The split of this number in --list.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only list what can be gone back to.")] = False,
    at_once: Annotated[
        bool,
        typer.Option("--now", help="Routes first, then Pulumi: in an incident, or with its backend away."),
    ] = False,
    split: Split = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show all that Pulumi says.")] = False,
    output: Format = Output.text,
) -> None:
    """Go back to the split, weights and images, from before the last whole change.

    Example: blue-green rollback --stack lab --now.
    """
    splits.choose(split)
    if listed:
        found = now.candidates(stack) if at_once else back.candidates(stack)
        show(output, {"stack": stack, "splits": [one.facts() for one in found]}, table(found))
        return
    if at_once and verbose:
        msg = "--now writes the routes itself; -v is for the `up` of a rollback without it"
        raise RolloutError(msg)
    past = now.rollback_now(stack, to) if at_once else back.rollback(stack, to, quiet=not verbose)
    if past is None:
        found = back.candidates(stack)
        facts = {"stack": stack, "moved": False, "splits": [one.facts() for one in found]}
        show(output, facts, back.nothing_moved(stack, found))
        return
    facts = {"stack": stack, "moved": True, "weights": past.weights, "images": past.images}
    show(output, facts, f"{stack} routes by {past} again")
    project.say(f"rollback: {project.config_file(stack).name} has that split")
    project.say(f"rollback: {back.COMMIT}")
