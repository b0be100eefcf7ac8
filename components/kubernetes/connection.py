"""A TCP or TLS connection to an API server, straight or through a proxy."""

import base64
import ipaddress
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import KubeconfigError

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


def connect(
    server: SplitResult,
    proxy: SplitResult | None,
    tls: ssl.SSLContext | None,
    name: str | None,
    seconds: float,
) -> socket.socket:
    """A connection to `server`.

    Args:
        server: the API server's URL.
        proxy: the URL of an HTTP, HTTPS or SOCKS5 proxy; None: none.
        tls: for a server that speaks TLS.
        name: the name that its certificate has, where that is another one than in the URL.
        seconds: the longest wait for each answer.

    Raises:
        OSError: it cannot be opened; what a proxy refuses is one too.
    """
    host, port = server.hostname or "", server.port or _PORTS[server.scheme]
    if proxy is None:
        opened = socket.create_connection((host, port), seconds)
    else:
        opened = socket.create_connection((proxy.hostname or "", proxy.port or _PORTS[proxy.scheme]), seconds)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if proxy is not None:
            if proxy.scheme == "https":
                opened = _tls_to_proxy(opened, proxy)
            tunnel = _http_tunnel if proxy.scheme in ("http", "https") else _socks_tunnel
            tunnel(opened, proxy, host, port)
        return opened if tls is None else _tls_to_server(opened, tls, name or host)
    except BaseException:
        opened.close()
        raise


def proxy_for(
    server: SplitResult, configured: str | None, environment: Mapping[str, str] = os.environ
) -> SplitResult | None:
    """The proxy for a server: the kubeconfig's `proxy-url`, else that of HTTPS_PROXY, as Go has it.

    Raises KubeconfigError.
    """
    url = configured or _of_environment(server, environment)
    if not url:
        return None
    proxy = parsed(url if "://" in url else f"http://{url}", *_PORTS)
    if proxy is None:
        # It may have a password in it.
        raise KubeconfigError(
            "The proxy has to be the URL of a host, http, https or socks5, such as http://proxy:3128."
        )
    return proxy


def parsed(url: str, *schemes: str) -> SplitResult | None:
    """The URL, where it has a host, a port that can be, if any, and one of these schemes."""
    try:
        found = urlsplit(url)
        known = found.scheme in schemes and found.hostname and (found.port is None or found.port)
    except ValueError:
        return None
    return found if known else None


def _of_environment(server: SplitResult, environment: Mapping[str, str]) -> str | None:
    """HTTPS_PROXY or HTTP_PROXY by the server's scheme; as in Go, never for this machine."""

    def value(name: str) -> str:
        return environment.get(name) or environment.get(name.lower()) or ""

    host = server.hostname or ""
    if host == "localhost" or _address(host, "is_loopback"):
        return None
    if _excluded(host, server.port or _PORTS[server.scheme], value("NO_PROXY")):
        return None
    return value(f"{server.scheme.upper()}_PROXY")


def _address(host: str, question: str) -> bool:
    try:
        return bool(getattr(ipaddress.ip_address(host), question))
    except ValueError:
        return False


def _excluded(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: `*`, an address, a network, or a domain; with a port or not."""
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        name, _, number = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if not name or (number and number != str(port)):
            continue
        if name == "*" or host == name.lstrip(".") or host.endswith(f".{name.removeprefix('*').lstrip('.')}"):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def _tls_to_proxy(opened: socket.socket, proxy: SplitResult) -> socket.socket:
    context = ssl.create_default_context()
    # As for a cluster's own CA.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        return context.wrap_socket(opened, server_hostname=proxy.hostname)
    except ssl.SSLCertVerificationError as error:
        why = f"{error.verify_message}; SSL_CERT_FILE may name its CA"
        raise ConnectionError(f"the proxy's own certificate is not trusted: {why}") from error


def _tls_to_server(opened: socket.socket, tls: ssl.SSLContext, name: str) -> socket.socket:
    if isinstance(opened, ssl.SSLSocket):
        # Only few proxies speak TLS themselves, and loading it takes as long as a connection.
        from .tls_in_tls import TlsInTls

        return cast(socket.socket, TlsInTls(opened, tls, name))
    return tls.wrap_socket(opened, server_hostname=name)


def _http_tunnel(opened: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    # Byte by byte: what follows the answer is the server's.
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(opened, 1)
    status = head.split(b"\r\n")[0].decode(errors="replace").partition(" ")[2]
    if not status.startswith("200"):
        raise ConnectionError(f"the proxy {proxy.hostname} says {status}")


def _socks_tunnel(opened: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """RFC 1928, with the user and password of RFC 1929."""
    user = unquote(proxy.username or "").encode()
    opened.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    method = _exactly(opened, 2)[1]
    if method == 2:
        password = unquote(proxy.password or "").encode()
        opened.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if _exactly(opened, 2)[1]:
            raise ConnectionError(f"the proxy {proxy.hostname} refuses its user")
    elif method:
        raise ConnectionError(f"the proxy {proxy.hostname} wants a user")
    name = host.encode("idna")
    opened.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    _, reply, _, kind = _exactly(opened, 4)
    if reply:
        raise ConnectionError(f"the proxy {proxy.hostname} cannot reach {host}:{port} (SOCKS reply {reply})")
    length = {1: 4, 4: 16}.get(kind) or _exactly(opened, 1)[0]
    _exactly(opened, length + 2)


def _exactly(opened: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = opened.recv(size - len(found))
        if not more:
            raise ConnectionError("the proxy closed the connection")
        found += more
    return found
