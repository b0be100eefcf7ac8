"""Whether the gateways find the certificate of the entrance, before their listener needs it."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.certificate import certificate
from ..kubernetes.errors import ForbiddenError
from .chain import Entrance
from .finding import Finding, Grade, Link
from .gateways import Gateways

# The pairs of keys that Istio takes, of a Secret of any type.
_PAIRS = (("tls.crt", "tls.key"), ("cert", "key"))


def unusable(gateways: Gateways, entrance: Entrance | None) -> tuple[Finding, ...]:
    """What is wrong with the Secret in the namespace of each gateway. Raises GatewayError.

    A user without the right to read Secrets gets a note: then the Envoys' listeners decide alone.
    """
    if entrance is None or entrance.tls_secret is None:
        return ()
    name = entrance.tls_secret
    namespaces = sorted({pod.namespace for pod in gateways.pods() if not pod.terminating})
    return tuple(found for one in namespaces for found in _in(gateways.api, one, name, entrance.hosts))


def _in(api: Api, namespace: str, name: str, hosts: tuple[str, ...]) -> tuple[Finding, ...]:
    try:
        item = api.find(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    except ForbiddenError as error:
        return (Finding(Link.LISTENER, f"routing.tlsSecret is not read: {error}", grade=Grade.NOTE),)
    wrong = "is not there, in the namespace of the gateway's pods" if item is None else _wrong(item, hosts)
    if wrong is None:
        return ()
    cure = (
        f"kubectl -n {namespace} create secret tls {name} --cert=FILE --key=FILE "
        "--dry-run=client -o yaml | kubectl apply -f -"
    )
    return (Finding(Link.LISTENER, f"Secret {namespace}/{name} {wrong}", cure, grade=Grade.BROKEN),)


def _wrong(item: Mapping[str, Any], hosts: tuple[str, ...]) -> str | None:
    data: Mapping[str, str] = item.get("data") or {}
    pair = next((pair for pair in _PAIRS if all(key in data for key in pair)), None)
    if pair is None:
        return f"of type {item.get('type')} holds no tls.crt with a tls.key"
    try:
        found = certificate(base64.b64decode(data[pair[0]]))
    except ValueError as error:
        return f"is no certificate: {error}"
    now = datetime.now(UTC)
    if now > found.ends:
        return f"has expired, at {found.ends:%Y-%m-%dT%H:%M:%SZ}"
    if now < found.begins:
        return f"does not count before {found.begins:%Y-%m-%dT%H:%M:%SZ}"
    lacking = [host for host in hosts if host != "*" and not found.covers(host)]
    if lacking:
        return f"is for {', '.join(sorted(found.hosts)) or 'no host'}, not for {', '.join(lacking)}"
    return None
