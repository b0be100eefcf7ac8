"""Hands what is read on to the pages: one reader a stack, any number of pages."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .reader import Reader

# A page hears so often that there is nothing new.
_TICK_SECONDS = 1.0


class Feed:
    """The newest word on each stack, as server-sent events; nothing else is kept for a page."""

    def __init__(self, stacks: Sequence[str]) -> None:
        """Read these stacks as soon as a page listens; made and used in one event loop."""
        self._loop = asyncio.get_running_loop()
        self._newest: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._pages: set[asyncio.Event] = set()
        self._readers = {
            stack: Reader(stack, lambda said, stack=stack: self._hear(stack, said)) for stack in stacks
        }
        self._ended = False

    @property
    def pages(self) -> int:
        """How many pages listen."""
        return len(self._pages)

    def end(self) -> None:
        """Let every page go."""
        self._ended = True
        for page in self._pages:
            page.set()

    async def events(self) -> AsyncIterator[str]:
        """Yield every stack's newest word, at once and whenever there is another one, until `end`."""
        news = asyncio.Event()
        self._pages.add(news)
        self._look()
        told: dict[str, int] = {}
        try:
            while not self._ended:
                news.clear()
                # Another stack's first word may come while the page takes this one's.
                for stack, (number, said) in list(self._newest.items()):
                    if told.get(stack) != number:
                        told[stack] = number
                        # With no page open nothing was read: the newest word may be of hours ago.
                        yield _event("stack", {**said, **self._readers[stack].age()})
                try:
                    await asyncio.wait_for(news.wait(), _TICK_SECONDS)
                except TimeoutError:
                    yield _event("ages", [reader.age() for reader in self._readers.values()])
        finally:
            self._pages.discard(news)
            self._look()

    def _look(self) -> None:
        for reader in self._readers.values():
            reader.look(wanted=bool(self._pages))

    def _hear(self, stack: str, said: Mapping[str, Any]) -> None:
        """Take a reader's word, in its thread."""
        # At the end of the process its loop may be gone before the reader is.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._spread, stack, said)

    def _spread(self, stack: str, said: Mapping[str, Any]) -> None:
        self._newest[stack] = (self._newest.get(stack, (0, {}))[0] + 1, said)
        for page in self._pages:
            page.set()


def _event(kind: str, said: object) -> str:
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n"
