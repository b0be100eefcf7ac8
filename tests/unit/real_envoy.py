"""The real Envoy on loopback; mostly with one listener for each of some route tables."""

import http.client
import json
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import envoy

from components.gateway.matcher import Request

ROUTE_HEADER = "x-route"
_BINARY = Path(envoy.__file__).parent / "_bin" / "envoy"
_START_SECONDS = 30


class Listener:
    """One listener, over a kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def route(self, request: Request) -> str | None:
        """The name of the route that served a request; None: no route did."""
        query = f"?{urlencode(request.query)}" if request.query else ""
        method = request.headers[":method"]
        self._connection.putrequest(method, request.path + query, skip_host=True, skip_accept_encoding=True)
        headers = {name: value for name, value in request.headers.items() if name != ":method"}
        for name, value in ({"Host": request.host, "Content-Length": "0"} | headers).items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        response = self._connection.getresponse()
        response.read()
        return response.headers.get(ROUTE_HEADER)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


@contextmanager
def real_envoy(tables: Sequence[Mapping[str, Any]], folder: Path) -> Generator[list[Listener]]:
    """Envoy with a listener for each table; a route answers with its name in a header."""
    with running(_bootstrap(tables), folder) as ports:
        listeners = [Listener(ports[f"table-{index}"]) for index in range(len(tables))]
        yield listeners
        for one in listeners:
            one.close()


@contextmanager
def running(bootstrap: Mapping[str, Any], folder: Path) -> Generator[Mapping[str, int]]:
    """Envoy with a bootstrap: the ports of its listeners by their names, and of its admin interface."""
    address, config = folder / "admin", folder / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    log = (folder / "envoy.log").open("w")
    command = [_BINARY, "-c", config, "--admin-address-path", address, "--disable-hot-restart"]
    with log, subprocess.Popen([*command, "--concurrency", "1", "-l", "error"], stderr=log) as process:
        try:
            ports = _ports(address, process, folder / "envoy.log")
            yield {**ports, "admin": int(address.read_text().rpartition(":")[2])}
        finally:
            process.kill()


def _bootstrap(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "admin": {"address": loopback()},
        "static_resources": {
            "listeners": [listener(f"table-{index}", table) for index, table in enumerate(tables)]
        },
    }


def loopback(port: int = 0) -> dict[str, Any]:
    """An address; port 0 is any that is free."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(name: str, table: Mapping[str, Any], *before: Mapping[str, Any]) -> dict[str, Any]:
    """A listener that routes by a table; `before` are HTTP filters in front of the router."""
    kinds = "type.googleapis.com/envoy.extensions.filters"
    router = {"@type": f"{kinds}.http.router.v3.Router"}
    manager = {
        "@type": f"{kinds}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": table,
        "http_filters": [*before, {"name": "envoy.filters.http.router", "typed_config": router}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": loopback(), "filter_chains": [{"filters": filters}]}


def _ports(address: Path, process: subprocess.Popen[bytes], log: Path) -> dict[str, int]:
    """The listeners' ports by name, once all of them are there."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if address.exists() and (text := address.read_text()):
            host, _, port = text.rpartition(":")
            admin = http.client.HTTPConnection(host, int(port), timeout=10)
            try:
                admin.request("GET", "/ready")
                response = admin.getresponse()
                response.read()
                if response.status == http.client.OK:
                    admin.request("GET", "/listeners?format=json")
                    found = json.loads(admin.getresponse().read())["listener_statuses"]
                    return {
                        one["name"]: one["local_address"]["socket_address"]["port_value"] for one in found
                    }
            except (TimeoutError, OSError):
                pass
            finally:
                admin.close()
        time.sleep(0.02)
    raise AssertionError(f"Envoy did not start within {_START_SECONDS} s:\n{log.read_text()}")
