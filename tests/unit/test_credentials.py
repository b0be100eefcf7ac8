"""How a kubeconfig reaches its API server, on a real TLS server, with real plugins and proxies."""

import asyncio
import base64
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from components.kubernetes import exec_plugin
from components.kubernetes.api import Api
from components.kubernetes.connection import connect, proxy_for
from components.kubernetes.errors import KubeconfigError, RefusedError, UnreachableError
from components.kubernetes.stream import Stream
from tests.relay import Address, http_proxy, relay, socks_proxy

NAME = "api.internal"
PROXY = "localhost"
PLUGIN = """\
#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> {log}
echo '{{"status": {{"token": "'$(cat {token})'", "expirationTimestamp": "{expires}"}}}}'
"""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA without the extensions that Python 3.13 asks for, and what it signed: server.*, client.*."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "ca.cnf").write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ca\nprompt=no\n[dn]\nCN=ca\n[ca]\nbasicConstraints=CA:TRUE\n"
    )
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-x509", *new_key, "-config", "ca.cnf", "-keyout", "ca.key", "-out", "ca.crt")
    for name in ("server", "client"):
        openssl(folder, "req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "a.csr")
        (folder / "a.ext").write_text(f"subjectAltName=DNS:{NAME},DNS:{PROXY}\n")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "a.ext")
        openssl(folder, "x509", "-req", "-in", "a.csr", *signing, "-out", f"{name}.crt")
    return folder


@dataclass
class Server:
    """An API server that answers each request with an empty list, if the token is `token`."""

    address: Address
    token: str | None = None
    requests: list[Message] = field(default_factory=list[Message])
    clients: list[Any] = field(default_factory=list[Any])


@pytest.fixture
def tls(certificates: Path) -> ssl.SSLContext:
    """What a server with our certificate has."""
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.crt"))
    found.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    return found


@pytest.fixture
def server(tls: ssl.SSLContext) -> Generator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            running.requests.append(self.headers)
            running.clients.append(self.connection.getpeercert())  # pyright: ignore[reportAttributeAccessIssue]
            known = running.token is None or self.headers["Authorization"] == f"Bearer {running.token}"
            body = b'{"items": []}' if known else b'{"message": "Unauthorized"}'
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    tls.verify_mode = ssl.CERT_OPTIONAL
    listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    running = Server(("127.0.0.1", listening.server_address[1]))
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield running
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def asked(server: Server, certificates: Path, tmp_path: Path) -> Callable[..., Message]:
    """Asks the server by a kubeconfig file with these fields of cluster and user; returns what arrived."""

    def ask(user: dict[str, Any] | None = None, **cluster: Any) -> Message:
        path = tmp_path / "config"
        whole = {
            "server": f"https://127.0.0.1:{server.address[1]}",
            "certificate-authority": str(certificates / "ca.crt"),
            "tls-server-name": NAME,
            **cluster,
        }
        path.write_text(
            json.dumps(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "ci"}}],
                    "clusters": [{"name": "c", "cluster": whole}],
                    "users": [{"name": "ci", "user": user or {}}],
                }
            )
        )
        with Api({"path": str(path)}) as api:
            api.get("/api/v1/pods")
        return server.requests[-1]

    return ask


