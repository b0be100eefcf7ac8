"""The page's server: a handful of files and one stream of events, for this machine alone."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ...errors import RolloutError
from .. import look
from .feed import Feed
from .guard import Guard

LOOPBACK = "127.0.0.1"
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class Events(Protocol):
    """What a page listens to."""

    def events(self) -> AsyncIterator[str]:
        """Yield server-sent events."""
        ...


@dataclass(frozen=True)
class Address:
    """Where the page is served: a bound socket, the token that opens it, and a ticket that does so once."""

    listener: socket.socket
    token: str
    ticket: str

    @property
    def port(self) -> int:
        """The port, also where any free one was asked for."""
        return int(self.listener.getsockname()[1])

    def __str__(self) -> str:
        return self._with(self.token)

    @property
    def once(self) -> str:
        """The address for a browser's command line, which every user of the machine can read."""
        return self._with(self.ticket)

    def _with(self, token: str) -> str:
        return f"http://{LOOPBACK}:{self.port}/?token={token}"


def bind(port: int) -> Address:
    """Take a port of the loopback; 0 is any that is free.

    Raises:
        RolloutError: it is taken, or may not be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        # A browser that is opened before the server runs waits for it.
        listener.listen()
    except OSError as error:
        listener.close()
        msg = f"port {port} of {LOOPBACK}: {error.strerror}. Type: blue-green dashboard --port 0"
        raise RolloutError(msg) from error
    return Address(listener, secrets.token_urlsafe(24), secrets.token_urlsafe(24))


def app(address: Address, feed: Events) -> ASGIApp:
    """Return the guarded app."""

    async def stylesheet(_: Request) -> Response:
        return Response(f"{_colours()}\n{_text('page.css')}", media_type="text/css")

    async def events(_: Request) -> Response:
        return StreamingResponse(feed.events(), media_type="text/event-stream")

    def file(name: str, kind: str) -> Callable[[Request], Response]:
        return lambda _: Response(_text(name), media_type=kind)

    routes = [Route(path, file(*which)) for path, which in _FILES.items()]
    routes += [Route("/page.css", stylesheet), Route("/events", events)]
    cookie = f"blue-green-{address.port}"
    return Guard(Starlette(routes=routes), address.token, address.ticket, cookie)


def serve(address: Address, stacks: Sequence[str]) -> None:
    """Serve the page of these stacks until Ctrl-C, or until the process is told to end."""
    asyncio.run(_serve(address, stacks))


async def _serve(address: Address, stacks: Sequence[str]) -> None:
    feed = Feed(stacks)
    server = uvicorn.Server(
        uvicorn.Config(
            app(address, feed), lifespan="off", log_level="critical", access_log=False, server_header=False
        )
    )

    async def let_go() -> None:
        while not server.should_exit:
            await asyncio.sleep(0.1)
        feed.end()

    await asyncio.gather(server.serve(sockets=[address.listener]), let_go())


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


def _colours() -> str:
    """The colours of versions and tones, which the terminal and the report have too."""
    versions = (
        f".c{number} {{ --fill: {colour.fill}; --on: {colour.ink} }}"
        for number, colour in enumerate(look.COLOURS)
    )
    light = " ".join(f"--{tone}: {ink.light};" for tone, ink in look.INKS.items())
    dark = " ".join(f"--{tone}: {ink.dark};" for tone, ink in look.INKS.items())
    tones = f":root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return "\n".join((*versions, tones))
