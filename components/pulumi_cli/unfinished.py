"""What an `up` left to be done: a creation that was killed, and what --target or --exclude left out."""

from collections.abc import Mapping
from typing import Any

from . import project

_CLEAR = ("refresh", "--yes", "--clear-pending-creates")
_PARTIAL = ("pulumi.flag.target", "pulumi.flag.exclude")


def pending(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the resources, by name, of which Pulumi does not know whether a killed `up` created them.

    It forgets other operations that were killed by itself; these only when it is told to, though the
    next `up` creates or finds them (pulumi/pulumi, "Pending creates").
    """
    operations = deployment.get("pending_operations") or ()
    urns = [one["resource"]["urn"] for one in operations if one["type"] == "creating"]
    return tuple(urn.rpartition("::")[2] for urn in urns)


def pending_warning(name: str, deployment: Mapping[str, Any]) -> str | None:
    """Return a sentence with the line that clears the pending creations; None where there are none."""
    names = ", ".join(pending(deployment))
    line = f"pulumi {' '.join(_CLEAR)} --stack {name}"
    return f"an `up` was killed while it created {names}; to forget that, type: {line}" if names else None


def clear_pending(name: str, deployment: Mapping[str, Any]) -> None:
    """Forget the pending creations in a stack's state, so that Pulumi does not name them for ever.

    Raises:
        RolloutError: Pulumi failed.
    """
    if names := pending(deployment):
        project.say(f"an `up` was killed while it created {', '.join(names)}: this one goes on")
        roots = [one["urn"] for one in deployment["resources"] if one["type"] == "pulumi:pulumi:Stack"]
        # Of the stack's own entry alone: that asks no cluster.
        targets = [option for urn in roots for option in ("--target", urn)]
        project.ask(*_CLEAR, "--skip-preview", "--stack", name, *targets)


def left_out(name: str, last: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an update left out by --target or --exclude and `up` would change, by name.

    Args:
        name: the stack's.
        last: its newest update, as Pulumi's history has it.

    Raises:
        RolloutError: the preview failed.
    """
    environment: Mapping[str, str] = last.get("environment") or {}
    if not any(key.startswith(_PARTIAL) for key in environment):
        return ()
    digest: Any = project.ask_json("preview", "--json", "--stack", name)
    changed = [step["urn"] for step in digest["steps"] if step["op"] not in {"same", "read", "refresh"}]
    return tuple(urn.rpartition("::")[2] for urn in changed)