@contextmanager
def echoing(tls: ssl.SSLContext) -> Generator[int]:
    """A WebSocket server that says what it is told; yields its port."""

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def run() -> None:
        subprotocols = [Subprotocol("echo")]
        async with serve(echo, "127.0.0.1", 0, ssl=tls, subprotocols=subprotocols, max_size=None) as server:
            ended = asyncio.Event()
            started.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), ended))
            await ended.wait()

    started = Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]()
    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    port, loop, ended = started.get(timeout=60)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def test_a_name_and_a_ca_without_the_newer_extensions(
    asked: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 made its contexts strict, so this is what they are there."""
    default = ssl.create_default_context

    def strict(*args: Any, **options: Any) -> ssl.SSLContext:
        context = default(*args, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    asked()
    with pytest.raises(UnreachableError, match=r"is not trusted: .*Look at the cluster c of the kubeconfig"):
        asked(**{"tls-server-name": None})
    asked(**{"tls-server-name": None, "certificate-authority": None, "insecure-skip-tls-verify": True})


def test_users(asked: Callable[..., Message], server: Server, certificates: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t1\n")
    assert asked({"tokenFile": "token"})["Authorization"] == "Bearer t1"
    assert asked({"token": "t2"})["Authorization"] == "Bearer t2"
    pair = base64.b64encode(b"me:pass").decode()
    assert asked({"username": "me", "password": "pass"})["Authorization"] == f"Basic {pair}"
    asked(
        {
            "client-certificate": str(certificates / "client.crt"),
            "client-key": str(certificates / "client.key"),
        }
    )
    assert server.clients[-1]["subject"] == ((("commonName", "client"),),)


def test_impersonation(asked: Callable[..., Message]) -> None:
    who = {"as": "jane", "as-uid": "7", "as-groups": ["dev", "ops"], "as-user-extra": {"Scopes/x": ["view"]}}
    headers = asked({"token": "t", **who})
    assert headers["Impersonate-User"] == "jane"
    assert headers["Impersonate-Uid"] == "7"
    assert headers.get_all("Impersonate-Group") == ["dev", "ops"]
    assert headers["Impersonate-Extra-scopes%2Fx"] == "view"


@dataclass
class Plugin:
    """A credential plugin: a kubeconfig's user, the file with its token, and the requests that it got."""

    user: dict[str, Any]
    token: Path
    log: Path

    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[str], Plugin]:
    def make(expires: str) -> Plugin:
        log, token = tmp_path / "log", tmp_path / "given"
        (tmp_path / "bin").mkdir(exist_ok=True)
        script = tmp_path / "bin" / "plugin"
        script.write_text(PLUGIN.format(log=log, token=token, expires=expires))
        script.chmod(0o755)
        user = {"exec": {"apiVersion": "v1", "command": "./bin/plugin", "provideClusterInfo": True}}
        return Plugin(user, token, log)

    return make


def test_a_plugin_runs_once_until_its_token_expires(
    asked: Callable[..., Message], plugin: Callable[[str], Plugin]
) -> None:
    once = plugin("2999-01-01T00:00:00Z")
    once.token.write_text("t1")
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    for _ in range(3):
        assert asked(once.user, extensions=[extension])["Authorization"] == "Bearer t1"
    (told,) = once.runs()
    assert told["spec"]["cluster"]["tls-server-name"] == NAME
    assert base64.b64decode(told["spec"]["cluster"]["certificate-authority-data"]).startswith(b"-----BEGIN")
    assert told["spec"]["cluster"]["config"] == {"audience": "a"}
    short = plugin("2001-01-01T00:00:00Z")
    for _ in range(2):
        asked(short.user)
    assert len(short.runs()) == 1 + 2


@pytest.mark.parametrize(("expires", "runs"), [("2999-02-01T00:00:00", 1), ("2001-02-01T00:00:00", 2)])
def test_a_plugins_time_without_a_zone_is_one_of_utc(
    expires: str, runs: int, asked: Callable[..., Message], plugin: Callable[[str], Plugin]
) -> None:
    given = plugin(expires)
    given.token.write_text("t1")
    for _ in range(2):
        asked(given.user)
    assert len(given.runs()) == runs


def test_a_refused_token_is_asked_for_again_once(
    asked: Callable[..., Message], server: Server, plugin: Callable[[str], Plugin]
) -> None:
    given = plugin("2998-01-01T00:00:00Z")
    given.token.write_text("old")
    asked(given.user)
    server.token = "new"  # noqa: S105
    given.token.write_text("new")
    assert asked(given.user)["Authorization"] == "Bearer new"
    given.token.write_text("revoked")
    server.token = "newer"  # noqa: S105
    with pytest.raises(RefusedError, match=r"refused the credentials of the context c, user ci"):
        asked(given.user)


