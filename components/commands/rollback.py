"""Back to the last split that was proved: that of the newest `up` that ended well with another one."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import RolloutError
from ..pulumi_cli import config, project, stack
from ..settings.weights import Weights, same, shown


def rollback(name: str) -> Weights:
    """Write the last proved split that differs from the config's, and make it true.

    Raises:
        RolloutError: there is none, it names a version that is gone, or `up` failed.
    """
    settings = config.settings(name)
    wanted = proved(stack.history(name), settings.weights)
    if wanted is None:
        msg = f"no other split of stack {name} was ever proved by an `up` that ended well"
        raise RolloutError(msg)
    gone = sorted(
        version for version, weight in wanted.items() if weight and version not in settings.versions
    )
    if gone:
        msg = (
            f"the last proved split, {shown(wanted)}, needs {', '.join(gone)}, which the config has no more: "
            f"put it back into versions in Pulumi.{name}.yaml, or set the weights there and run `up`"
        )
        raise RolloutError(msg)
    project.say(f"rollback: {shown(settings.weights)} → {shown(wanted)}")
    config.write_weights(name, {version: wanted.get(version, 0) for version in settings.versions})
    stack.converge(name)
    return wanted


def proved(history: Iterable[Mapping[str, Any]], current: Weights) -> Weights | None:
    """Return the split of the newest successful update with another one, out of Pulumi's history."""
    key = f"{project.NAME}:weights"
    for update in history:
        if update["kind"] == "update" and update["result"] == "succeeded" and key in update["config"]:
            weights: dict[str, int] = json.loads(update["config"][key]["value"])
            if not same(weights, current):
                return weights
    return None
