"""How the API server is written to."""

import json
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from unittest.mock import Mock

import pytest
import yaml

from components.kubernetes import api as api_module
from components.kubernetes.api import Api
from components.kubernetes.kubeconfig import Reference
from tests.unit.loopback import served


@contextmanager
def patched(answer: Callable[[bytes], tuple[int, object]]) -> Generator[Api]:
    """A server that answers every patch so; bytes as they are, all else as JSON."""

    class Server(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            status, found = answer(self.rfile.read(int(self.headers["Content-Length"])))
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with served(Server) as address, Api(Reference(text=kubeconfig(address))) as api:
        yield api


def test_what_is_applied_is_the_same_as_yaml() -> None:
    """The server reads it so, and YAML refuses a pair of escaped surrogates."""
    got: list[bytes] = []
    manifest = {"metadata": {"annotations": {"note": "\U0001f600 \x01"}}}

    def answer(body: bytes) -> tuple[int, object]:
        got.append(body)
        return 200, {}

    with patched(answer) as api:
        api.apply("/api/v1/namespaces/web/services/shop", manifest, "us")
    assert yaml.safe_load(got[0].decode()) == manifest


UNTYPED = "failed to create typed patch object (default/shop-x; apps/v1, Kind=Deployment): "
TWICE = '.spec.template.spec.containers[name="a"].env: duplicate entries for key [name="A"]'
HOSTS = '.spec.template.spec.hostAliases: duplicate entries for key [ip="10.0.0.1"]'
CONVERT = (
    'failed to convert new object (default/shop-x; apps/v1, Kind=Deployment) to proper version: no time "a"'
)
CAUSES = {"causes": [{"field": "spec.replicas", "message": "Invalid value"}]}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (201, {}, []),
        (422, {"message": "is invalid", "details": CAUSES}, [("spec.replicas", "Invalid value")]),
        (400, {"message": "no such time"}, [("", "no such time")]),
        (500, {"message": f"{UNTYPED}{TWICE}"}, [tuple(TWICE[1:].split(": ", 1))]),
        (
            500,
            {"message": f"{UNTYPED}errors:\n  {TWICE}\n  {HOSTS}"},
            [tuple(one[1:].split(": ", 1)) for one in (TWICE, HOSTS)],
        ),
        (500, {"message": CONVERT}, [("", CONVERT)]),
        # Not the object's own fault.
        (500, {"message": "etcd is away"}, []),
        (403, {"message": "exceeded quota"}, []),
        (400, {"message": "the webhook does not support dry run"}, []),
        # The server's flow control, and proxies before it.
        (429, b"Too many requests, please try again later.", []),
        *[(status, b"<html><body>Bad Gateway</body></html>", []) for status in (400, 500, 502, 503)],
        (500, ["no status of Kubernetes"], []),
    ],
)
def test_a_rehearsal_says_what_is_wrong_with_the_object_alone(
    status: int, body: object, found: list[tuple[str, ...]]
) -> None:
    with patched(lambda _: (status, body)) as api:
        assert list(api.rehearse("/apis/apps/v1/namespaces/web/deployments/shop-x", {})) == found


@pytest.mark.parametrize(
    ("server", "host"),
    [
        # The last group of an address is no port, though it may look like one.
        ("http://[fd00::abcd]", "[fd00::abcd]"),
        ("https://[fd00::1]", "[fd00::1]"),
        ("https://[fd00::1]:443", "[fd00::1]"),
        ("https://[fd00::1]:6443", "[fd00::1]:6443"),
        ("https://api.example", "api.example"),
        ("http://api.example:8080", "api.example:8080"),
    ],
)
def test_the_server_is_named_as_its_url_has_it(
    server: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, its = socket.socketpair()
    with ours, its:
        monkeypatch.setattr(api_module, "connect", Mock(return_value=ours))
        its.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        with Api(kubeconfig(server)) as api:
            api.get("/version")
        assert f"\r\nHost: {host}\r\n".encode() in its.recv(65536)


def kubeconfig(address: str) -> str:
    """One for a server without credentials."""
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "users": [{"name": "u", "user": {}}],
        }
    )
