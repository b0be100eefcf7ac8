"""HTTP to one port of one pod, by a port-forward through the API server."""

import http.client
import io
import time
from collections.abc import Callable, Mapping
from typing import Any

from .api import Api

# A WebSocket port-forward has two channels a port: data, and errors. The first message of each
# is the port's number (kubelet, pkg/kubelet/server/portforward).
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1


class PortForward:
    """One port-forward to one port; GETs go through it one after the other, until one of them fails."""

    def __init__(self, api: Api, namespace: str, pod: str, port: int) -> None:
        """Opens it. Raises GatewayError."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        self._stream = api.stream(path, {"ports": str(port)}, _PROTOCOL)
        self._greetings = {_DATA, _ERROR}

    def close(self) -> None:
        """Ends the port-forward."""
        self._stream.close()

    def get(self, target: str, headers: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
        """Status and body at a path with its query.

        Raises OSError or http.client.HTTPException where nothing came for so many seconds.
        """
        response = self.ask(target, headers, seconds)
        return response.status, response.read()

    def ask(self, target: str, headers: Mapping[str, str], seconds: float) -> http.client.HTTPResponse:
        """The same, with a body that is still to be read.

        That raises as this does, and also at the end of a body that only the connection's end ends.
        """
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._stream.send(bytes([_DATA]) + "\r\n".join(lines).encode())
        readable = _Readable(lambda: self._read(time.monotonic() + seconds))
        response = http.client.HTTPResponse(readable)  # pyright: ignore[reportArgumentType]
        response.begin()
        return response

    def _read(self, deadline: float) -> bytes:
        """The next bytes of the data channel."""
        while True:
            message = self._stream.receive(deadline)
            channel, data = message[0], message[1:]
            if channel in self._greetings:
                self._greetings.remove(channel)
            elif channel == _ERROR:
                raise ConnectionError(data.decode(errors="replace"))
            elif data:
                return data


class _Readable(io.RawIOBase):
    """What http.client takes for a socket: it reads one response from it."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._rest = b""

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The response's file."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer with what has come."""
        self._rest = self._rest or self._receive()
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
