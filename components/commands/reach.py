"""How the app is reached through its gateway, or one version of it by its test route."""

import sys
import webbrowser
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit, urlunsplit

from ..observation import endpoint
from ..observation.endpoint import Endpoint
from ..pulumi_cli import config


@dataclass(frozen=True)
class Reach:
    """The way to the app.

    Attributes:
        stack: the stack's name.
        version: the version that answers; None: by the weights.
        url: the address for a browser.
        curl: the command that asks it.
        said: all of it in words.
    """

    stack: str
    version: str | None
    url: str
    curl: str
    said: str

    def facts(self) -> dict[str, object]:
        """Return all of it for machines."""
        return {key: value for key, value in asdict(self).items() if key != "said"}


def reach(name: str, version: str | None) -> Reach:
    """Tell how a stack's app is reached, or one version of it whatever its weight.

    Raises:
        RolloutError: there is no test route to the version, or the gateway's address is not known.
    """
    settings = config.settings(name)
    if version is None:
        where = endpoint.of(name, settings)
        return Reach(name, None, _address(where), where.curl, f"{_address(where)}\n  {where.curl}")
    mark = endpoint.mark_of(name, settings, version)
    where = endpoint.marked(endpoint.of(name, settings), mark)
    lines = [
        f"{version} has {settings.weights[version]} % of the traffic; a request with {mark} reaches it:",
        f"  {where.curl}",
    ]
    for cookie, value in mark.cookie.items():
        lines += [
            f"In a browser, open {_address(where)} and type into its console:",
            f"  document.cookie = '{cookie}={value}; path=/'",
        ]
    return Reach(name, version, _address(where), where.curl, "\n".join(lines))


def show_in_browser(found: Reach) -> None:
    """Open the address, where somebody sits at a terminal with a browser."""
    if sys.stdout.isatty():
        with suppress(webbrowser.Error):
            webbrowser.get().open(found.url)


def _address(where: Endpoint) -> str:
    """The URL with the host that the route is for, which a browser has to ask for by name."""
    host = where.headers.get("Host")
    if host is None:
        return where.url
    parts = urlsplit(where.url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))
