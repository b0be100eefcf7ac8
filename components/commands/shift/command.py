"""The command `shift`."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import RolloutError
from ...observation import endpoint
from ...pulumi_cli import config, splits
from ...pulumi_cli.project import config_file, say
from ...settings.model import MinikubeCluster
from ...settings.weights import shown
from .. import completion
from ..options import Format, Output, Split, Stack, show
from . import load, run
from .judge import Limits, Plan
from .report import Report

_JUDGING = ("steps", "pause", "max_error_rate", "max_p99", "min_requests", "mirror_first")


def shift(
    context: typer.Context,
    stack: Stack,
    version: Annotated[
        str | None,
        typer.Argument(help="The version that gets the traffic.", autocompletion=completion.versions),
    ] = None,
    steps: Annotated[str, typer.Option(help="Its percentages.")] = "10,25,50,100",
    pause: Annotated[float, typer.Option(min=1, help="Seconds to judge each step.")] = 30,
    max_error_rate: Annotated[float, typer.Option(min=0, max=1, help="Most failed requests, 0 to 1.")] = 0.01,
    max_p99: Annotated[
        float | None, typer.Option(min=0, help="Longest p99, in milliseconds.", show_default="no limit")
    ] = None,
    min_requests: Annotated[int, typer.Option(min=1, help="Fewest requests a step needs.")] = 50,
    report: Annotated[Path, typer.Option(help="Folder of the report.")] = Path(".lab/reports"),
    traffic: Annotated[
        int | None,
        typer.Option(
            min=1, max=load.MOST, metavar="N", help="Send N GETs a second meanwhile, where nobody uses it."
        ),
    ] = None,
    mirror_first: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Copy requests to it before the first step, such as for 5m."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send --traffic without a question.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show every second, and all that Pulumi says.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Go back from a shift that was killed.")] = False,
    split: Split = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a shift that was killed.")] = False,
    output: Format = Output.text,
) -> None:
    """Move traffic by steps, and back by itself when the version fails.

    Example: blue-green shift v2 --stack lab --steps 10,50,100 --pause 30 --max-p99 500.
    """
    splits.choose(split)
    if [bool(version), undo, resume].count(True) != 1:
        msg = "name the version that gets the traffic, or give --resume or --undo alone"
        raise RolloutError(msg)
    if version is None:
        _must_not_be_given(context, _JUDGING)
    if undo:
        weights = run.undo(stack, verbose=verbose)
        show(output, {"stack": stack, "weights": weights}, f"{stack} routes by {shown(weights)} again")
        return
    _make_folder(report)
    if traffic and not yes:
        _may_send(stack, traffic)
    if version:
        limits = Limits(max_error_rate, min_requests, max_p99)
        plan = Plan(version, _steps(steps), pause, limits, _seconds(mirror_first), traffic)
        done = run.shift(stack, plan, verbose=verbose)
    else:
        done = run.resume(stack, traffic, verbose=verbose)
    _end(done, report, output)


def _may_send(stack: str, traffic: int) -> None:
    """Requests of our own to a cluster that is not the stack's own need a yes."""
    settings = config.settings(stack)
    if isinstance(settings.cluster, MinikubeCluster):
        return
    what = f"{traffic} requests a second to {endpoint.of(stack, settings).url}"
    if not sys.stdin.isatty():
        msg = f"--traffic sends {what}, on a cluster that is not the stack's own: add --yes if it may"
        raise RolloutError(msg)
    if not typer.confirm(f"send {what}?", err=True):
        msg = "nothing was changed"
        raise RolloutError(msg)


def _must_not_be_given(context: typer.Context, names: tuple[str, ...]) -> None:
    """A shift that was killed goes on, or back, as it was asked for."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            msg = (
                f"--{name.replace('_', '-')} is for a new shift; --undo and --resume know what was asked for"
            )
            raise RolloutError(msg)


def _make_folder(folder: Path) -> None:
    """Find out before the first step whether the report has a place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"--report {folder}: {error.strerror}; name a folder that can be made or is there"
        raise RolloutError(msg) from error


def _steps(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(step) for step in text.split(","))
    except ValueError as error:
        msg = f"--steps {text}: write whole percentages with commas, such as 10,25,50,100"
        raise RolloutError(msg) from error


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})(s|m|h)", text)
    if found is None:
        msg = f"--mirror-first {text}: write a time such as 90s, 5m or 1h"
        raise RolloutError(msg)
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def _end(done: Report, folder: Path, output: Output) -> None:
    page = done.write(folder)
    if output is Output.json:
        typer.echo(done.to_json())
    else:
        typer.echo(f"report: {page}")
    if done.failure:
        raise typer.Exit(130 if done.interrupted else 1)
    say("shift: all steps stand")
    say(f"shift: commit {config_file(done.stack).name}: an `up` with the old one moves the traffic back")
