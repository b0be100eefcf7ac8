"""`python -m tools`: build what is missing, and all else about the pinned tools."""

import shutil
import signal
import subprocess
import sys
from typing import Annotated

import typer

from tools import build, env, golang, lock, store
from tools.errors import ToolsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


Stack = Annotated[str, typer.Option(help="The Pulumi stack; only `lab` needs a cluster of our making.")]


@app.command("build")
def build_command(stack: Stack = "lab") -> None:
    """Build every tool and image that is missing. Example: python -m tools build."""
    build.everything(for_lab=stack == "lab")


@app.command("env")
def env_command(stack: Stack = "lab") -> None:
    """Print exports for a POSIX shell. Example: eval "$(python -m tools env)"."""
    for line in env.export_lines(stack):
        print(line)


@app.command("actionlint")
def actionlint_command() -> None:
    """Check the GitHub workflows. Example: python -m tools actionlint."""
    sys.exit(subprocess.run([build.one("actionlint"), "-color"], cwd=store.ROOT).returncode)


@app.command("clean")
def clean_command() -> None:
    """Delete the cache of this project: the built tools and Go's caches. Example: python -m tools clean."""
    with store.locked():
        shutil.rmtree(store.cache())
    shutil.rmtree(store.LINKS, ignore_errors=True)


@app.command("lock")
def lock_command() -> None:
    """Renew go.sum and links.txt after a pin was changed. Example: python -m tools lock."""
    lock.renew(golang.find())


def _terminated(number: int, _frame: object) -> None:
    """End as an exception does: a build ends its compilers."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command; a mistake that the user can mend is one message, not a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    try:
        app()
    except ToolsError as error:
        sys.exit(f"tools: {error}")
    except KeyboardInterrupt:
        sys.exit("tools: interrupted; `make tools` goes on where it stopped")


if __name__ == "__main__":
    main()
