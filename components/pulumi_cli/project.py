"""Pulumi's command line, run in the project that the working folder belongs to."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import yaml

from ..errors import RolloutError
from ..gateway.waiting import STOP, WAITING
from . import terminal

NAME = "blue-green"
BACKEND = "PULUMI_BACKEND_URL"
# How Pulumi says that another `up` of the stack runs (pkg/backend/diy/lock.go).
_LOCKED = "the stack is currently locked"
_LAST_WORDS = 30
# Pulumi asks its backend, which may be away.
_SELECTED_SECONDS = 10
# What Pulumi calls the organization of a backend that has none.
_NO_ORGANIZATION = "organization/"
_INSTALL = "https://www.pulumi.com/docs/install/"


class LockedError(RolloutError):
    """Another `up` of the stack runs, or was killed."""


def folder() -> Path:
    """Return the folder of the project: the nearest one upwards with a Pulumi.yaml, as Pulumi finds it.

    Raises:
        RolloutError: there is none.
    """
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / "Pulumi.yaml").is_file():
            return candidate
    msg = f"there is no Pulumi.yaml in {here} or above it: go to the project's folder"
    raise RolloutError(msg)


def short(stack: str) -> str:
    """Return a stack's name without organization and project, as its files have it."""
    return stack.rpartition("/")[2]


def project_file() -> Mapping[str, Any]:
    """Return what Pulumi.yaml says.

    Raises:
        RolloutError: it is not YAML.
    """
    return read_yaml(folder() / "Pulumi.yaml")


