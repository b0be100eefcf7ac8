"""The host itself: namespaces held by one process, seen and ended from outside."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups, layout, wait
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.cgroups import Hierarchy
    from lab.layout import Lab

_START_SECONDS = 20


def start(lab: Lab, hierarchies: list[Hierarchy], kept: list[Path]) -> int:
    """Make the lab's cgroups and namespaces; return the id of the host's first process.

    `kept` are the paths that are the machine's own inside too. Raises LabError with the log's tail
    if the first process ends or is not ready in time.
    """
    log = lab.logs / "host.log"
    groups = cgroups.create(lab.cgroup, hierarchies)
    (lab.host / "cgroup-mounts").write_text(cgroups.mounts_inside(hierarchies))
    (lab.host / "cgroups.root").write_text(_lists(groups))
    (lab.host / "cgroups").write_text(_lists([group / "init" for group in groups]))
    with log.open("wb") as output:
        holder = subprocess.Popen(
            (
                layout.FILES / "hold.sh",
                lab.directory,
                str(lab.address),
                str(lab.gateway.ip),
                *kept,
            ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def ended() -> str | None:
        status = holder.poll()
        return None if status is None else f"its first process ended with status {status}"

    ready = lab.host / "ready"
    wait.until("making the host's namespaces", ready.exists, timeout=_START_SECONDS, ended=ended, log=log)
    (pid,) = (int(child) for child in _children(holder.pid))
    (lab.host / "pid").write_text(f"{pid} {start_time(pid)}\n")
    return pid


def _lists(groups: list[Path]) -> str:
    return "".join(f"{group}/cgroup.procs\n" for group in groups)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def start_time(pid: int) -> str | None:
    """When the process started, in clock ticks since boot (field 22 of stat), or None if gone."""
    with contextlib.suppress(OSError):
        # Field 2, the command's name, may hold spaces and brackets; the rest may not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] != "Z":
            return fields[19]
    return None


def running(lab: Lab) -> int | None:
    """The id of the host's first process, if that very process still runs."""
    try:
        pid, started = (lab.host / "pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(int(pid)) == started else None


def refuse_moved(lab: Lab) -> None:
    """Raise LabError where the host runs by the kernel names of the path that the directory had before.

    The copy of a lab that runs has no host, and is not refused.
    """
    pid = running(lab)
    before = None if pid is None else _started_for(pid)
    if before is None or before == lab.directory:
        return
    there = replace(lab, directory=before)
    if (there.host / "pid").exists() and not (there.host / "pid").samefile(lab.host / "pid"):
        return
    # A link in its old place leads every command to the new one.
    back = f"rm {before} && mv {lab.directory} {before} && " if before.is_symlink() else ""
    raise LabError(
        f"{lab.directory} was moved from {before} while its host ran, which ends only by that path. "
        f"First type: {back}{there.to_type('down')}"
    )


def _started_for(pid: int) -> Path | None:
    """The directory for which a host's first process was started (files/init.sh), or None if it ended."""
    try:
        _shell, script, directory, *_ = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):  # it is just ending
        return None
    return Path(os.fsdecode(directory)) if script.endswith(b"/init.sh") else None


def stop(lab: Lab) -> None:
    """End every process of the lab, also those of an `up` that was itself killed."""
    cgroups.kill(lab.cgroup, timeout=20)


def exists(lab: Lab) -> bool:
    """Whether the kernel still has anything of this lab."""
    return bool(cgroups.existing(lab.cgroup)) or Path("/sys/class/net", lab.link).exists()


def directory_of(lab_id: str) -> str | None:
    """The directory of a lab that runs on this machine: its processes have it among their arguments."""
    for pid in cgroups.processes(cgroups.existing(f"{layout.CGROUP}{lab_id}")):
        with contextlib.suppress(OSError):  # it is just ending
            for argument in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                if layout.id_of(argument) == lab_id:
                    return os.fsdecode(argument)
    return None


def ensure_running(lab: Lab) -> int:
    """The id of the host's first process; raises LabError where the lab is down."""
    pid = running(lab)
    if pid is None:
        raise LabError(f"the host of {lab.directory} is not running: {lab.to_type('up')}")
    return pid
