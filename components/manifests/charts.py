"""Istio's Helm releases as plain data; knows nothing of Pulumi."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ..settings.model import GATEWAY_PORTS, App, IngressGateway, Istio

# From here on Go writes a float as 1e+06.
_FLOAT_HAS_EXPONENT = 10**6
# Istio's Envoys keep no statistics of clusters (istio.io, "Envoy Statistics"). This adds some for each
# cluster of a subset: how long its requests took, and what the gateway itself answered for it.
STATS_ANNOTATION = "proxy.istio.io/config"
STATS_PATTERN = (
    "cluster[.]outbound[|][0-9]+[|][^|]+[|].+[.]"
    "(upstream_rq_(time|completed|5xx|timeout|per_try_timeout|rx_reset|pending_overflow)"
    "|upstream_cx_(none_healthy|connect_fail))"
)
STATS_CONFIG = json.dumps({"proxyStatsMatcher": {"inclusionRegexps": [STATS_PATTERN]}})
# How the gRPC requests of each cluster of a subset ended.
_GRPC_PATTERN = "cluster[.]outbound[|][0-9]+[|][^|]+[|].+[.]grpc[.][0-9]+"
GRPC_STATS_CONFIG = json.dumps({"proxyStatsMatcher": {"inclusionRegexps": [STATS_PATTERN, _GRPC_PATTERN]}})


@dataclass(frozen=True)
class HelmRelease:
    """One Helm release. `repository` None: `chart` is a folder or an oci:// address."""

    role: str
    name: str
    namespace: str
    chart: str
    repository: str | None
    version: str | None
    values: Mapping[str, object]


def releases(istio: Istio, app: App | None = None) -> tuple[HelmRelease, ...]:
    """The releases in the order of their installation (istio.io, "Install with Helm").

    The gateway's Service has the ports of `app` too, and its Envoys count how its gRPC requests end.
    """
    gateway = istio.gateway
    return (
        _release(istio, "base", "istio-base", istio.namespace, {}),
        _release(istio, "istiod", "istiod", istio.namespace, {}),
        _release(istio, "gateway", gateway.service, gateway.namespace, _gateway(gateway, app)),
    )


def _release(
    istio: Istio, chart: str, name: str, namespace: str, values: Mapping[str, object]
) -> HelmRelease:
    merged = _merge(values, istio.values.get(chart, {}))
    if istio.namespace != "istio-system":
        merged = _merge({"global": {"istioNamespace": istio.namespace}}, merged)
    merged = _counted(merged)
    where = istio.charts.rstrip("/")
    if where.startswith(("https://", "http://")):
        return HelmRelease(chart, name, namespace, chart, where, istio.version, merged)
    # A folder's charts have versions of their own.
    version = istio.version if where.startswith("oci://") else None
    return HelmRelease(chart, name, namespace, f"{where}/{chart}", None, version, merged)


def _gateway(gateway: IngressGateway, app: App | None) -> Mapping[str, object]:
    service: dict[str, object] = {"type": gateway.service_type}
    more = app.more_entrances if app else {}
    apps = {f"app-{name}": port for name, port in more.items() if port not in GATEWAY_PORTS.values()}
    # A list in Helm values replaces the chart's list as a whole, so a fixed node port needs all of them.
    if gateway.node_ports or apps:
        service["ports"] = [
            {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}
            | ({"nodePort": gateway.node_ports[name]} if name in gateway.node_ports else {})
            for name, port in {**GATEWAY_PORTS, **apps}.items()
        ]
    stats = GRPC_STATS_CONFIG if app and app.grpc_ports else STATS_CONFIG
    return {"service": service, "podAnnotations": {STATS_ANNOTATION: stats}}


def _counted(values: Mapping[str, object]) -> Mapping[str, object]:
    """With the variables' large numbers as texts, which Istio's charts make of them anyway.

    The provider hands numbers to Helm as floats, of which a template writes 1234567 as 1.234567e+06.
    """
    env = values.get("env")
    if not isinstance(env, dict):
        return values
    variables = cast("Mapping[str, object]", env)
    return {**values, "env": {name: _digits(value) for name, value in variables.items()}}


def _digits(value: object) -> object:
    return str(value) if type(value) is int and abs(value) >= _FLOAT_HAS_EXPONENT else value


def _merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid on `base`, objects key by key, as Helm does it."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merge(cast("dict[str, object]", old), cast("dict[str, object]", value))
        merged[key] = value
    return merged