def read_yaml(file: Path) -> Mapping[str, Any]:
    """Return what a config file says.

    Raises:
        RolloutError: it is not YAML in UTF-8, or no object; the text has the line where that is known.
    """
    try:
        found: object = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RolloutError(f"{file.name}{line}: it is not YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The reader's own errors are of several lines, and have no mark.
        raise RolloutError(f"{file.name}: it is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise RolloutError(f"{file.name}: it is not an object. Write it as name: value")
    return cast("Mapping[str, Any]", found)


def check_file(stack: str) -> None:
    """Read the stack's config file: of one that is not YAML, Pulumi itself does not say which it is.

    Raises:
        RolloutError: it is not YAML, or its config is no object; the text says where.
    """
    written(stack)


def written(stack: str) -> Mapping[str, Any]:
    """Return the values in the stack's config file, by whole key; none where there is no file.

    Raises:
        RolloutError: it is not YAML, or its config is no object.
    """
    file = config_file(stack)
    found: object = (read_yaml(file).get("config") or {}) if file.exists() else {}
    if not isinstance(found, dict):
        raise RolloutError(f"{file.name}: config: it is not an object. Write it as name: value")
    return {str(key): value for key, value in cast("dict[Any, Any]", found).items()}


def config_folder() -> Path:
    """Return the folder of the stacks' config files: the project's, or what it names as `stackConfigDir`."""
    return folder() / str(project_file().get("stackConfigDir") or ".")


def config_file(stack: str) -> Path:
    """Return the stack's config file."""
    return config_folder() / f"Pulumi.{short(stack)}.yaml"


def config_time(stack: str) -> float | None:
    """Return when the stack's config file was written, in seconds since the epoch; None: there is none."""
    file = config_file(stack)
    return file.stat().st_mtime if file.exists() else None


def run(*arguments: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a Pulumi command without a word on the terminal, whatever its exit status.

    Raises:
        RolloutError: there is no `pulumi`.
        TimeoutExpired: it took longer than so many seconds.
    """
    try:
        return subprocess.run(
            _command(arguments), cwd=folder(), capture_output=True, text=True, timeout=seconds
        )
    except FileNotFoundError as error:
        raise RolloutError(_not_on_path()) from error


def ask(*arguments: str) -> str:
    """Return what a Pulumi command prints.

    Raises:
        RolloutError: it failed; the text has what it said.
    """
    done = run(*arguments)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        refuse_unknown_stack(said)
        msg = f"`pulumi {' '.join(arguments)}` failed:\n{said[-2000:]}"
        raise RolloutError(msg)
    return done.stdout


def selected_stack() -> str:
    """Return the stack that `pulumi stack select` or `pulumi stack init` has selected.

    Of Pulumi Cloud it is the whole name: a short one is of the default organization.

    Raises:
        RolloutError: there is none, or Pulumi could not be asked.
    """
    try:
        done = run("stack", "--show-name", "--fully-qualify-stack-names", seconds=_SELECTED_SECONDS)
    except subprocess.TimeoutExpired as error:
        msg = f"Pulumi did not say in {_SELECTED_SECONDS} s which stack is selected. Name it by --stack NAME"
        raise RolloutError(msg) from error
    if done.returncode:
        msg = (
            "no stack is named. Name it by --stack NAME, or type: pulumi stack select NAME\n"
            f"`pulumi stack --show-name` said: {done.stderr.strip()}"
        )
        raise RolloutError(msg)
    name = done.stdout.strip()
    return short(name) if name.startswith(_NO_ORGANIZATION) else name


def refuse_unknown_stack(said: str) -> None:
    """Raise RolloutError with what to type where Pulumi has said that there is no such stack."""
    if unknown := re.search(r"no stack named '([^']+)' found", said):
        name = unknown[1]
        line = make_up(name) or f"pulumi stack init {short(name)}"
        raise RolloutError(f"there is no stack {name} in this backend yet. Type: {line}")


def backend() -> str:
    """Return the backend's address, found where Pulumi looks for it (pkg/workspace/creds.go)."""
    named = os.environ.get(BACKEND)
    if named:
        return named
    own: Mapping[str, Any] = project_file().get("backend") or {}
    if own.get("url"):
        return str(own["url"])
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folder = Path(os.environ.get("PULUMI_CREDENTIALS_PATH") or home)
    try:
        return str(json.loads((folder / "credentials.json").read_text()).get("current") or "")
    except (OSError, ValueError):
        return ""


def make_up(stack: str) -> str | None:
    """Return the line that makes a stack of this repository on a Minikube of its own; None: it is another.

    Raises:
        RolloutError: the project's or the stack's file is not YAML.
    """
    cluster = written(stack).get(f"{NAME}:cluster")
    if project_file().get("name") != NAME or not isinstance(cluster, dict):
        return None
    kind = cast("Mapping[str, Any]", cluster).get("kind", "minikube")
    return f"make up STACK={short(stack)}" if kind == "minikube" else None


def ask_json(*arguments: str) -> object:
    """Return the JSON that a Pulumi command prints.

    Raises:
        RolloutError: it failed.
    """
    return json.loads(ask(*arguments))


def show(
    *arguments: str,
    shielded: bool = False,
    progress: bool = False,
    quiet: bool = False,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a Pulumi command with its output on the terminal; with `progress`, on standard error.

    An interrupt reaches Pulumi too, which ends what it has begun; our own waits in it end at once. Then
    KeyboardInterrupt is raised.

    Args:
        arguments: the command, without `pulumi`.
        shielded: no interrupt from the terminal reaches it.
        progress: its output goes to standard error.
        quiet: it says nothing but what it waits for, and what went wrong.
        environment: variables for it, beside those of this process.

    Raises:
        RolloutError: it failed; what it said stands above.
    """
    # On a terminal Pulumi draws its own live tree; elsewhere it writes lines.
    live = sys.stdout.isatty() and not (shielded or progress or quiet)
    command = ["pulumi", *arguments] if live else _command(arguments)
    # A Pulumi that is to come to its end must not write to somebody who may be gone.
    piped = quiet or shielded
    out = subprocess.PIPE if piped else sys.stderr if progress else None
    interrupted = False
    said: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        stop = Path(scratch) / "stop"
        try:
            started = subprocess.Popen(
                command,
                cwd=folder(),
                env={**os.environ, **(environment or {}), STOP: str(stop)},
                start_new_session=shielded,
                stdout=out,
                stderr=subprocess.STDOUT if piped else None,
                text=True,
            )
        except FileNotFoundError as error:
            raise RolloutError(_not_on_path()) from error
        with started as process:
            while True:
                try:
                    _follow(process, said, whole=not quiet)
                    status = process.wait()
                    break
                except KeyboardInterrupt:
                    interrupted = True
                    stop.touch()
    if interrupted:
        raise KeyboardInterrupt
    if status:
        for line in _failure(said) if quiet else ():
            say(line)
        msg = f"`pulumi {' '.join(arguments)}` failed; what it said stands above"
        raise LockedError(msg) if _LOCKED in "".join(said) else RolloutError(msg)


def _follow(process: subprocess.Popen[str], said: list[str], *, whole: bool) -> None:
    """Read what a command says to its end, and pass it on: the `whole` of it, or what it waits for."""
    for line in process.stdout or ():
        said.append(line)
        if whole:
            say(line.rstrip())
            continue
        _, waits, reason = line.partition(WAITING)
        if waits and not any(waits + reason in before for before in said[:-1]):
            say(f"{waits}{reason}".rstrip())


def _failure(said: Sequence[str]) -> list[str]:
    """What a failed command said of it: Pulumi's diagnostics, else its last words."""
    lines = [line.rstrip() for line in said]
    begin = lines.index("Diagnostics:") if "Diagnostics:" in lines else max(0, len(lines) - _LAST_WORDS)
    return [line for line in lines[begin:] if line]


def _not_on_path() -> str:
    # What `make` has fetched or built is found by the shells that it sets up.
    there = (folder() / ".tools" / "bin" / "pulumi").exists()
    line = 'For this shell, type: eval "$(make -s env)"' if there else f"Install it: {_INSTALL}"
    return f"pulumi is not on PATH. {line}"


def _command(arguments: Sequence[str]) -> list[str]:
    return ["pulumi", "--non-interactive", *arguments]


def say(line: str) -> None:
    """Tell the person at the terminal what goes on; standard output is for results.

    That nobody listens any more, as behind a pipe whose reader has ended, is no failure.
    """
    with suppress(OSError):
        print(terminal.fitted(line, sys.stderr), file=sys.stderr, flush=True)
