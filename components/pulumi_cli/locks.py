"""The locks of Pulumi's local backends: those of engines that are no more are removed.

A lock is a JSON file with the engine's pid and host (Pulumi's `pkg/backend/diy/lock.go`). Other
backends' locks are their own affair.
"""

import json
import os
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import RolloutError
from . import project

# The machine's first namespaces (Linux, include/linux/proc_ns.h).
_FIRST = {"pid": "pid:[4026531836]", "uts": "uts:[4026531838]"}


def clear_dead(stack: str) -> None:
    """Remove the locks of engines on this host that are no more, as a killed `up` leaves them.

    The lock of a living process is left alone, also where that lives in another PID namespace.
    """
    for lock, pid in _of(stack):
        if not _lives(pid):
            project.say(f"removing the lock of process {pid}, which is dead")
            lock.unlink(missing_ok=True)


def wait_for_engine(stack: str, seconds: float = 300) -> None:
    """Wait until no engine of this host works on the stack, as one that outlived a killed command may.

    Raises:
        RolloutError: it still works after so many seconds.
    """
    deadline = time.monotonic() + seconds
    said = False
    while running := engines(stack):
        if not said:
            project.say(f"waiting for Pulumi's process {running[0]}, which still works on stack {stack}")
            said = True
        if time.monotonic() > deadline:
            msg = f"process {running[0]} still holds the lock of stack {stack} after {seconds:.0f} s"
            raise RolloutError(msg)
        time.sleep(0.1)


def engines(stack: str) -> list[int]:
    """Return the processes of this host that work on the stack, where the backend is a local one."""
    return [pid for _, pid in _of(stack) if _lives(pid)]


def _of(stack: str) -> list[tuple[Path, int]]:
    """The stack's lock files that engines of this host wrote, with their pids."""
    state = local_state()
    if state is None:
        return []
    found: list[tuple[Path, int]] = []
    # A backend has the stacks of every project; an old one, without projects, has them by name alone.
    folder, name = state / ".pulumi" / "locks", project.short(stack)
    ours = folder.glob(f"organization/{project.project_file().get('name')}/{name}/*.json")
    for lock in (*ours, *folder.glob(f"{name}/*.json")):
        try:
            owner = json.loads(lock.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            # It was removed, or is being written, at this moment.
            continue
        if owner.get("hostname") == os.uname().nodename:
            found.append((lock, int(owner["pid"])))
    return found


def local_state() -> Path | None:
    """Return the folder of the backend that Pulumi would use, if it is a local one."""
    backend = project.backend()
    if not backend.startswith("file://"):
        return None
    # The rest is a path, with ~ for the home (Pulumi, pkg/backend/diy/backend.go, massageBlobPath).
    path = unquote(urlsplit(backend.removeprefix("file://")).path)
    return project.folder() / Path(path).expanduser()


def _lives(pid: int) -> bool:
    """Whether a process of this number lives here, or in a PID namespace below by its own count."""
    try:
        # Signal 0 only asks. Not psutil: the program loads this module, and needs nothing else of that.
        os.kill(pid, 0)
    except ProcessLookupError:
        pass
    except PermissionError:
        return True
    else:
        return True
    namespaces = Path("/proc/self/ns")
    if not namespaces.exists():
        return False
    first = {kind: (namespaces / kind).readlink() == Path(link) for kind, link in _FIRST.items()}
    if not first["pid"]:
        # From inside, others cannot be seen; with a host name of our own there are none of that name.
        return first["uts"]
    return any(_number_of_its_own(status) == pid for status in Path("/proc").glob("[0-9]*/status"))


def _number_of_its_own(status: Path) -> int | None:
    """The pid by which a process knows itself (Linux, proc_pid_status(5), NSpid)."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[-1]) for line in lines if line.startswith("NSpid:")), None)
