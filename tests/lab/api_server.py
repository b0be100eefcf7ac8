"""The API server itself, without our own client: through kubectl."""

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

import httpx

from harness.labs import Program


@contextmanager
def api_server(program: Program) -> Generator[httpx.Client]:
    """A client of the stack's API server, while the block runs."""
    command = ("kubectl", "proxy", "--port=0")
    with subprocess.Popen(command, env=program.environment, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        said = proxy.stdout.readline()
        found = re.search(r"[0-9.]+:[0-9]+", said)
        assert found, said
        try:
            with httpx.Client(base_url=f"http://{found[0]}", timeout=30) as client:
                yield client
        finally:
            proxy.terminate()
