"""Finds commands on PATH that are used instead of a build."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from lab import record
from lab.layout import OWN
from tools.catalogue import GO_TOOLS, KUBECTL_FITS
from tools.store import ROOT

_VERSION_ARGUMENTS = {
    "pulumi": ("version",),
    # It would leave a log in /tmp.
    "minikube": ("version", "--short", "--log_file=/dev/null"),
    "kubectl": ("version", "--client"),
}


def fit() -> dict[str, Path]:
    """Return the commands on PATH whose version fits, by name; ours are not looked at."""
    return {name: path for name, path, version, fits in _there() if _fits(version, fits)}


def unfit() -> list[str]:
    """Return a sentence for each command on PATH whose version does not fit."""
    return [
        f"{name}: not {path}, which is {version or 'none that tells its version'}; needed is {fits}"
        for name, path, version, fits in _there()
        if not _fits(version, fits)
    ]


def _there() -> Iterator[tuple[str, Path, str | None, str]]:
    """Yield what on PATH could be used: its name, path and version, and the versions that fit."""
    wanted = {tool.name: tool.fits for tool in GO_TOOLS if tool.fits} | {"kubectl": KUBECTL_FITS}
    for name, fits in wanted.items():
        if path := shutil.which(name, path=_outside_path()):
            yield name, Path(path), _version(path, _VERSION_ARGUMENTS[name]), fits


def _fits(version: str | None, fits: str) -> bool:
    return version is not None and SpecifierSet(fits).contains(version)


def _outside_path() -> str:
    folders = map(Path, os.environ.get("PATH", "").split(os.pathsep))
    return os.pathsep.join(str(folder) for folder in folders if not _is_ours(folder))


def _is_ours(folder: Path) -> bool:
    # In a shell that another clone has set up, that clone's are ours as well: they come without plugins.
    if folder.parent.name in (".tools", ".lab") or folder.is_relative_to(ROOT / ".venv"):
        return True
    # The minikube of a lab elsewhere (--dir) runs the one that we link: it would run itself for ever.
    return record.read(replace(OWN, directory=folder.parent)) is not None


def _version(path: str, arguments: tuple[str, ...]) -> str | None:
    try:
        run = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv?(\d+\.\d+\.\d+)\b", run.stdout)
    return match[1] if match else None
