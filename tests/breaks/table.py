"""Ways to break a running stack by hand, and what `verify` has to say of each.

The stack is the app `shop` in the namespace `default`: v1 with two pods, v2 with one, half of the traffic
each.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Where other teams' objects stand.
OTHERS = "others"
GREEN, DRIFTED, FAILING, NOT_ASKED = 0, 3, 5, 6
# The end of what kubectl patch did.
BY = "written by kubectl-patch at 20"

Command = tuple[str, ...] | Mapping[str, Any]


@dataclass(frozen=True)
class Break:
    """One way.

    Attributes:
        name: what is done, in words.
        does: kubectl's arguments, or objects to make, one after the other.
        status: verify's exit status then.
        says: what its first difference begins with, as a regular expression.
        names: what stands in any difference or warning, such as whose object it is.
        undo: what the owner of what is not ours types; without it, the cure is what verify prints.
        heals: Kubernetes mends it: green within a minute, with nothing typed.
    """

    name: str
    does: tuple[Command, ...]
    status: int = GREEN
    says: str = ""
    names: str = ""
    undo: tuple[Command, ...] = ()
    heals: bool = False


def patch(kind: str, *changes: tuple[str, str, object], name: str = "shop") -> tuple[str, ...]:
    """kubectl's arguments for a JSON patch: of each change the operation, the path and the value."""
    body = [
        {"op": op, "path": path} | ({} if op == "remove" else {"value": value}) for op, path, value in changes
    ]
    return ("patch", f"{kind}/{name}", "--type=json", "-p", json.dumps(body))


def route(field: str, value: object) -> tuple[str, ...]:
    """Adds a field to the rule of the VirtualService."""
    return patch("virtualservice", ("add", f"/spec/http/0/{field}", value))


def pods(path: str, value: object, op: str = "add", name: str = "shop-v2") -> tuple[str, ...]:
    """Changes the pod template of a version."""
    return patch("deployment", (op, f"/spec/template/{path}", value), name=name)


def rule(path: str, value: object, op: str = "add") -> tuple[str, ...]:
    """Changes the DestinationRule of v2."""
    return patch("destinationrule", (op, f"/spec/{path}", value), name="shop-v2")


def entrance(path: str, value: object) -> tuple[str, ...]:
    """Changes the Gateway."""
    return patch("gateways.networking.istio.io", ("replace", f"/spec/{path}", value), name="shop-gateway")
