"""`blue-green dashboard` as a person starts it, ended by Ctrl-C."""

import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.pace import pace

ROLLOUT = (sys.executable, "-m", "rollout")
_END_SECONDS = 10


@dataclass
class Started:
    """A dashboard that serves.

    Attributes:
        address: what it printed.
        pid: its process.
        said: what it has said on standard error, when it has ended.
        status: its exit status then.
    """

    address: str
    pid: int
    said: str = ""
    status: int | None = None


@contextmanager
def dashboard(folder: Path, environment: Mapping[str, str], *options: str) -> Generator[Started]:
    """Serve the page of the environment's stack on any free port until the block ends."""
    command = (*ROLLOUT, "dashboard", "--port", "0", "--no-browser", *options)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    ) as process:
        printed = process.stdout.readline().strip() if process.stdout else ""
        started = Started(printed, process.pid)
        try:
            yield started
        finally:
            process.send_signal(signal.SIGINT)
            _, started.said = process.communicate(timeout=_END_SECONDS * pace())
            started.status = process.returncode
