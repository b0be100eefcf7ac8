"""The command line: python -m lab check | up | down | status | env | exec -- CMD | logs."""

from __future__ import annotations

import errno
import json
import os
import signal
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab import checks, command, host, logs, minikube, record, status
from lab import down as down_command
from lab import up as up_command
from lab.errors import LabError
from lab.layout import OWN, Lab
from lab.progress import console

_DOWN = 3
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

app = typer.Typer(
    help="A host for Minikube made of Linux namespaces, where there is no Docker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Output(StrEnum):
    """How `status` prints."""

    table = "table"
    json = "json"


@app.callback()
def options(
    context: typer.Context,
    directory: Annotated[Path, typer.Option("--dir", help="Where the lab lives.")] = OWN.directory,
    tools: Annotated[Path, typer.Option(help="Where `make tools` put its links.")] = OWN.tools,
    subnet: Annotated[
        str | None,
        typer.Option(
            envvar="LAB_SUBNET",
            help=f"The lab's network: .1 the machine, .3 the host. [default: as it is, or {OWN.subnet}]",
        ),
    ] = None,
) -> None:
    """Global options; two labs differ in --dir and --subnet."""
    where = directory.resolve()
    made = Lab(where, tools.absolute(), record.subnet(where, subnet))
    written = record.read(made)
    context.obj = replace(made, docker=written is not None and written.docker)


@app.command(name="check")
def check_machine(context: typer.Context) -> None:
    """Tell whether this machine can have the lab, before anything is built or made."""
    up_command.check(context.obj)


@app.command()
def up(
    context: typer.Context,
    *,
    docker: Annotated[
        bool, typer.Option("--docker", help="With a Docker engine, for `minikube start --driver=docker`.")
    ] = False,
) -> None:
    """Make the host, ready for `minikube start`; or repair it, or find it well."""
    lab: Lab = context.obj
    up_command.up(replace(lab, docker=docker or lab.docker))


@app.command()
def down(context: typer.Context) -> None:
    """Remove the host and all that ran on it."""
    down_command.down(context.obj)


@app.command(name="status")
def show_status(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output")] = Output.table,
) -> None:
    """Show what runs; exit status 0 when the host is up, 3 when it is down."""
    checks.root_on_linux()
    now = status.read(context.obj)
    if output is Output.json:
        typer.echo(json.dumps({"up": now.up, **asdict(now)}, indent=2))
    else:
        table = Table(box=None, show_header=False)
        for name, value in status.rows(now):
            table.add_row(name, value)
        Console().print(table)
    raise typer.Exit(0 if now.up else _DOWN)


@app.command()
def env(context: typer.Context) -> None:
    """Print exports for a POSIX shell: eval "$(python3 -m lab env)"."""
    typer.echo(minikube.exports(context.obj, os.environ.get("PATH", os.defpath)), nl=False)


@app.command(name="exec", context_settings={"ignore_unknown_options": True})
def execute(
    context: typer.Context,
    arguments: Annotated[list[str], typer.Argument(metavar="CMD [ARG]...")],
) -> None:
    """Run a command inside the host; its exit status is ours."""
    checks.root_on_linux()
    host.ensure_running(context.obj)
    entered = [str(part) for part in command.inside(context.obj, *arguments)]
    os.execv(entered[0], entered)  # noqa: S606


@app.command(name="logs")
def show_logs(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="One log alone, such as containerd.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as it grows.")] = False,
) -> None:
    """Print the logs of the host and its services."""
    raise typer.Exit(logs.show(context.obj, name, follow=follow))


def _terminated(number: int, _frame: object) -> None:
    """End as an exception does: an `up` removes what it has made so far."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; a LabError becomes its sentence and the log's tail."""
    signal.signal(signal.SIGTERM, _terminated)
    # `su` keeps a user's PATH, which on Debian lacks where root's programs are.
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([*path, *(one for one in SBIN if one not in path)])
    try:
        app()
    except LabError as error:
        if error.log:
            console.print(escape(error.log), style="dim")
        console.print(f"[red]lab:[/red] {escape(str(error))}")
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        said = f"a disk is full ({error}): df -h shows which; free some, or use --dir on another disk"
        console.print(f"[red]lab:[/red] {escape(said)}")
        raise SystemExit(1) from None
