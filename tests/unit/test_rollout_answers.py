"""What an answer says of the version that gave it, and how sure a measured share is."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice, repeat

import pytest

from components.manifests.routes import MARK
from components.observation import endpoint
from components.observation.answers import ask, visible_text
from components.observation.endpoint import Endpoint
from components.settings.model import Check, Routing
from tests.unit.loopback import served


class _App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/reset":
            self.connection.close()
            return
        body = b"<title>t</title><body>V1</body>"
        self.send_response(500 if self.path == "/error" else 200)
        if self.path != "/plain":
            self.send_header("X-App-Version", "v1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _App)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_version_comes_from_the_header(url: str) -> None:
    answer = next(ask(f"{url}/"))
    assert (answer.version, answer.text, answer.ok) == ("v1", "V1", True)


def test_version_comes_from_the_page_where_there_is_no_header(url: str) -> None:
    assert next(ask(f"{url}/plain")).version == "V1"


def test_error_is_a_failure_of_the_version_that_gave_it(url: str) -> None:
    answer = next(ask(f"{url}/error"))
    assert (answer.version, answer.text, answer.ok) == ("v1", "HTTP 500: V1", False)


def test_what_counts_as_an_answer_is_the_checks_to_say(url: str) -> None:
    answer = next(ask(f"{url}/error", check=Check(accept=("500",))))
    assert (answer.version, answer.text, answer.ok) == ("v1", "V1", True)
    assert not next(ask(f"{url}/", check=Check(accept=("3xx",)))).ok


def test_a_hosts_request_has_the_routes_headers_and_the_checks() -> None:
    routing = Routing(("*.x", "a.y"), ("/shop", "/b"), {"x-user": "1"}, check=Check(headers={"x-token": "t"}))
    assert endpoint.at("http://g", routing, "*.x") == Endpoint(
        "http://g/shop", {"x-token": "t", "x-user": "1", "Host": "any.x"}, routing.check
    )
    assert endpoint.at("http://g", Routing(check=Check("/ready")), "*") == Endpoint(
        "http://g/ready", {}, Check("/ready")
    )


def test_broken_connection_is_a_failure_and_is_not_retried(url: str) -> None:
    answer = next(ask(f"{url}/reset"))
    assert not answer.ok
    assert answer.text.startswith("no answer")


def test_nobody_listening_is_a_failure() -> None:
    assert not next(ask("http://127.0.0.1:1/")).ok


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<html><title>x</title><body><h1>vNext</h1></body>", "vNext"),
        ("<style>body{}</style>\n\nV1\n", "V1"),
        ("", ""),
    ],
)
def test_visible_text(page: str, text: str) -> None:
    assert visible_text(page) == text


def test_tls_asks_for_the_host_of_the_route() -> None:
    """The address is a load balancer's; its gateway picks the certificate by the name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        hello: list[bytes] = []

        def take() -> None:
            connection, _ = server.accept()
            with connection:
                hello.append(connection.recv(4096))

        thread = threading.Thread(target=take)
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        assert not next(ask(url, {"Host": "shop.example.com"})).ok
        thread.join()
    assert b"shop.example.com" in hello[0]


@dataclass
class _Page:
    """A page in pieces, a twentieth of a second between them, and what became of it."""

    headers: Mapping[str, str]
    pieces: Iterable[bytes]
    asked: int = 0
    told_whole: bool = False

    def handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page.asked += 1
                self.send_response(200)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):
                    for piece in page.pieces:
                        self.wfile.write(piece)
                        time.sleep(0.05)
                    page.told_whole = True

            def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
                """Say nothing."""

        return Handler


# Twenty seconds of them: a test that reads them all fails, and ends.
_ENDLESS = list(repeat(b"data: V1\n\n", 400))


@pytest.mark.parametrize("kind", ["text/event-stream", "text/event-stream; charset=utf-8", "text/plain"])
def test_a_stream_without_an_end_is_an_answer(kind: str) -> None:
    page = _Page({"Content-Type": kind, "X-App-Version": "v1", MARK: "m"}, _ENDLESS)
    with served(page.handler()) as url:
        answers = list(islice(ask(url, timeout_seconds=0.5), 2))
    assert [(one.version, one.ok, one.status, one.mark) for one in answers] == [("v1", True, 200, "m")] * 2
    assert not page.told_whole
    assert page.asked == 2


def test_a_stream_that_says_nothing_yet_is_an_answer() -> None:
    page = _Page({"Content-Type": "text/plain"}, [b"V1\n", *repeat(b"", 40)])
    with served(page.handler()) as url:
        answer = next(ask(url, timeout_seconds=0.5))
    assert (answer.version, answer.text, answer.ok) == ("V1", "V1", True)


def test_a_page_that_does_not_come_whole_is_a_failure() -> None:
    for pieces in ([b"V1"], [b"V1", *repeat(b"", 40)]):
        page = _Page({"Content-Length": "90"}, pieces)
        with served(page.handler()) as url:
            answer = next(ask(url, timeout_seconds=0.5))
        assert not answer.ok
        assert answer.text.startswith("no answer: ")


def test_of_a_long_page_the_beginning_is_read() -> None:
    style = b"<style>" + b" " * 100_000 + b"</style>"
    page = _Page({"Content-Type": "text/html"}, [style, b"<p>V1</p>", *repeat(b" " * 1_000_000, 400)])
    with served(page.handler()) as url:
        answer = next(ask(url, timeout_seconds=60))
    assert (answer.text, answer.ok) == ("V1", True)
    assert not page.told_whole


def test_all_requests_go_over_one_connection() -> None:
    connections = set[object]()

    class App(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            connections.add(self.client_address)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nV1\r\n0\r\n\r\n")

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    with served(App) as url, closing(ask(url)) as answers:
        assert [one.text for one in islice(answers, 3)] == ["V1"] * 3
    assert len(connections) == 1


@pytest.mark.parametrize("headers", [{}, {"Cookie": "version=v2"}])
def test_no_request_has_a_cookie_that_an_answer_set(headers: dict[str, str]) -> None:
    """A session's would bring all of them to one version, with routing.stickyVersion."""
    seen: list[str | None] = []

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Cookie"])
            self.send_response(204)
            self.send_header("Set-Cookie", f"session={len(seen)}; Path=/")
            self.end_headers()

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Say nothing."""

    with served(App) as url, closing(ask(url, headers)) as answers:
        assert len(list(islice(answers, 3))) == 3
    assert seen == [headers.get("Cookie")] * 3
