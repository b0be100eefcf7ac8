"""The lab's own cgroup in every hierarchy, v1 and v2: made, listed, emptied, removed.

A process cannot leave them from inside the host's cgroup namespace, so they are how `down` knows
the lab's processes. Tried on cgroup v1 with an (empty) v2 hierarchy beside it; the pure v2 part
was not run on such a machine. It follows the kernel's cgroup-v2 document, and the sources of Minikube 1.38.1
and Kubernetes 1.35.1: there the kubelet's cgroup driver is that of containerd's runc, which is cgroupfs (see
files/containerd.toml), and the kubelet itself passes on what the root of the host's cgroup namespace offers.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from lab import wait
from lab.errors import LabError

_CONTROLLERS = frozenset(
    {"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory"}
    | {"misc", "net_cls", "net_prio", "perf_event", "pids", "rdma"}
)
_NEEDED: frozenset[str] = frozenset({"cpu", "cpuset", "memory", "pids"})


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup hierarchy.

    `version` is 1 or 2; `parts` are a v1 hierarchy's controllers, or its name (`name=systemd`).
    """

    mount: Path
    version: int
    parts: tuple[str, ...]


def hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Hierarchy]:
    """The machine's cgroup hierarchies."""
    found: list[Hierarchy] = []
    for line in mounts.read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.append(Hierarchy(Path(target), 2, ()))
        elif kind == "cgroup":
            parts = [o for o in options.split(",") if o in _CONTROLLERS or o.startswith("name=")]
            found.append(Hierarchy(Path(target), 1, tuple(parts)))
    return found


def mounts_inside(found: list[Hierarchy]) -> str:
    """What the host's first process mounts: lines of mount point, type and options."""
    return "".join(
        f"{hierarchy.mount} cgroup2 rw\n"
        if hierarchy.version == 2
        else f"{hierarchy.mount} cgroup {','.join(hierarchy.parts)}\n"
        for hierarchy in found
    )


def missing_controllers(found: list[Hierarchy]) -> set[str]:
    """The controllers that the kubelet needs and that no hierarchy offers."""
    offered: set[str] = set()
    for hierarchy in found:
        if hierarchy.version == 1:
            offered.update(hierarchy.parts)
        else:
            offered.update((hierarchy.mount / "cgroup.controllers").read_text().split())
    return set(_NEEDED - offered)


def controllers_to_enable(found: list[Hierarchy]) -> dict[Path, list[str]]:
    """For each v2 hierarchy: controllers that the kubelet needs and the root does not pass on."""
    wanted: dict[Path, list[str]] = {}
    for hierarchy in found:
        if hierarchy.version == 2:
            available = (hierarchy.mount / "cgroup.controllers").read_text().split()
            control = hierarchy.mount / "cgroup.subtree_control"
            enabled = control.read_text().split()
            missing = sorted(_NEEDED.intersection(available).difference(enabled))
            if missing:
                wanted[control] = missing
    return wanted


def create(name: str, found: list[Hierarchy]) -> list[Path]:
    """Make the cgroup `name` and its child `init` everywhere; return the cgroups `name`."""
    for control, missing in controllers_to_enable(found).items():
        try:
            control.write_text(" ".join(f"+{c}" for c in missing))
        except OSError as error:
            raise LabError(
                f"cgroup v2 at {control.parent} cannot pass on {', '.join(missing)} ({error}): "
                "give a container --cgroupns=host, delegate them to this session, or run on the machine"
            ) from error
    made: list[Path] = []
    for hierarchy in found:
        group = hierarchy.mount / name
        group.mkdir()
        made.append(group)
        if (group / "cpuset.cpus").exists() and hierarchy.version == 1:
            # A v1 cpuset starts empty, and no process may join an empty one.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy.mount / file).read_text())
            (group / "cgroup.clone_children").write_text("1")
        (group / "init").mkdir()
    return made


def existing(name: str) -> list[Path]:
    """The cgroups `name` that there are."""
    groups = [hierarchy.mount / name for hierarchy in hierarchies()]
    return [group for group in groups if group.is_dir()]


def processes(groups: list[Path]) -> set[int]:
    """The ids of all processes in these cgroups and below."""
    found: set[int] = set()
    for group in groups:
        for directory, _, _ in os.walk(group):
            with contextlib.suppress(OSError):  # removed, or its last process is just ending
                text = (Path(directory) / "cgroup.procs").read_text()
                found.update(int(pid) for pid in text.split())
    return found


def kill(name: str, *, timeout: float) -> None:
    """End every process in the cgroups `name`; return when they have ended.

    Raises LabError if some will not within `timeout` seconds.
    """
    groups = existing(name)
    killed: dict[int, int] = {}  # pidfd by process id

    def all_ended() -> bool:
        _thaw(groups)
        left = processes(groups)
        for pid in left - killed.keys():
            handle = _kill_member(pid, name)
            if handle is not None:
                killed[pid] = handle
        # A process leaves its cgroup somewhat before it has ended.
        return not left and all(_ended(handle) for handle in killed.values())

    try:
        wait.until(f"ending the processes in the cgroup {name}", all_ended, timeout=timeout)
    finally:
        for handle in killed.values():
            os.close(handle)


def _thaw(groups: list[Path]) -> None:
    """Let the frozen go on, as the pods of a paused Minikube: on cgroup v1, SIGKILL waits for that."""
    for group in (one for one in groups if (one / "freezer.state").exists()):
        for state in group.rglob("freezer.state"):
            with contextlib.suppress(OSError):  # removed meanwhile
                state.write_text("THAWED")


def _kill_member(pid: int, name: str) -> int | None:
    """Kill `pid` if it is (still) in the cgroup `name`: the id may be another's by now."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        memberships = Path(f"/proc/{pid}/cgroup").read_text()
        if any(name in line.split("/") for line in memberships.splitlines()):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _ended(handle: int) -> bool:
    return bool(select.select([handle], [], [], 0)[0])


def remove(name: str, *, timeout: float) -> None:
    """Remove the cgroups `name` and all below; their processes must have ended."""

    def gone() -> bool:
        for group in existing(name):
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):  # busy until its last process is reaped
                    Path(directory).rmdir()
        return not existing(name)

    wait.until(f"removing the cgroup {name}", gone, timeout=timeout)


def restore_controllers(enabled: dict[Path, list[str]]) -> None:
    """Stop passing on the v2 controllers that `create` had to enable, unless others use them."""
    for control, names in enabled.items():
        for name in names:
            with contextlib.suppress(OSError):
                control.write_text(f"-{name}")


def memory(name: str) -> int | None:
    """Bytes that the cgroup's processes hold (anonymous memory, without the page cache)."""
    for group in existing(name):
        stat = group / "memory.stat"
        if stat.exists():
            values = dict(line.split() for line in stat.read_text().splitlines())
            # v1 calls it total_rss, v2 anon; both include the cgroups below.
            return int(values.get("total_rss") or values["anon"])
    return None
