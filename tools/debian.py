"""Debian packages that are unpacked and not installed: nothing of the machine changes."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.errors import ToolsError
from tools.progress import timed
from tools.store import cache, keep, place

# 'URI' FILE SIZE SHA256:SUM, as apt-get prints it.
_LISTED = re.compile(r"^'\S+' (\S+) \d+ (SHA256:\w+)$", re.MULTILINE)


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return the folder with what the packages hold, kept by the sums in Debian's signed lists.

    Raises:
        ToolsError: apt-get does not know them, or cannot download them.
    """
    ask = ("--print-uris", "download", *packages)
    listed = _LISTED.findall(_apt(*ask, check=False))
    if len(listed) < len(packages):
        _apt("update")
        listed = _LISTED.findall(_apt(*ask))
    folder = place("debian", name, hashlib.sha256(repr(sorted(listed)).encode()).hexdigest()[:16])
    if not folder.exists():
        with timed(f"Debian's {', '.join(packages)}"):
            keep(_unpack(name, packages), folder)
    return folder


def _unpack(name: str, packages: Sequence[str]) -> Path:
    scratch = cache() / "tmp" / f"{os.getpid()}-{name}"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "root").mkdir(parents=True)
    _apt("download", *packages, folder=scratch)
    for package in sorted(scratch.glob("*.deb")):
        subprocess.run(["dpkg", "--extract", package, scratch / "root"], check=True)
    root = scratch.with_suffix(".root")
    (scratch / "root").rename(root)
    shutil.rmtree(scratch)
    return root


def _apt(*arguments: str, folder: Path | None = None, check: bool = True) -> str:
    run = subprocess.run(["apt-get", "-qq", *arguments], cwd=folder or "/", capture_output=True, text=True)
    if check and run.returncode:
        msg = f"`apt-get {' '.join(arguments)}` failed: {run.stderr.strip()[-500:]}"
        raise ToolsError(msg)
    return run.stdout
