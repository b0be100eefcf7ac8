"""Whether an Envoy listens for the route tables that have the split, and whose TLS connections these get."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from ..kubernetes.certificate import certificate
from .finding import Finding, Grade, Link, some
from .matcher import rank

# What the admin interface has of the certificates that were loaded.
CERTS = "/certs"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_KIND = "gateways.networking.istio.io"
_ANY_PORT = r"\d+"


def listeners_path(tables: Iterable[str]) -> str:
    """The path of the dump of the listeners of the tables' ports alone (Istio: ADDRESS_PORT).

    A table whose name has no port stands for all, and so does one of HTTPS: it is named by the Gateway's
    port, and the listener by the targetPort that the gateway's Service has for it (Istio: resolvePorts).
    """
    ports = "|".join(sorted({_ANY_PORT if _is_https(table) else _port(table) for table in tables}))
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


def secrets_path(secret: str) -> str:
    """The path of the dump of one Secret's certificate as the Envoy has it, without the key."""
    return f"/config_dump?resource=dynamic_active_secrets&name_regex={quote(f'.*/{re.escape(secret)}')}"


def in_use(secrets: Mapping[str, Any], certs: Mapping[str, Any], secret: str) -> tuple[Finding, ...]:
    """A finding where the Envoy did not load the Secret's certificate; then it ends each TLS connection.

    `secrets` is the dump of what came, and `certs` of what was loaded. One that was rejected, as with another
    one's key, is in the first alone, and the listener is active all the same.
    """
    loaded = {
        (one.get("valid_from"), one.get("expiration_time"))
        for pair in certs.get("certificates") or ()
        for one in pair.get("cert_chain") or ()
    }
    for entry in secrets.get("configs") or ():
        chain = entry.get("secret", {}).get("tls_certificate", {}).get("certificate_chain", {})
        if _secret_name(entry) == secret and "inline_bytes" in chain:
            with suppress(ValueError):
                found = certificate(base64.b64decode(chain["inline_bytes"]))
                if (f"{found.begins:{_TIME}}", f"{found.ends:{_TIME}}") in loaded:
                    return ()
    return (Finding(Link.LISTENER, f"ends each TLS connection: it could not load the certificate {secret}"),)


def listening_for(dump: Mapping[str, Any], gateway: Mapping[str, Any]) -> tuple[str, ...]:
    """Why no active listener takes TLS connections for a Gateway, by its name and namespace."""
    end = f".{gateway['name']}.{gateway['namespace']}"
    states = (_tables(dump, "active_state"), _tables(dump, "warming_state"))
    tables = {table for state in states for table in state if _is_https(table) and table.endswith(end)}
    found = [str(one) for one in listening(dump, tables)]
    return tuple(found) if tables else ("does not listen for HTTPS yet",)


def taken(dump: Mapping[str, Any], tables: Iterable[str], hosts: Iterable[str]) -> tuple[Finding, ...]:
    """A finding for each host, or name that it covers, whose TLS connections go to somebody else's Gateway.

    Envoy takes the filter chain with the most specific of the names that the client may ask for (SNI), and
    Istio gives a name to the older of two Gateways. Listeners for none of the tables' ports are left out.
    """
    ours = frozenset(tables)
    ports = {_port(table) for table in ours}
    found: list[Finding] = []
    for host in map(str.lower, hosts):
        others: list[str] = []
        for names in _names(dump):
            if ports and ports.isdisjoint(map(_port, names.values())):
                continue
            _, chosen = max(
                ((one, name) for name in names if (one := rank(name, host)) is not None), default=(0, None)
            )
            if chosen is not None and names[chosen] not in ours:
                who, cure = _gateway(names[chosen])
                cause = f"gives the TLS connections for host {host} to {who}"
                found.append(Finding(Link.LISTENER, cause, cure))
            others += [
                f"{name} to {_gateway(table)[0]}"
                for name, table in names.items()
                if name != host and rank(host, name) is not None and table not in ours
            ]
        if others:
            cause = f"gives some TLS connections for host {host} elsewhere: {some(others)}"
            found.append(Finding(Link.LISTENER, cause, grade=Grade.NOTE))
    return tuple(found)


def _names(dump: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """By listener with TLS: the names of its filter chains (`*`: any), each with the route table."""
    for entry in dump.get("configs") or ():
        found: dict[str, str] = {}
        for chain in _chains(entry, "active_state"):
            match: Mapping[str, Any] = chain.get("filter_chain_match", {})
            if "transport_socket" in chain or "server_names" in match:
                for name in match.get("server_names") or ("*",):
                    found[name.lower()] = next(iter(_routes_by(chain)), "")
        yield found


def _gateway(table: str) -> tuple[str, str]:
    """The Gateway of an HTTPS server, by its table's name https.PORT.NAME.GATEWAY.NAMESPACE; and its cure."""
    parts = table.split(".")
    if not _is_https(table):
        return "a server that passes TLS through", f"kubectl get {_KIND} -A"
    name, namespace = parts[-2:]
    return (
        f"the Gateway {namespace}/{name}",
        f"kubectl -n {namespace} edit {_KIND} {name}",
    )


def _is_https(table: str) -> bool:
    """Whether a table is of an HTTPS server: https.PORT.NAME.GATEWAY.NAMESPACE."""
    return table.startswith("https.") and table.count(".") >= 4


def _port(table: str) -> str:
    """The port in a table's name, such as http.80 or https.443.NAME.GATEWAY.NAMESPACE."""
    parts = table.split(".")
    return parts[1] if len(parts) > 1 and parts[1].isdigit() else _ANY_PORT


def _tables(dump: Mapping[str, Any], state: str) -> dict[str, set[str]]:
    """The route tables that the listeners in a state name, each with the certificates that it takes."""
    found: dict[str, set[str]] = {}
    entries: list[Mapping[str, Any]] = dump.get("configs") or []
    for entry in entries:
        for chain in _chains(entry, state):
            names = {_secret_name(one) for one in _secrets(chain)}
            for table in _routes_by(chain):
                found.setdefault(table, set()).update(names)
    return found


def _chains(entry: Mapping[str, Any], state: str) -> list[Mapping[str, Any]]:
    listener: Mapping[str, Any] = entry.get(state, {}).get("listener", {})
    last = [listener["default_filter_chain"]] if "default_filter_chain" in listener else []
    return [*(listener.get("filter_chains") or []), *last]


def _routes_by(chain: Mapping[str, Any]) -> Iterator[str]:
    """The names of the route tables that a filter chain asks for."""
    filters: list[Mapping[str, Any]] = chain.get("filters") or []
    for item in filters:
        table: str | None = item.get("typed_config", {}).get("rds", {}).get("route_config_name")
        if table:
            yield table


def _secrets(chain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    socket: Mapping[str, Any] = chain.get("transport_socket", {}).get("typed_config", {})
    return socket.get("common_tls_context", {}).get("tls_certificate_sds_secret_configs") or []


def _secret_name(config: Mapping[str, Any]) -> str:
    """The Secret's own name: Istio writes kubernetes://NAME."""
    return re.sub(r"^\w+://", "", str(config.get("name", "")))
