"""`lab logs`: what the host and its services printed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.layout import Lab


def names(lab: Lab) -> list[str]:
    """The logs that there are, without their ending."""
    return sorted(path.stem for path in lab.logs.glob("*.log"))


def show(lab: Lab, name: str | None, *, follow: bool) -> int:
    """Print one log, or all one after the other, to its end or on and on; the exit status.

    Raises LabError for a log that there is not.
    """
    there = names(lab)
    if not there:
        raise LabError(f"no logs in {lab.directory}: the lab is down: {lab.to_type('up')}")
    if name is not None and name not in there:
        raise LabError(f"no log {name}; there are: {', '.join(there)}")
    files = [str(lab.logs / f"{each}.log") for each in ([name] if name else there)]
    options = ["--lines=+1", *(["--follow=name"] if follow else [])]
    try:
        return subprocess.run(("tail", *options, "--", *files), check=False).returncode
    except KeyboardInterrupt:
        return os.EX_OK
