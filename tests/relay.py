"""TCP relays on the loopback: to one address, or as a proxy, HTTP or SOCKS5, to any."""

import socket
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
def relay(ask: Callable[[socket.socket], Address]) -> Generator[Relay]:
    """Accepts connections, each to the address that `ask` returns; closes them all at the end."""

    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            target = ask(client)
            running.targets.append(target)
            upstream = socket.create_connection(target, 5)
            running.opened.append(upstream)
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
