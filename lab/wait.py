"""Waiting that ends in one of three ways: ready, ended early, or out of time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POLL_SECONDS = 0.02


def until(
    what: str,
    ready: Callable[[], bool],
    *,
    timeout: float,
    ended: Callable[[], str | None] = lambda: None,
    log: Path | None = None,
) -> None:
    """Return when `ready()` is true.

    `ended()` returns why it can never become true, or None. `timeout` is in seconds. Raises
    LabError with that reason, or for lack of time, and with the tail of `log`.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        reason = ended()
        if reason is not None:
            if ready():
                return
            raise LabError(f"{what} failed: {reason}", tail(log))
        if time.monotonic() > deadline:
            raise LabError(f"{what} was not ready after {timeout:g} s", tail(log))
        time.sleep(_POLL_SECONDS)


def tail(log: Path | None, lines: int = 20) -> str:
    """The last lines of a log, or nothing where there is none."""
    if log is None or not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
