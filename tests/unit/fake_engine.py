"""An engine that knows hooks, as Pulumi's mock does not."""

import asyncio
from collections.abc import Awaitable, Callable

import pulumi
import pytest

Hook = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]


def known_hooks(monkeypatch: pytest.MonkeyPatch) -> list[pulumi.ResourceHook]:
    """Return the list that gets every hook that is registered from now on, in the thread's event loop."""
    kept: list[pulumi.ResourceHook] = []

    def registered(hook: pulumi.ResourceHook) -> asyncio.Future[None]:
        kept.append(hook)
        done = asyncio.get_event_loop().create_future()
        done.set_result(None)
        return done

    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", registered)
    return kept


def kept_callbacks(monkeypatch: pytest.MonkeyPatch) -> list[Hook]:
    """Return the list that gets the callback of every hook that is made from now on; none is registered."""
    kept: list[Hook] = []

    def keep(_name: str, hook: Hook, _options: object) -> None:
        kept.append(hook)

    monkeypatch.setattr(pulumi, "ResourceHook", keep)
    return kept
