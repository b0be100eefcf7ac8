"""The command `dashboard`."""

import os
import sys
import webbrowser
from contextlib import suppress
from typing import Annotated

import typer

from ...errors import RolloutError
from ...pulumi_cli import config, environment, project, splits
from ...pulumi_cli import stack as stacks
from .. import completion
from ..options import Format, Output, Split, show

PORT = 8765
NEEDS = ("starlette>=1,<2", "uvicorn>=0.30,<1")


def dashboard(
    stack: Annotated[
        str | None,
        typer.Option(
            envvar="PULUMI_STACK",
            show_default="the selected one",
            help="The Pulumi stack.",
            autocompletion=completion.stacks,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every stack of the project.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0: any that is free.")] = PORT,
    browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = True,
    split: Split = None,
    output: Format = Output.text,
) -> None:
    """Show on a page what is true now, until Ctrl-C. It only reads.

    Example: blue-green dashboard --stack lab.
    """
    if every and split:
        msg = "--split is of one stack: name that by --stack, without --all"
        raise RolloutError(msg)
    splits.choose(split)
    names = stacks.names() if every else [stack or project.selected_stack()]
    environment.leave_for(*names)
    if not every:
        # A stack that is not there, or a config with mistakes, is said here and not on the page.
        config.settings(names[0])
    # Here, as no other command needs them.
    try:
        from . import server
    except ImportError as error:
        wanted = " ".join(f'"{package}"' for package in NEEDS)
        msg = f"the page needs {error.name}. Type: {sys.executable} -m pip install {wanted}"
        raise RolloutError(msg) from error
    address = server.bind(port)
    show(output, {"stacks": names, "address": str(address)}, str(address))
    sys.stdout.flush()
    if browser and not _opened(address.once):
        project.say("there is no browser here: open that address in one on this machine")
    project.say("dashboard: Ctrl-C ends it")
    with suppress(KeyboardInterrupt):
        server.serve(address, names)


def _opened(address: str) -> bool:
    """Open a browser with windows; one that takes the terminal is none."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False
    return webbrowser.open(address)
