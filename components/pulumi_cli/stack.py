"""The Pulumi stack that a command works on: up, down, outputs, state, history."""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse

import psutil

from ..errors import RolloutError
from . import project

HISTORY_PAGE = 10


def up(stack: str, *, refresh: bool = False, progress: bool = False) -> None:
    """Create or select the stack, then run `pulumi up` on it, with Pulumi's own output.

    Args:
        stack: the stack's name.
        refresh: read the cluster first, so that what others changed there is put back.
        progress: Pulumi's output goes to standard error; so it does in `down`.

    Raises:
        RolloutError: Pulumi failed; what it said stands above.
    """
    clear_dead_locks(stack)
    project.show("stack", "select", "--create", stack, progress=progress)
    project.show("up", "--yes", "--stack", stack, *(["--refresh"] if refresh else []), progress=progress)


def converge(stack: str, *, shielded: bool = False) -> None:
    """Run `pulumi up` without its preview, the fastest way to make the stack what its config says.

    Args:
        stack: the stack's name.
        shielded: an interrupt from the terminal does not reach Pulumi.

    Raises:
        RolloutError: Pulumi failed; what it said stands above.
    """
    clear_dead_locks(stack)
    project.show("up", "--yes", "--skip-preview", "--stack", stack, shielded=shielded, progress=True)


def down(stack: str, *, cluster_gone: bool = False, progress: bool = False) -> None:
    """Destroy everything in the stack and the stack itself; a stack that is not there is no error.

    Args:
        stack: the stack's name.
        cluster_gone: the machine of the cluster is no more: only forget what was on it.
        progress: as in `up`.

    Raises:
        RolloutError: Pulumi failed; what it said stands above.
    """
    if project.short(stack) not in map(project.short, names()):
        project.say(f"there is no stack {stack}, so there is nothing to destroy")
        return
    clear_dead_locks(stack)
    if not cluster_gone:
        project.show("destroy", "--yes", "--stack", stack, progress=progress)
    project.show("stack", "rm", "--yes", "--force", "--preserve-config", stack, progress=progress)


def names() -> list[str]:
    """Return the names of the project's stacks in the backend."""
    listed = cast("Sequence[Mapping[str, str]]", project.ask_json("stack", "ls", "--json"))
    return [stack["name"] for stack in listed]


def outputs(stack: str) -> Mapping[str, Any]:
    """Return the stack's outputs, secrets masked; none before the first `up`."""
    run = project.run("stack", "output", "--json", "--stack", stack)
    return cast("Mapping[str, Any]", json.loads(run.stdout)) if run.returncode == 0 else {}


def output(stack: str, name: str) -> Any:
    """Return an output of the stack.

    Raises:
        RolloutError: the stack has no such output, mostly because `up` has not run yet.
    """
    found = outputs(stack)
    if name not in found:
        msg = f"stack {stack} has no output {name!r} yet: run `make up STACK={stack}` first"
        raise RolloutError(msg)
    return found[name]


def resources(stack: str) -> Sequence[Mapping[str, Any]]:
    """Return the resources in the stack's state, secrets still encrypted."""
    return cast("Sequence[Mapping[str, Any]]", deployment(stack).get("resources") or [])


def deployment(stack: str) -> Mapping[str, Any]:
    """Return the stack's state as Pulumi exports it; nothing before the first `up`."""
    exported = cast("Mapping[str, Any]", project.ask_json("stack", "export", "--stack", stack))
    return exported.get("deployment") or {}


def history(stack: str) -> Iterator[Mapping[str, Any]]:
    """Yield the stack's updates, the newest first, each with its `kind`, `result` and `config`.

    They are read by pages: a stack that has been changed a thousand times is asked for the last ones.
    """
    for page in count(1):
        paging = ("--page-size", str(HISTORY_PAGE), "--page", str(page))
        found = project.ask_json("stack", "history", "--json", "--stack", stack, *paging)
        updates = cast("Sequence[Mapping[str, Any]] | None", found) or ()
        yield from updates
        if len(updates) < HISTORY_PAGE:
            return


def clear_dead_locks(stack: str) -> None:
    """Remove the locks of engines on this host that are no more, as a killed `up` leaves them.

    Only a local file backend has such locks: a JSON file each, with the engine's pid and host
    (Pulumi's `pkg/backend/diy/lock.go`). A lock of a living process is left alone.
    """
    for lock, pid in _locks(stack):
        if not psutil.pid_exists(pid):
            project.say(f"removing the lock of process {pid}, which is dead")
            lock.unlink()


def wait_for_engine(stack: str, seconds: float = 300) -> None:
    """Wait until no engine of this host works on the stack, as one that outlived a killed command may.

    Raises:
        RolloutError: it still works after so many seconds.
    """
    deadline = time.monotonic() + seconds
    said = False
    while engines := [pid for _, pid in _locks(stack) if psutil.pid_exists(pid)]:
        if not said:
            project.say(f"waiting for Pulumi's process {engines[0]}, which still works on stack {stack}")
            said = True
        if time.monotonic() > deadline:
            msg = f"process {engines[0]} still holds the lock of stack {stack} after {seconds:.0f} s"
            raise RolloutError(msg)
        time.sleep(0.1)


def _locks(stack: str) -> list[tuple[Path, int]]:
    """The stack's lock files that engines of this host wrote, with their pids."""
    backend = urlparse(os.environ.get("PULUMI_BACKEND_URL", ""))
    if backend.scheme != "file":
        return []
    found: list[tuple[Path, int]] = []
    for lock in (Path(backend.path) / ".pulumi" / "locks").glob(f"**/{stack}/*.json"):
        try:
            owner = json.loads(lock.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            # It was removed, or is being written, at this moment.
            continue
        if owner.get("hostname") == os.uname().nodename:
            found.append((lock, int(owner["pid"])))
    return found
