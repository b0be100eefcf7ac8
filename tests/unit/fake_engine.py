"""An engine that knows hooks, as Pulumi's mock does not."""

import asyncio

import pulumi
import pytest


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
