"""Where and how the app of a stack is asked through its gateway."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import RolloutError
from ..pulumi_cli import config
from ..settings.model import Check, Grpc, RequestMark, Routing, Settings


@dataclass(frozen=True)
class Endpoint:
    """An address, the headers that the stack's route asks for, and what counts as an answer."""

    url: str
    headers: Mapping[str, str]
    check: Check

    def __str__(self) -> str:
        name = self.headers.get("Host")
        return f"{self.url} (Host: {name})" if name else self.url

    @property
    def curl(self) -> str:
        """The command that asks it, for a shell."""
        headers = [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        return shlex.join(["curl", *headers, self.url])


def of(name: str, settings: Settings) -> Endpoint:
    """Return the endpoint of a stack.

    Raises:
        RolloutError: the stack has no address yet.
    """
    url = config.url(name)
    if url is None:
        msg = (
            f"the address of stack {name}'s gateway was not known to its last `up`, which says why: "
            f"run `pulumi up -s {name}` again, or set cluster.ingressAddress"
        )
        raise RolloutError(msg)
    return at(str(url), settings.routing, settings.routing.hosts[0])


def at(url: str, routing: Routing, host: str) -> Endpoint:
    """Return how to ask for one host of a route (a wildcard stands for any) at a gateway's address."""
    return Endpoint(url + routing.asked_path(), routing.asked_headers(host), routing.check)


def marked(endpoint: Endpoint, mark: RequestMark) -> Endpoint:
    """Return the endpoint asked with a mark, so that a version's test route takes the requests."""
    cookie = "; ".join(f"{name}={value}" for name, value in mark.cookie.items())
    cookies = {"Cookie": cookie} if cookie else {}
    return replace(endpoint, headers={**endpoint.headers, **mark.header, **cookies})


def mark_of(name: str, settings: Settings, version: str) -> RequestMark:
    """Return what reaches a version of a stack by its test route.

    Raises:
        RolloutError: there is no such version, or no test route to it; the text says what to type.
    """
    if version not in settings.versions:
        msg = f"there is no version {version}; there are {', '.join(settings.versions)}"
        raise RolloutError(msg)
    mark = settings.test_routes.get(version)
    if mark is None:
        key = f"testRoutes.{version}.header.x-version"
        line = (
            f"type:\n  pulumi config set --stack {name} --path 'blue-green:{key}' {version}"
            if config.is_ours(name)
            else f"write {version} as {key} (in Python: test_routes) into the split's arguments, and type:"
        )
        msg = f"no test route leads to {version}. To make one, {line}\n  pulumi up --stack {name}"
        raise RolloutError(msg)
    return mark


def recorded(facts: Mapping[str, Any]) -> Endpoint:
    """Return an endpoint out of its fields as JSON has them."""
    check = facts["check"]
    grpc = Grpc(**check["grpc"]) if check.get("grpc") else None
    return Endpoint(
        facts["url"],
        facts["headers"],
        Check(check.get("path"), check["headers"], tuple(check["accept"]), grpc),
    )
