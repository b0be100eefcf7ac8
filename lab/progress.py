"""What a command is doing, one line a step with its elapsed time; a spinner on a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Generator

# Standard output is for results (`lab env`, `-o json`).
console = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(what: str) -> Generator[None]:
    """Show `what` while the block runs, and how long it took when it ended."""
    started = time.monotonic()
    mark = "[red]✗[/red]"
    try:
        with console.status(what):
            yield
        mark = "[green]✓[/green]"
    finally:
        console.print(f"{mark} {what} [dim]{time.monotonic() - started:.1f} s[/dim]")
