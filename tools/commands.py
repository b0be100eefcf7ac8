"""`python -m tools`: build what is missing, and all else about the pinned tools."""

import errno
import hashlib
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools import build, env, golang, lock, node, stacks, store
from tools.errors import ToolsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


Stack = Annotated[str, typer.Option(help="The Pulumi stack; only `lab` needs a cluster of our making.")]


@app.command("check")
def check_command(stack: Stack = "lab") -> None:
    """Tell whether the stack can run from this machine. Example: python3 -m tools check --stack dev."""
    env.refuse(stack)
    stacks.refuse_machine(stack)


@app.command("build")
def build_command(
    stack: Stack = "lab",
    *,
    docker: Annotated[bool, typer.Option("--docker", help="And what `lab up --docker` needs.")] = False,
) -> None:
    """Build every tool and image that is missing. Example: python3 -m tools build."""
    env.refuse(stack)
    build.everything(for_lab=stack == "lab")
    if docker:
        node.bring_up_to_date()


@app.command("env")
def env_command(stack: Stack = "lab") -> None:
    """Print exports for a POSIX shell. Example: eval "$(python3 -m tools env)"."""
    for line in env.export_lines(stack):
        print(line)


@app.command("next")
def next_command(url: Annotated[str, typer.Option(help="The gateway's.")], stack: Stack = "lab") -> None:
    """Tell what to do with a stack that is up. Example: python3 -m tools next --url http://10.0.0.1:31380."""
    of = "" if stack == "lab" else f" STACK={stack}"
    rows = {
        f'eval "$(make -s env{of})"': "the tools, for this shell",
        **_moves(stack),
        f"make watch{of}": "see which version answers, live",
        f"make down{of}": "remove it all",
    }
    print(f"\nThe app is at {url}. What next:")
    for line, what in rows.items():
        print(f"  {line:<26}  # {what}" if what else f"  {line}")


def _moves(stack: str) -> dict[str, str]:
    """The rows that give all traffic to another version than has it; none where there is only one."""
    versions, weights = list(stacks.section(stack, "versions")), stacks.section(stack, "weights")
    if len(versions) < 2:
        return {}
    to = next(one for one in reversed(versions) if weights.get(one) != 100)
    values = [f"  --plaintext weights.{one}={100 if one == to else 0}" for one in versions]
    # In several lines, as no terminal of 80 columns has room for one.
    first = [f"pulumi config set-all -s {stack} --path", *values[:-1]]
    return {
        **{f"{line} \\": "" for line in first},
        values[-1]: f"all traffic to {to}",
        f"pulumi up -s {stack}": "move it",
    }


@app.command("stays")
def stays_command() -> None:
    """Tell what `make down` leaves on this machine, and how that goes too."""
    packages = store.debian_packages()
    if packages:
        print(f"what stays from Debian, as somebody else may need it by now: {' '.join(packages)}")
    print(f"what stays for the next `make up`: .venv, .tools and {store.cache()} (make clean-cache)")


@app.command("actionlint")
def actionlint_command() -> None:
    """Check the GitHub workflows. Example: python3 -m tools actionlint."""
    sys.exit(subprocess.run([build.one("actionlint"), "-color"], cwd=store.ROOT).returncode)


@app.command("release")
def release_command() -> None:
    """Make what a release is made of in dist/, and print the sums. Example: python3 -m tools release."""
    # It imports the program, which no other command needs.
    from tools import release

    for file in release.make(store.ROOT / "dist"):
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}")


@app.command("clean")
def clean_command() -> None:
    """Delete the cache of this project: the built tools and Go's caches. Example: python3 -m tools clean."""
    with store.locked():
        shutil.rmtree(store.cache())
    shutil.rmtree(store.LINKS, ignore_errors=True)


@app.command("lock")
def lock_command() -> None:
    """Renew go.sum and links.txt after a pin was changed. Example: python3 -m tools lock."""
    lock.renew(golang.find())


def _terminated(number: int, _frame: object) -> None:
    """End as an exception does: a build ends its compilers."""
    raise SystemExit(128 + number)


def _of_another_user(error: PermissionError) -> str | None:
    """Return what to do about a path that is somebody else's, as a `sudo make up` leaves them."""
    if error.filename is None:
        return None
    path = Path(error.filename).absolute()
    # What is below a folder that one may not enter cannot be seen.
    seen = next(one for one in (path, *path.parents) if os.access(one, os.F_OK))
    owner = seen.stat().st_uid
    if owner == os.geteuid():
        return None
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    return (
        f"{seen} belongs to {name}, as after a sudo make up. Go on as {name}: sudo -u {shlex.quote(name)} -s"
    )


def main() -> None:
    """Run the command; a mistake that the user can mend is one message, not a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    try:
        app()
    except ToolsError as error:
        sys.exit(f"tools: {error}")
    except PermissionError as error:
        if said := _of_another_user(error):
            sys.exit(f"tools: {said}")
        raise
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"tools: the disk of {store.cache()} is full: free some, or export XDG_CACHE_HOME=FOLDER")
    except KeyboardInterrupt:
        sys.exit("tools: interrupted; `make tools` goes on where it stopped")
