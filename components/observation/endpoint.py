"""Where and how the app of a stack is asked through its gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import RolloutError
from ..pulumi_cli import config
from ..settings.model import Check, Routing, Settings


@dataclass(frozen=True)
class Endpoint:
    """An address, the headers that the stack's route asks for, and what counts as an answer."""

    url: str
    headers: Mapping[str, str]
    check: Check

    def __str__(self) -> str:
        name = self.headers.get("Host")
        return f"{self.url} (Host: {name})" if name else self.url


def of(name: str, settings: Settings) -> Endpoint:
    """Return the endpoint of a stack.

    Raises:
        RolloutError: the stack has no address yet.
    """
    url = config.url(name)
    if url is None:
        msg = (
            f"the address of stack {name}'s gateway was not known to its last `up`, which says why: "
            f"run `make up STACK={name}` again, or set blue-green:cluster.ingressAddress"
        )
        raise RolloutError(msg)
    return at(str(url), settings.routing, settings.routing.hosts[0])


def at(url: str, routing: Routing, host: str) -> Endpoint:
    """Return how to ask for one host of a route (a wildcard stands for any) at a gateway's address."""
    return Endpoint(url + routing.asked_path(), routing.asked_headers(host), routing.check)


def recorded(facts: Mapping[str, Any]) -> Endpoint:
    """Return an endpoint out of its fields as JSON has them."""
    check = facts["check"]
    return Endpoint(
        facts["url"], facts["headers"], Check(check.get("path"), check["headers"], tuple(check["accept"]))
    )
