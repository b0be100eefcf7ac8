"""A WebSocket to the API server, in the caller's thread alone.

The blocking client of `websockets` reads in a thread of its own; with TLS, before Python 3.13, that
loses data now and then (python/cpython #124984). So only its protocol, without I/O, is used here.
"""

import socket
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

_CHUNK = 65536


class Stream:
    """An open WebSocket; every message of it is binary."""

    def __init__(
        self,
        url: str,
        opened: socket.socket,
        headers: Iterable[tuple[str, str]],
        subprotocol: str,
        seconds: float,
    ) -> None:
        """On an open connection. Raises OSError, InvalidStatus for a refusal, or another InvalidHandshake."""
        self._protocol = ClientProtocol(
            parse_uri(url), subprotocols=[Subprotocol(subprotocol)], max_size=None
        )
        self._frames = deque[Frame]()
        self._socket = opened
        try:
            request = self._protocol.connect()
            for name, value in headers:
                request.headers[name] = value
            self._protocol.send_request(request)
            self._flush()
            deadline = time.monotonic() + seconds
            while self._protocol.state.name == "CONNECTING":
                self._receive(deadline)
                error = self._protocol.handshake_exc
                if error is not None:
                    raise error
        except BaseException:
            self._socket.close()
            raise

    def send(self, message: bytes) -> None:
        """Sends one message. Raises OSError."""
        try:
            self._protocol.send_binary(message)
        except InvalidState as error:
            # The other side's close came right behind its last message, as from a pod that ends.
            raise ConnectionError("the connection was closed") from error
        self._flush()

    def receive(self, deadline: float) -> bytes:
        """The next message, at the latest at a time of time.monotonic(). Raises OSError."""
        while not self._frames:
            self._receive(deadline)
        return bytes(self._frames.popleft().data)

    def close(self) -> None:
        """Ends it without waiting for the other side, also for whoever waits for a message."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    def _receive(self, deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        data = self._socket.recv(_CHUNK)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                self._frames.append(event)
        if not data and not self._frames and self._protocol.handshake_exc is None:
            raise ConnectionError("the connection was closed")
