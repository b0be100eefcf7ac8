"""Running other programs: their output is kept, their failure becomes a LabError."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab import layout
from lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.layout import Lab


def run(
    *arguments: str | Path, stdin: str | None = None, timeout: float = 60, log: Path | None = None
) -> str:
    """Run a program to its end and return what it printed.

    `log` also gets what it prints, for `lab logs`. Raises LabError, with the program's own words,
    where it fails, is missing, or takes longer than `timeout` seconds.
    """
    try:
        result = subprocess.run(
            arguments,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{arguments[0]} is missing") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{_text(arguments)}` did not end within {timeout:g} s") from error
    if log is not None:
        with log.open("a") as file:
            file.write(f"$ {_text(arguments)}\n{result.stdout}")
    if result.returncode != 0:
        raise LabError(f"`{_text(arguments)}` failed ({result.returncode})", result.stdout.strip())
    return result.stdout


def _text(arguments: tuple[str | Path, ...]) -> str:
    return " ".join(str(argument) for argument in arguments)


def for_lab(lab: Lab, *arguments: str | Path) -> tuple[str | Path, ...]:
    """The command as a member of the lab's cgroups, so that `down` ends it too."""
    return (layout.FILES / "join.sh", lab.host / "cgroups", *arguments)


def inside(lab: Lab, *arguments: str | Path) -> tuple[str | Path, ...]:
    """The command inside the lab's host."""
    return (layout.FILES / "enter.sh", lab.directory, *arguments)
