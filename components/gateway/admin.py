"""Envoy's admin interface, by a port-forward through the API server."""

import http.client
import io
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError

# Istio's Envoys listen there, on the pod's own loopback only.
ADMIN_PORT = 15000
ANSWER_SECONDS = 5
# A WebSocket port-forward has two channels a port: data, and errors. The first message of each
# is the port's number (kubelet, pkg/kubelet/server/portforward).
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1


class EnvoyAdmin:
    """One port-forward to one pod; GETs go through it one after the other."""

    def __init__(self, api: Api, namespace: str, pod: str) -> None:
        self._where = f"{namespace}/{pod}"
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        self._stream = api.stream(path, {"ports": str(ADMIN_PORT)}, _PROTOCOL)
        self._greetings = {_DATA, _ERROR}

    def close(self) -> None:
        """Ends the port-forward."""
        self._stream.close()

    def get(self, target: str) -> Mapping[str, Any]:
        """The JSON at a path with its query. Raises GatewayError."""
        request = f"GET {target} HTTP/1.1\r\nHost: envoy\r\n\r\n"
        try:
            self._stream.send(bytes([_DATA]) + request.encode())
            response = http.client.HTTPResponse(_Readable(self._read))  # pyright: ignore[reportArgumentType]
            response.begin()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(f"The Envoy of pod {self._where} does not answer: {error}") from error
        if response.status != http.client.OK:
            raise GatewayError(
                f"The Envoy of pod {self._where} refused {target}: {body.decode(errors='replace')}"
            )
        return json.loads(body)

    def _read(self) -> bytes:
        """The next bytes of the data channel."""
        deadline = time.monotonic() + ANSWER_SECONDS
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
