"""Where and how the app of a stack is asked through its gateway."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..pulumi_cli import stack
from ..settings.model import Settings


@dataclass(frozen=True)
class Endpoint:
    """An address, and the headers that the stack's route asks for."""

    url: str
    headers: Mapping[str, str]


def of(name: str, settings: Settings) -> Endpoint:
    """Return the endpoint of a stack.

    Raises:
        RolloutError: the stack has no address yet.
    """
    routing = settings.routing
    host = routing.hosts[0].replace("*.", "any.")
    headers = dict(routing.headers) if host == "*" else {"Host": host, **routing.headers}
    path = routing.paths[0] if routing.paths else ""
    return Endpoint(str(stack.output(name, "url")) + path, headers)
