"""A question that is asked once, before the first object of a run is written, whichever that is."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

T = TypeVar("T")


def before(name: str, question: Callable[[], Awaitable[None]]) -> pulumi.ResourceHookBinding:
    """Return the hooks that every one of the objects takes; none is written where the question raises."""
    asked: asyncio.Future[None] | None = None

    async def ask(_args: pulumi.ResourceHookArgs) -> None:
        nonlocal asked
        asked = asked or asyncio.ensure_future(question())
        await asked

    hook = pulumi.ResourceHook(name, ask, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


def is_mocked() -> bool:
    """Whether this is a program's unit test: Pulumi's mocks have no hooks."""
    return isinstance(get_monitor(), MockMonitor)


async def in_thread(work: Callable[[], T]) -> T:
    """Work that waits for the cluster, in a thread of its own.

    The loop's own threads may all be held by registrations that wait for this very question.
    """
    with ThreadPoolExecutor(1) as thread:
        return await asyncio.wrap_future(thread.submit(work))
