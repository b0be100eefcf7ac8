"""Whether an Envoy listens for the route tables that have the split."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from .finding import Finding, Link


def listeners_path(tables: Iterable[str]) -> str:
    """The path of the dump of the listeners of the tables' ports alone (Istio: ADDRESS_PORT)."""
    ports = "|".join(sorted({_port(table) for table in tables}))
    return f"/config_dump?resource=dynamic_listeners&name_regex={quote(f'.*_({ports})')}"


def listening(dump: Mapping[str, Any], tables: Iterable[str]) -> tuple[Finding, ...]:
    """A finding for each route table by which no active listener routes; one that warms answers nobody."""
    active, warming = _tables(dump, "active_state"), _tables(dump, "warming_state")
    found: list[Finding] = []
    for table in sorted(set(tables) - active.keys()):
        where = f"port {_port(table)}"
        if table in warming:
            secrets = ", ".join(sorted(warming[table]))
            reason = f": it waits for the certificate {secrets}" if secrets else ""
            found.append(Finding(Link.LISTENER, f"does not listen on {where} yet{reason}"))
        else:
            found.append(Finding(Link.LISTENER, f"does not listen on {where}"))
    return tuple(found)


def _port(table: str) -> str:
    """The port in a table's name, such as http.80 or https.443.NAME.GATEWAY.NAMESPACE."""
    parts = table.split(".")
    return parts[1] if len(parts) > 1 and parts[1].isdigit() else r"\d+"


def _tables(dump: Mapping[str, Any], state: str) -> dict[str, set[str]]:
    """The route tables that the listeners in a state name, each with the certificates that it takes."""
    found: dict[str, set[str]] = {}
    entries: list[Mapping[str, Any]] = dump.get("configs") or []
    for entry in entries:
        listener: Mapping[str, Any] = entry.get(state, {}).get("listener", {})
        chains: list[Mapping[str, Any]] = [
            *(listener.get("filter_chains") or []),
            *([listener["default_filter_chain"]] if "default_filter_chain" in listener else []),
        ]
        for chain in chains:
            names = {_secret_name(one) for one in _secrets(chain)}
            filters: list[Mapping[str, Any]] = chain.get("filters") or []
            for item in filters:
                table: str | None = item.get("typed_config", {}).get("rds", {}).get("route_config_name")
                if table:
                    found.setdefault(table, set()).update(names)
    return found


def _secrets(chain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    socket: Mapping[str, Any] = chain.get("transport_socket", {}).get("typed_config", {})
    return socket.get("common_tls_context", {}).get("tls_certificate_sds_secret_configs") or []


def _secret_name(config: Mapping[str, Any]) -> str:
    """The Secret's own name: Istio writes kubernetes://NAME."""
    return re.sub(r"^\w+://", "", str(config.get("name", "")))
