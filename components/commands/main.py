"""The command line `blue-green`: one command a function."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from ..errors import NotAskedError, RolloutError
from ..pulumi_cli import environment, project, splits
from ..pulumi_cli import stack as stacks
from ..pulumi_cli.terminal import fitted
from . import completion
from .dashboard.command import dashboard
from .explain import explain
from .init import init
from .options import Format, Output, Split, Stack, show
from .preview import comment as comments
from .preview import markdown, run
from .promote import promote as promotions
from .reach import reach, show_in_browser
from .rollback.command import rollback
from .shift.command import shift
from .verify import run as verdicts
from .verify_version import verify_version
from .watch import follow
from .watch import plain as plain_watch

# The exit status of a command that cannot ask the cluster or its gateways.
NOT_ASKED = 6

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def up(
    stack: Stack,
    refresh: Annotated[bool, typer.Option("--refresh", help="Put back what others changed by hand.")] = False,
    output: Format = Output.text,
) -> None:
    """Make the stack what its config says. Example: blue-green up --stack lab."""
    stacks.up(stack, refresh=refresh, progress=output is Output.json)
    if output is Output.json:
        show(output, {"stack": stack, "outputs": stacks.outputs(stack)})


@app.command()
def down(
    stack: Stack,
    cluster_gone: Annotated[
        bool, typer.Option("--cluster-gone", help="The cluster's machine is no more: only forget the stack.")
    ] = False,
    output: Format = Output.text,
) -> None:
    """Destroy the stack and all that it made. Example: blue-green down --stack lab."""
    stacks.down(stack, cluster_gone=cluster_gone, progress=output is Output.json)
    show(output, {"stack": stack})


@app.command()
def watch(
    stack: Stack,
    plain: Annotated[bool, typer.Option("--plain", help="One coloured line an answer.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the board once.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many answers.")] = None,
    split: Split = None,
    output: Format = Output.text,
) -> None:
    """Show which version answers. Example: blue-green watch --stack lab --plain --count 20."""
    splits.choose(split)
    if output is Output.json:
        show(output, follow.once(stack, count or 100).facts())
    elif once:
        Console().print(follow.once(stack, count or 100).view())
    elif plain or count or not sys.stdout.isatty():
        plain_watch.plain(stack, count)
    else:
        follow.watch(stack)


@app.command()
def verify(
    stack: Stack,
    requests: Annotated[int, typer.Option(min=0, help="Requests to send.")] = verdicts.REQUESTS,
    version: Annotated[
        str | None,
        typer.Option(
            help="Only whether its test route reaches this version.", autocompletion=completion.versions
        ),
    ] = None,
    split: Split = None,
    output: Format = Output.text,
) -> None:
    """Tell whether the stack is what its config says. Example: blue-green verify --stack lab.

    Exit status: 0 it is, 3 drifted, 4 not applied, 5 requests fail, 6 the cluster cannot be asked.
    """
    splits.choose(split)
    if version is not None:
        reached = verify_version(stack, version, requests)
        show(output, reached.facts(), str(reached))
        raise typer.Exit(reached.status)
    verdict = verdicts.verify(stack, requests)
    show(output, verdict.facts(), str(verdict))
    raise typer.Exit(verdict.status)


@app.command(name="open")
def open_(
    stack: Stack,
    version: Annotated[
        str | None,
        typer.Argument(help="A version with a test route.", autocompletion=completion.versions),
    ] = None,
    split: Split = None,
    output: Format = Output.text,
) -> None:
    """Tell how the app is reached, or one version by its test route. Example: blue-green open v2."""
    splits.choose(split)
    found = reach(stack, version)
    show(output, found.facts(), found.said)
    if output is Output.text:
        show_in_browser(found)


app.command()(shift)


app.command()(rollback)


app.command()(dashboard)


@app.command()
def promote(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="The stack whose versions serve well.", autocompletion=completion.stacks
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The stack that gets them.", autocompletion=completion.stacks)
    ],
    weights: Annotated[bool, typer.Option("--weights", help="Move the split too.")] = False,
    min_requests: Annotated[int, typer.Option(min=1, help="Requests that each version must serve.")] = 50,
    up: Annotated[bool, typer.Option("--up", help="Apply and verify too.")] = False,
    output: Format = Output.text,
) -> None:
    """Carry versions to the next stack's config. Example: blue-green promote dev staging."""
    environment.leave_for(source, target)
    promotion, change = promotions(source, target, min_requests=min_requests, with_weights=weights)
    text = f"{markdown.comment([change], {})}\n{project.config_file(target).name} is written"
    if not up:
        show(output, asdict(promotion), text)
        return
    stacks.converge(target)
    verdict = verdicts.verify(target, verdicts.REQUESTS)
    show(output, asdict(promotion) | {"verdict": verdict.facts()}, f"{text}\n{verdict}")
    raise typer.Exit(verdict.status)


@app.command()
def preview(
    stack: Annotated[
        list[str] | None,
        typer.Option(
            envvar="PULUMI_STACK",
            show_default="the selected one",
            help="A stack; may be given more than once.",
            autocompletion=completion.stacks,
        ),
    ] = None,
    changed_since: Annotated[
        str | None,
        typer.Option(help="A Git revision: the stacks that the commits since then touch, and no others."),
    ] = None,
    pull_request: Annotated[int | None, typer.Option(help="Put it into this pull request of GitHub.")] = None,
    comment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Into the comment of this name, where a pull request has several."),
    ] = None,
    output: Format = Output.text,
) -> None:
    """Print what `up` would change, as Markdown. Example: blue-green preview --stack lab."""
    marker = markdown.marker(comment)
    names = run.touched(changed_since) if changed_since else stack or [project.selected_stack()]
    environment.leave_for(*names)
    changes = [run.preview(name) for name in names]
    body = markdown.comment(changes, {name: run.served_elsewhere(name) for name in names}, marker=marker)
    show(output, [asdict(change) for change in changes], body)
    if pull_request is not None:
        typer.echo(comments.post(comments.of_environment(pull_request), body), err=True)


app.command()(explain)


app.command()(init)


def main() -> None:
    """Run the command; a mistake that the user can mend is one message, not a traceback."""
    try:
        app()
    except NotAskedError as error:
        print(fitted(f"blue-green: {error}", sys.stderr), file=sys.stderr)
        sys.exit(NOT_ASKED)
    except RolloutError as error:
        sys.exit(fitted(f"blue-green: {error}", sys.stderr))