def test_a_plugins_key_is_on_no_disk(
    asked: Callable[..., Message],
    server: Server,
    certificates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were it to write a file, there would be none of its name: the folder for such files does not exist."""
    monkeypatch.setenv("TMPDIR", "/nowhere")
    pem = {
        "clientCertificateData": (certificates / "client.crt").read_text(),
        "clientKeyData": (certificates / "client.key").read_text(),
    }
    (tmp_path / "answer").write_text(json.dumps({"status": pem}))
    asked({"exec": {"apiVersion": "v1", "command": "cat", "args": [str(tmp_path / "answer")]}})
    assert server.clients[-1]["subject"] == ((("commonName", "client"),),)


@pytest.mark.parametrize(
    ("user", "says"),
    [
        (
            {"exec": {"command": "none-such", "installHint": "Get it."}},
            "none-such is not on this.* Get it",
        ),
        (
            {"exec": {"command": "sh", "args": ["-c", "echo no login >&2; exit 3"]}},
            "command sh failed: no login",
        ),
        ({"exec": {"command": "echo", "args": ["s3cr3t"]}}, "command echo printed is no ExecCredential"),
        (
            {"exec": {"command": "echo", "args": ['{"status": null}']}},
            "command echo printed is no ExecCredential",
        ),
        ({"token": "s3cr3t\nX-Other: 1"}, "kubeconfig's token has characters that no token has"),
        ({"tokenFile": "/bin/sh"}, "kubeconfig's tokenFile /bin/sh has characters that no token has"),
        ({"tokenFile": "none"}, r"tokenFile .*none cannot be read: No such file"),
        (
            {"client-certificate-data": "YQ==", "client-key-data": "YQ=="},
            "certificate and key do not work",
        ),
        # Pasted without its end.
        (
            {"client-certificate-data": "YQ==", "client-key-data": "czNjcjN0L"},
            "client-key-data is no base64. Write it there whole",
        ),
        ({"auth-provider": {"name": "gcp"}}, "the auth provider gcp, which Kubernetes took out in 1.26"),
    ],
)
def test_what_is_wrong_with_a_user_is_a_sentence(
    user: dict[str, Any], says: str, asked: Callable[..., Message]
) -> None:
    with pytest.raises(KubeconfigError, match=says) as raised:
        asked(user)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    ("stderr", "says"),
    [
        (b"To sign in, open https://login.example\n", " It said: To sign in, open https://login.example"),
        (None, ""),
    ],
)
def test_what_a_plugin_waits_for_is_told(
    stderr: bytes | None, says: str, asked: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        exec_plugin.subprocess, "run", Mock(side_effect=subprocess.TimeoutExpired("login", 60, None, stderr))
    )
    with pytest.raises(KubeconfigError) as raised:
        asked({"exec": {"command": "login"}})
    assert str(raised.value) == (
        "The kubeconfig's command login gave nothing in 60 s. Where it waits for a login, log in by any "
        f"kubectl command first.{says}"
    )


def test_a_plugin_that_only_a_terminal_can_answer_is_refused_at_once(
    asked: Callable[..., Message], tmp_path: Path
) -> None:
    """Of Pulumi's Kubernetes provider it is too, and by kubectl where it has no terminal."""
    plugin = {"command": "touch", "args": [str(tmp_path / "ran")], "interactiveMode": "Always"}
    with pytest.raises(KubeconfigError, match=r"command touch .*interactiveMode: IfAvailable"):
        asked({"exec": plugin})
    assert not (tmp_path / "ran").exists()


def test_a_damaged_certificate_authority_is_a_sentence(asked: Callable[..., Message]) -> None:
    with pytest.raises(KubeconfigError, match="certificate-authority-data is no base64"):
        asked(**{"certificate-authority-data": "LS0tL"})


@pytest.mark.parametrize("url", ["https://host:abc", "https://host:0", "https://[::1", "host:6443"])
def test_a_server_that_is_no_url_is_a_sentence(url: str, asked: Callable[..., Message]) -> None:
    with pytest.raises(KubeconfigError, match="has no URL as its server"):
        asked(server=url)


@pytest.mark.parametrize("proxy", ["http://u:s3cr3t@host:abc", "ftp://host", "http://"])
def test_a_proxy_that_is_no_url_is_a_sentence_without_its_password(
    proxy: str, asked: Callable[..., Message]
) -> None:
    with pytest.raises(KubeconfigError, match="The proxy has to be the URL of a host") as raised:
        asked(**{"proxy-url": proxy})
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(("scheme", "proxy"), [("http", http_proxy), ("socks5", socks_proxy)])
def test_a_proxy(scheme: str, proxy: Any, asked: Callable[..., Message], server: Server) -> None:
    with relay(proxy) as running:
        asked(**{"proxy-url": f"{scheme}://127.0.0.1:{running.port}"})
        assert running.targets == [server.address]
    with pytest.raises(UnreachableError, match=rf"cannot be reached through the proxy {scheme}://127"):
        asked(**{"proxy-url": f"{scheme}://127.0.0.1:{running.port}"})


def test_a_proxy_that_speaks_tls_itself(
    asked: Callable[..., Message],
    server: Server,
    tls: ssl.SSLContext,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.crt"))
    with relay(http_proxy, tls) as running:
        asked(**{"proxy-url": f"https://{PROXY}:{running.port}"})
        assert running.targets == [server.address]
    with pytest.raises(UnreachableError, match=rf"cannot be reached through the proxy https://{PROXY}: "):
        asked(**{"proxy-url": f"https://{PROXY}:{running.port}"})


def test_the_certificate_of_a_proxy_is_not_told_as_that_of_the_server(
    asked: Callable[..., Message], tls: ssl.SSLContext
) -> None:
    says = f"through the proxy https://{PROXY}: the proxy's own certificate is not trusted: "
    with relay(http_proxy, tls) as running, pytest.raises(UnreachableError, match=says):
        asked(**{"proxy-url": f"https://{PROXY}:{running.port}"})


def test_a_websocket_through_a_proxy_that_speaks_tls_itself(
    tls: ssl.SSLContext, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a port-forward is one; closing it ends the wait for a message too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.crt"))
    trusting = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with echoing(tls) as port, relay(http_proxy, tls) as running:
        url = f"wss://127.0.0.1:{port}/"
        proxy = urlsplit(f"https://{PROXY}:{running.port}")
        opened = connect(urlsplit(url), proxy, trusting, NAME, 60)
        stream = Stream(url, opened, [], "echo", 60)
        for message in (b"a", bytes(range(256)) * 4096, b"b"):
            stream.send(message)
            assert stream.receive(time.monotonic() + 60) == message
        with pytest.raises(TimeoutError):
            stream.receive(time.monotonic() + 0.1)
        threading.Timer(0.1, stream.close).start()
        with pytest.raises(OSError, match=r"closed|descriptor"):
            stream.receive(time.monotonic() + 60)


@pytest.mark.parametrize(
    ("host", "environment", "expected"),
    [
        ("api.example", {"HTTPS_PROXY": "proxy:3128"}, "proxy"),
        ("api.example", {"https_proxy": "http://proxy"}, "proxy"),
        ("api.example", {"HTTP_PROXY": "http://proxy"}, None),
        ("127.0.0.1", {"HTTPS_PROXY": "http://proxy"}, None),
        ("localhost", {"HTTPS_PROXY": "http://proxy"}, None),
        ("api.example", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "x, .example"}, None),
        ("api.example", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "ample"}, "proxy"),
        ("api.example", {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "api.example:6443"}, "proxy"),
        ("10.1.2.3", {"HTTPS_PROXY": "http://proxy", "no_proxy": "10.0.0.0/8"}, None),
        ("10.1.2.3", {"HTTPS_PROXY": "http://proxy", "no_proxy": "*"}, None),
        ("fd00::1", {"HTTPS_PROXY": "http://proxy", "no_proxy": "fd00::/8"}, None),
    ],
)
def test_the_proxy_of_the_environment_is_that_of_go(
    host: str, environment: dict[str, str], expected: str | None
) -> None:
    server = urlsplit(f"https://[{host}]" if ":" in host else f"https://{host}")
    found = proxy_for(server, None, environment)
    assert (found.hostname if found else None) == expected
