"""`python -m rollout`: the commands for one stack."""

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rollout import config, endpoint
from rollout import rollback as rollbacks
from rollout import stack as stacks
from rollout import verify as verdicts
from rollout.errors import RolloutError
from rollout.preview import comment as comments
from rollout.preview import markdown, run
from rollout.promote import promote as promotions
from rollout.shift import run as shifts
from rollout.shift.judge import Limits
from rollout.shift.report import Report
from rollout.watch import board
from rollout.watch import plain as plain_watch
from rollout.weights import shown

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class Output(StrEnum):
    """How a command prints what it found."""

    text = "text"
    json = "json"


Stack = Annotated[str, typer.Option(envvar="PULUMI_STACK", help="The Pulumi stack.")]
Format = Annotated[Output, typer.Option("-o", "--output", help="text, or json for machines.")]


@app.command()
def up(
    stack: Stack,
    refresh: Annotated[bool, typer.Option("--refresh", help="Put back what others changed by hand.")] = False,
) -> None:
    """Make the stack what its config says. Example: python -m rollout up --stack lab."""
    stacks.up(stack, refresh=refresh)


@app.command()
def down(
    stack: Stack,
    cluster_gone: Annotated[
        bool, typer.Option("--cluster-gone", help="The cluster's machine is no more: only forget the stack.")
    ] = False,
) -> None:
    """Destroy the stack and all that it made. Example: python -m rollout down --stack lab."""
    stacks.down(stack, cluster_gone=cluster_gone)


@app.command()
def watch(
    stack: Stack,
    plain: Annotated[bool, typer.Option("--plain", help="One coloured line an answer.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the board once.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many answers.")] = None,
    output: Format = Output.text,
) -> None:
    """Show which version answers. Example: python -m rollout watch --stack lab --plain --count 20."""
    if output is Output.json:
        typer.echo(json.dumps(board.once(stack, count or 100).facts(), indent=2))
    elif once:
        Console().print(board.once(stack, count or 100).view())
    elif plain or count or not sys.stdout.isatty():
        settings = config.settings(stack)
        plain_watch.plain(endpoint.of(stack, settings), settings.weights, count)
    else:
        board.watch(stack)


@app.command()
def verify(
    stack: Stack,
    requests: Annotated[int, typer.Option(min=0, help="Requests to send.")] = 200,
    output: Format = Output.text,
) -> None:
    """Tell whether the stack is what its config says. Example: python -m rollout verify --stack lab."""
    verdict = verdicts.verify(stack, requests)
    if output is Output.json:
        typer.echo(json.dumps({"ok": verdict.ok, **asdict(verdict)}, indent=2, default=sorted))
    elif verdict.ok:
        typer.echo(f"{stack} is what its config says: {shown(verdict.weights)}")
        typer.echo(f"{verdict.asked} requests, none failed")
    else:
        for difference in verdict.differences:
            typer.echo(f"{difference.what}\n  to mend it: {difference.mend}")
    raise typer.Exit(0 if verdict.ok else 1)


@app.command()
def shift(
    stack: Stack,
    version: Annotated[str | None, typer.Argument(help="The version that gets the traffic.")] = None,
    steps: Annotated[str, typer.Option(help="Its percentages.")] = "10,25,50,100",
    pause: Annotated[float, typer.Option(min=1, help="Seconds to judge each step.")] = 30,
    max_error_rate: Annotated[float, typer.Option(min=0, max=1, help="Most failed requests, 0 to 1.")] = 0.01,
    min_requests: Annotated[int, typer.Option(min=1, help="Fewest requests a step needs.")] = 50,
    report: Annotated[Path, typer.Option(help="Folder of the report.")] = Path(".lab/reports"),
    undo: Annotated[bool, typer.Option("--undo", help="Go back from a shift that was killed.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a shift that was killed.")] = False,
    output: Format = Output.text,
) -> None:
    """Move traffic by steps, and back by itself when the version fails.

    Example: python -m rollout shift v2 --stack lab --steps 10,50,100 --pause 30.
    """
    if undo:
        shifts.undo(stack)
        return
    if resume == bool(version):
        msg = "name the version that gets the traffic, or give --resume or --undo alone"
        raise RolloutError(msg)
    limits = Limits(max_error_rate, min_requests)
    if version:
        done = shifts.shift(stack, shifts.Plan(version, _steps(steps), pause, limits))
    else:
        done = shifts.resume(stack, pause, limits)
    _end_of_shift(done, report, output)


@app.command()
def rollback(stack: Stack, output: Format = Output.text) -> None:
    """Go back to the last split that was proved. Example: python -m rollout rollback --stack lab."""
    weights = rollbacks.rollback(stack)
    if output is Output.json:
        typer.echo(json.dumps({"stack": stack, "weights": weights}))
    else:
        typer.echo(f"{stack} routes by {shown(weights)} again")


@app.command()
def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The stack whose versions serve well.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The stack that gets them.")],
    weights: Annotated[bool, typer.Option("--weights", help="Move the split too.")] = False,
    min_requests: Annotated[int, typer.Option(min=1, help="Requests that each version must serve.")] = 50,
    up: Annotated[bool, typer.Option("--up", help="Apply and verify too.")] = False,
    output: Format = Output.text,
) -> None:
    """Carry versions to the next stack's config. Example: python -m rollout promote dev staging."""
    promotion, change = promotions(source, target, min_requests=min_requests, with_weights=weights)
    if output is Output.json:
        typer.echo(json.dumps(asdict(promotion)))
    else:
        typer.echo(markdown.comment([change], {}))
        typer.echo(f"Pulumi.{target}.yaml is written")
    if up:
        stacks.converge(target)
        verify(target)


@app.command()
def preview(
    stack: Annotated[
        list[str] | None, typer.Option(envvar="PULUMI_STACK", help="A stack; may be given more than once.")
    ] = None,
    changed_since: Annotated[
        str | None,
        typer.Option(help="A Git revision: the stacks that the commits since then touch, and no others."),
    ] = None,
    pull_request: Annotated[int | None, typer.Option(help="Put it into this pull request of GitHub.")] = None,
    output: Format = Output.text,
) -> None:
    """Print what `up` would change, as Markdown. Example: python -m rollout preview --stack lab."""
    names = run.touched(changed_since) if changed_since else stack or []
    changes = [run.preview(name) for name in names]
    body = markdown.comment(changes, {name: run.served_elsewhere(name) for name in names})
    typer.echo(json.dumps([asdict(change) for change in changes]) if output is Output.json else body)
    if pull_request is not None:
        typer.echo(comments.post(comments.of_environment(pull_request), body), err=True)


def _steps(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(step) for step in text.split(","))
    except ValueError as error:
        msg = f"--steps {text}: write whole percentages with commas, such as 10,25,50,100"
        raise RolloutError(msg) from error


def _end_of_shift(done: Report, folder: Path, output: Output) -> None:
    page = done.write(folder)
    if output is Output.json:
        typer.echo(done.to_json())
    else:
        typer.echo(f"report: {page}")
    if done.failure:
        raise typer.Exit(130 if done.interrupted else 1)


def main() -> None:
    """Run the command; a mistake that the user can mend is one message, not a traceback."""
    try:
        app()
    except RolloutError as error:
        sys.exit(f"rollout: {error}")


if __name__ == "__main__":
    main()
