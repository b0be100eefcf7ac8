"""Just enough of GitHub's API for the comments of a pull request."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

TOKEN = "token"  # noqa: S105
# Who writes with a workflow's own token, which may not ask for its user.
ACTIONS = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass(frozen=True)
class GitHub:
    """The API's address, and the comments that it has."""

    api: str
    comments: list[dict[str, Any]]


class _Handler(BaseHTTPRequestHandler):
    comments: list[dict[str, Any]]
    author: Mapping[str, str]
    user: int

    def do_GET(self) -> None:
        if self.path == "/user":
            self._answer(self.user, self.author if self.user == 200 else {})
            return
        page = int(self.path.rpartition("page=")[2])
        self._answer(200, self.comments[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        number = len(self.comments)
        self.comments.append(self._comment(number))
        self._answer(201, self.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.comments[number] = self._comment(number)
        self._answer(200, self.comments[number])

    def _comment(self, number: int) -> dict[str, Any]:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        at = f"http://{self.headers['Host']}/comments/{number}"
        return {"body": body, "url": at, "html_url": at, "user": self.author}

    def _answer(self, status: int, what: object) -> None:
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        content = json.dumps(what if allowed else {}).encode()
        self.send_response(status if allowed else 403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Say nothing."""


@contextmanager
def fake_github(
    *comments: dict[str, Any], author: Mapping[str, str] = ACTIONS, user: int = 403
) -> Generator[GitHub]:
    """Serve the API on a free port of this machine, with comments that are there already.

    The token is the author's, and the status of the question for its user is `user`.
    """
    kept = list(comments)
    handler = type("Handler", (_Handler,), {"comments": kept, "author": author, "user": user})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield GitHub(f"http://127.0.0.1:{server.server_port}", kept)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
