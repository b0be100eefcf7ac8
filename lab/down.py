"""`lab down`: nothing of the lab stays, whatever state it is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups, checks, command, host, network, record
from lab.lock import held
from lab.progress import console, step

if TYPE_CHECKING:
    from lab.layout import Lab


def down(lab: Lab) -> None:
    """Remove the lab; also one half made or half removed. Raises LabError where the kernel will not."""
    checks.root_on_linux()
    if not lab.directory.exists() and not host.exists(lab):
        console.print(f"there is no lab in {lab.directory}")
        return
    with held(lab), step("removing the lab"):
        written = record.read(lab)
        remove(lab)
    if written is not None and written.modules:
        modules = " and ".join(written.modules)
        console.print(f"what stays loaded, as somebody else may need it by now: {modules}")


def remove(lab: Lab) -> None:
    """End the lab's processes, then remove what the kernel does not remove with them.

    Raises LabError, having removed nothing, where the directory was moved while its host ran.
    """
    host.refuse_moved(lab)
    host.stop(lab)
    network.part(lab)
    cgroups.remove(lab.cgroup, timeout=10)
    written = record.read(lab)
    if written is not None:
        cgroups.restore_controllers({Path(file): c for file, c in written.controllers.items()})
    # The record goes last: while anything is left, the next `up` or `down` knows of it.
    rest = [path for path in lab.made if path != lab.host and path.exists()]
    # --one-file-system: never into a mount, should one still be there.
    command.run("rm", "-rf", "--one-file-system", "--", *rest, *_all_but_record(lab), timeout=120)
    command.run("rm", "-rf", "--one-file-system", "--", lab.host)


def _all_but_record(lab: Lab) -> list[Path]:
    if not lab.host.is_dir():
        return []
    return [path for path in lab.host.iterdir() if path.name != "record.json"]
