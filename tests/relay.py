"""TCP relays on the loopback: to one address, or as a proxy, HTTP, HTTPS or SOCKS5, to any."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Address = tuple[str, int]


@dataclass
class Relay:
    """One that runs: its own port, and the addresses to which it has made connections."""

    port: int
    targets: list[Address] = field(default_factory=list[Address])
    opened: list[socket.socket] = field(default_factory=list[socket.socket])

    def cut(self) -> None:
        """Ends every connection that is there now, both ways at once."""
        for one in self.opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(ask: Callable[[socket.socket], Address], tls: ssl.SSLContext | None = None) -> Generator[Relay]:
    """Accepts connections, of TLS or none, each to the address that `ask` returns; closes all at the end."""

    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            if tls is not None:
                client = tls.wrap_socket(client, server_side=True)
                running.opened.append(client)
            target = ask(client)
            running.targets.append(target)
            upstream = socket.create_connection(target, 5)
            running.opened.append(upstream)
            if isinstance(client, ssl.SSLSocket):
                _copy_by_turns(client, upstream)
                return
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                running.opened.append(client)
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Relay(listener.getsockname()[1])
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield running
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for one in running.opened:
                one.close()


def to(host: str, port: int) -> Callable[[socket.socket], Address]:
    """For `relay`: always this address."""
    return lambda _: (host, port)


def http_proxy(client: socket.socket) -> Address:
    """For `relay`: where a CONNECT wants to go."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    host, _, port = head.split()[1].decode().rpartition(":")
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    return host.strip("[]"), int(port)


def socks_proxy(client: socket.socket) -> Address:
    """For `relay`: where a SOCKS5 client wants to go, by a name."""
    _, methods = client.recv(2)
    client.recv(methods)
    client.sendall(b"\x05\x00")
    length = client.recv(5)[4]
    host, port = client.recv(length).decode(), int.from_bytes(client.recv(2), "big")
    client.sendall(b"\x05\x00\x00\x01" + bytes(6))
    return host, port


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _copy_by_turns(client: ssl.SSLSocket, upstream: socket.socket) -> None:
    """Both ways in one thread: a TLS connection is not for two."""
    with client, upstream:
        while True:
            ready = [client] if client.pending() else select.select([client, upstream], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (upstream if source is client else client).sendall(data)
