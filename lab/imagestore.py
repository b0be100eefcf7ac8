"""containerd's data with every image imported, kept in the user's cache for the next `up`.

Importing reads, hashes and unpacks each image anew; a copy made of hard links takes no time and no
room. What is linked is never written again: blobs and unpacked layers are added and removed whole,
and the databases are copied.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab import command, containerd, docker

if TYPE_CHECKING:
    from collections.abc import Generator

    from lab.layout import Lab


# Minikube takes a preload without it for none, and removes the images; only an addon uses it.
_PROVISIONER = "gcr.io/k8s-minikube/storage-provisioner:v5"


def _directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "blue-green" / "containerd"


def _key(archives: list[Path]) -> str:
    """Differs for other archives, and for another containerd, whose data may look otherwise."""
    digest = hashlib.sha256(command.run("containerd", "--version").encode())
    for archive in archives:
        status = archive.stat()
        digest.update(f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def restore(lab: Lab, archives: list[Path]) -> bool:
    """Fill the new host's /var/lib/containerd from the cache; False where that has nothing fit."""
    kept = _directory() / _key(archives)
    target = lab.host / "var-lib" / "containerd"
    with _locked(fcntl.LOCK_SH):
        if not kept.is_dir() or not _can_link(lab):
            return False
        target.parent.mkdir(exist_ok=True)
        _link_tree(kept, target)
    return True


def keep(lab: Lab, archives: list[Path]) -> None:
    """Keep the host's containerd data, which holds nothing but `archives`, and drop older ones.

    Stops containerd for that moment. Does nothing where the cache is on another file system or mount.
    """
    directory = _directory()
    with _locked(fcntl.LOCK_EX):
        if not _can_link(lab):
            return
        for old in directory.glob("*/"):
            shutil.rmtree(old)
        containerd.stop(lab)
        new = directory / "new"
        _link_tree(lab.host / "var-lib" / "containerd", new)
        new.rename(directory / _key(archives))
    containerd.start(lab)


def preload(lab: Lab, archives: list[Path]) -> Path:
    """Return the images as a preload of Minikube, packed from the host's containerd where the cache has none.

    Stops containerd for that moment.
    """
    packed = _directory() / f"{_key(archives)}.preload"
    with _locked(fcntl.LOCK_EX):
        if not packed.exists():
            for old in _directory().glob("*.preload"):
                old.unlink()
            containerd.tag(lab, "registry.k8s.io/pause:3.10.1", _PROVISIONER)
            containerd.stop(lab)
            docker.pack(lab.host / "var-lib", packed, lab.tools / "docker" / "lz4")
            containerd.start(lab)
    return packed


def _can_link(lab: Lab) -> bool:
    """Whether the cache and the host can share hard links: on two mounts of one file system they cannot."""
    probe = lab.host / "link-probe"
    try:
        probe.hardlink_to(_directory() / "lock")
    except OSError:
        return False
    probe.unlink()
    return True


def _link_tree(source: Path, target: Path) -> None:
    """Copy a tree by hard links, but its databases (`*.db`) byte for byte."""
    command.run("cp", "--archive", "--link", "--no-target-directory", source, target)
    for database in target.rglob("*.db"):
        if database.parent.parent == target:  # not in an image's files
            copy = database.with_suffix(".copy")
            shutil.copy2(database, copy)
            copy.replace(database)


@contextmanager
def _locked(kind: int) -> Generator[None]:
    directory = _directory()
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)
