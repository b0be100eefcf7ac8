"""The load's client counts every request that fails, and retries none."""

import csv
import json
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.pace import pace
from tools.store import LINKS

ANSWER = b"HTTP/1.1 %d X\r\nX-App-Version: v1\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers on 127.0.0.1 and misbehaves on every tenth request, in the way it was asked to."""

    def __init__(self, misbehaviour: str) -> None:
        self._misbehaviour = misbehaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.seen = 0
        self.misbehaved = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                assert request.endswith(b"\r\n\r\n")
                with self._lock:
                    self.seen += 1
                    bad = self.seen % 10 == 0
                    self.misbehaved += bad
                if not bad:
                    connection.sendall(ANSWER % 200)
                elif self._misbehaviour == "cut":
                    return
                elif self._misbehaviour == "half":
                    connection.sendall(ANSWER[:-1] % 200)
                    return
                elif self._misbehaviour == "error":
                    connection.sendall(ANSWER % 503)
                elif self._misbehaviour == "silent":
                    # Until the client gives up.
                    connection.recv(1)
                    return


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    server.close()


def load(url: str, output: Path, *arguments: str) -> tuple[dict[str, float], list[dict[str, str]]]:
    run = subprocess.run(
        [LINKS / "bin" / "load", "-url", url, "-output", output, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    with output.open() as file:
        return json.loads(run.stdout), list(csv.DictReader(file))


@pytest.mark.parametrize("server", ["cut", "half", "error", "silent"], indirect=True)
@pytest.mark.parametrize("fresh", ["0", "0.5", "1"])
def test_every_failure_is_counted_and_none_is_retried(server: Server, fresh: str, tmp_path: Path) -> None:
    # Only who is met with silence waits for so long.
    limits = ("-rate", "200", "-duration", "1s", "-timeout", f"{3 * pace():.0f}s")
    result, lines = load(server.url, tmp_path / "lines.csv", "-fresh", fresh, *limits)
    assert server.misbehaved > 10
    assert result["requests"] == len(lines) == server.seen
    assert result["failed"] == server.misbehaved == sum(bool(line["failure"]) for line in lines)


@pytest.mark.parametrize("server", ["cut"], indirect=True)
def test_rate_and_kinds_of_connection_are_as_asked(server: Server, tmp_path: Path) -> None:
    limits = ("-rate", "300", "-duration", "2s", "-fresh", "0.25")
    _, lines = load(server.url, tmp_path / "lines.csv", *limits)
    assert len(lines) == 600
    assert Counter(line["connection"] for line in lines) == {"kept": 450, "fresh": 150}


@pytest.mark.parametrize("server", ["error"], indirect=True)
def test_users_ask_by_turns(server: Server, tmp_path: Path) -> None:
    _, lines = load(server.url, tmp_path / "lines.csv", "-rate", "100", "-duration", "1s", "-users", "40")
    asked = Counter(line["user"] for line in lines)
    assert asked == {str(user): 3 if user < 20 else 2 for user in range(40)}
    _, lines = load(server.url, tmp_path / "lines.csv", "-rate", "100", "-duration", "100ms")
    assert {line["user"] for line in lines} == {""}


def test_nobody_listening_is_a_failure_each_time(tmp_path: Path) -> None:
    # Bound, so that nobody else gets the port, and not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        result, lines = load(url, tmp_path / "lines.csv", "-rate", "50", "-duration", "1s")
    assert result["failed"] == result["requests"] == len(lines) > 0
    assert all("connect" in line["failure"] for line in lines)
