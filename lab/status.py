"""`lab status`: what runs, read from the kernel, containerd and Minikube's files."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups, containerd, host, minikube

if TYPE_CHECKING:
    from lab.layout import Lab

_API_PORT = 8443


@dataclass(frozen=True)
class Status:
    """A lab at one moment. Sizes are in bytes; `memory` is what its processes hold, or None."""

    directory: str
    address: str
    host: bool
    containerd: bool
    images: int
    profiles: list[str]
    kubernetes: bool
    disk_used: int
    disk_free: int
    memory: int | None

    @property
    def up(self) -> bool:
        """Whether `minikube start` can be expected to work."""
        return self.host and self.containerd


def read(lab: Lab) -> Status:
    """Look at the lab; works, and says so, where it is down."""
    runs = host.running(lab) is not None
    answers = runs and containerd.answers(lab)
    return Status(
        directory=str(lab.directory),
        address=str(lab.address),
        host=runs,
        containerd=answers,
        images=len(containerd.images(lab)) if answers else 0,
        profiles=minikube.profiles(lab),
        kubernetes=runs and _listens(str(lab.address), _API_PORT),
        disk_used=_disk_used(lab),
        disk_free=shutil.disk_usage(_existing(lab)).free,
        memory=cgroups.memory(lab.cgroup),
    )


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _existing(lab: Lab) -> str:
    path = lab.directory
    while not path.exists():
        path = path.parent
    return str(path)


def _disk_used(lab: Lab) -> int:
    """Blocks of the lab's own files; those that vanish meanwhile do not count."""
    total = 0
    for made in lab.made:
        for directory, _, files in os.walk(made):
            for file in files:
                with contextlib.suppress(OSError):
                    total += Path(directory, file).lstat().st_blocks * 512
    return total


def rows(now: Status) -> list[tuple[str, str]]:
    """The status as words for a person."""
    return [
        ("host", f"running at {now.address}" if now.host else "down"),
        ("containerd", f"answers, {now.images} images" if now.containerd else "down"),
        ("Minikube", ", ".join(now.profiles) or "no profile"),
        ("Kubernetes API", "listens" if now.kubernetes else "does not listen"),
        ("memory", "none" if now.memory is None else f"{now.memory / 1024**2:.0f} MiB"),
        ("disk", f"{_gib(now.disk_used)} used, {_gib(now.disk_free)} free"),
    ]


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
