"""The page's real server without a stack behind it: a test says what is read."""

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import uvicorn

from components.commands.dashboard import feed, server


class Told:
    """In place of a reader: a test tells it what to say, and how old that is."""

    def __init__(self, name: str, publish: Any) -> None:
        self.name, self.publish = name, publish
        self.age_seconds: float | None = 0.0
        self.why = ""

    def look(self, *, wanted: bool) -> None:
        """Nothing is read."""

    def age(self) -> Mapping[str, Any]:
        """How old the news is, as the test says."""
        return {"stack": self.name, "age": self.age_seconds, "why": self.why}

    def say(self, facts: Mapping[str, Any]) -> None:
        """Publish facts."""
        self.publish(facts)


@dataclass
class Stage:
    """A server that runs: its address and its readers by stack."""

    address: str
    readers: dict[str, Told] = field(default_factory=dict[str, Told])
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stage(*stacks: str) -> Generator[Stage]:
    """Serve the page of these stacks until the block ends, or the test stops it."""
    address = server.bind(0)
    made = Stage(str(address))
    ready = threading.Event()

    def reader(name: str, publish: Any) -> Told:
        made.readers[name] = Told(name, publish)
        return made.readers[name]

    async def run() -> None:
        shared = feed.Feed(stacks)
        config = uvicorn.Config(server.app(address, shared), lifespan="off", log_level="critical")
        uvicorned = uvicorn.Server(config)
        serving = asyncio.create_task(uvicorned.serve(sockets=[address.listener]))
        ready.set()
        while not made.stop.is_set():
            await asyncio.sleep(0.05)
        uvicorned.should_exit = True
        shared.end()
        await serving

    with mock.patch.object(feed, "Reader", reader):
        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        assert ready.wait(60)
        try:
            yield made
        finally:
            made.stop.set()
            thread.join()
