"""The load during a change: started before it, ended after it, every request kept."""

import csv
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.store import LINKS

# The Host of every request.
HOST = "proof.example"
SETTLE_SECONDS = 1.0
LIMIT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        sent: seconds since the epoch.
        late: by how many seconds that was after its time; the open loop's own delay.
        seconds: from then until the whole answer, or the failure.
        fresh: on a connection of its own.
        version: the version that answered, by its header; empty without an answer.
        failure: what was wrong; empty for an answer with status 200.
        user: whose it was; empty: nobody's.
    """

    sent: float
    late: float
    seconds: float
    fresh: bool
    version: str
    failure: str
    user: str = ""


@contextmanager
def load(
    url: str, rate: float, output: Path, environment: Mapping[str, str], users: int = 0
) -> Generator[list[Request]]:
    """Send requests to the URL at a rate, while the block runs and a second on both sides of it.

    The list that it yields is filled when the load has ended.

    Args:
        url: the gateway's address.
        rate: requests a second, open loop.
        output: file that gets a CSV line for each request.
        environment: what the load runs with.
        users: as how many users the requests are sent, by turns; 0: as nobody.

    Raises:
        AssertionError: the load ended before the block did.
    """
    requests: list[Request] = []
    limits = ("-rate", str(rate), "-duration", f"{LIMIT_SECONDS}s", "-users", str(users))
    command = (LINKS / "bin" / "load", "-url", url, "-host", HOST, "-output", output, *limits)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            time.sleep(SETTLE_SECONDS)  # traffic before the change is part of what is measured
            yield requests
            time.sleep(SETTLE_SECONDS)
            if process.poll() is not None:
                raise AssertionError(f"the load ended before the change did, or after {LIMIT_SECONDS} s")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    requests.extend(read(output))


def read(output: Path) -> list[Request]:
    """Read the lines that the load wrote."""
    with output.open() as file:
        return [
            Request(
                sent=int(line["sent_us"]) / 1e6,
                late=int(line["late_us"]) / 1e6,
                seconds=int(line["took_us"]) / 1e6,
                fresh=line["connection"] == "fresh",
                version=line["version"],
                failure=line["failure"],
                user=line["user"],
            )
            for line in csv.DictReader(file)
        ]
