"""The address of the gateway (T6), out of its Service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True)
class Ingress:
    """Where requests enter: a node and its port, or a load balancer."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]
    url: pulumi.Output[str]


def ingress(
    service: pulumi.Output[Mapping[str, Any]],
    address: pulumi.Output[str] | None,
    port: int,
    scheme: str,
) -> Ingress:
    """The ingress for a port of the Service; `address` is that of the cluster's nodes."""
    found = pulumi.Output.all(service, address).apply(lambda both: where(both[0], both[1], port))
    host = found.apply(lambda pair: pair[0])
    number = found.apply(lambda pair: pair[1])
    return Ingress(host, number, found.apply(lambda pair: url(scheme, *pair)))


def where(service: Mapping[str, Any], address: str | None, port: int) -> tuple[str, int]:
    """Host and port for a Service's `spec` and `status`. Raises pulumi.RunError."""
    ports = [item for item in service["spec"]["ports"] if item["port"] == port]
    if not ports:
        known = ", ".join(str(int(item["port"])) for item in service["spec"]["ports"])
        raise pulumi.RunError(
            f"The gateway's Service has no port {port}, only {known}. "
            "Set blue-green:routing.port to one of them."
        )
    status: Mapping[str, Any] = service.get("status") or {}
    balancer: Mapping[str, Any] = status.get("loadBalancer") or {}
    balancers: list[Mapping[str, str]] = balancer.get("ingress") or []
    if balancers:
        return balancers[0].get("ip") or balancers[0]["hostname"], port
    node_port = ports[0].get("nodePort")
    if address is None:
        raise pulumi.RunError(
            "The gateway's Service has no load balancer address, and no node port with an "
            "address of a node. Set blue-green:cluster.ingressAddress."
        )
    # Without a node port a balancer of somebody else's is in front. Pulumi hands over numbers as floats.
    return address, int(node_port or port)


def url(scheme: str, host: str, port: int) -> str:
    """The URL, without a port that goes without saying."""
    bracketed = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{bracketed}" + ("" if port == usual else f":{port}")
