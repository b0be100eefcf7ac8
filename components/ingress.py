"""The address of the gateway (T6), out of its Service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from .ending import failed
from .kubernetes import nodes
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .option import IN_CONFIG, Options


@dataclass(frozen=True)
class Ingress:
    """Where requests enter: a node and its port, or a load balancer; None while it is not known."""

    host: pulumi.Output[str | None]
    port: pulumi.Output[int | None]
    url: pulumi.Output[str | None]


def ingress(
    service: pulumi.Output[Mapping[str, Any]],
    address: pulumi.Output[str] | None,
    kubeconfig: pulumi.Input[Kubeconfig],
    port: int,
    scheme: str,
    options: Options = IN_CONFIG,
    key: str = "routing.port",
    *,
    made: bool = False,
) -> Ingress:
    """The ingress for a port of the Service, which stands in the config as `key`.

    With `made`, the stack gives the Service the port: a preview, which does not yet, knows no address.

    `address` is that of the cluster's nodes, or of a balancer in front of them; without it a node's is
    looked up. Where there is none, a warning says what to do, by the names of `options`: the split works all
    the same.
    """

    def find(values: list[Any]) -> tuple[str, int] | None:
        its, given, reached = values
        try:
            balancer, number = where(its, port, options, key)
            return balancer or given or _node(its["spec"].get("type"), reached, options), number
        except GatewayError as error:
            pulumi.log.warn(f"The gateway's address is not known: {error}")
            return None
        except pulumi.RunError as error:
            if made and pulumi.runtime.is_dry_run():
                return None
            raise failed(error) from error

    # A kubeconfig may be a secret, which would make the address one.
    found = pulumi.Output.all(service, address, None if address else kubeconfig).apply(find)
    return Ingress(
        found.apply(lambda pair: pair and pair[0]),
        found.apply(lambda pair: pair and pair[1]),
        found.apply(lambda pair: pair and url(scheme, *pair)),
    )


def _node(service_type: str | None, kubeconfig: Kubeconfig, options: Options) -> str:
    """The address of a node. Raises GatewayError where the Service waits for a balancer instead."""
    if service_type == "LoadBalancer":
        raise GatewayError(
            "its Service has no load balancer yet. Where the cluster gives one, run pulumi up again later; "
            f"else set it: {options.line('cluster.ingressAddress', 'ADDRESS')}"
        )
    with Api(kubeconfig) as api:
        return nodes.address(api)


def where(
    service: Mapping[str, Any], port: int, options: Options = IN_CONFIG, key: str = "routing.port"
) -> tuple[str | None, int]:
    """Balancer and port for a Service's `spec` and `status`; None: the port is a node's.

    Raises pulumi.RunError for a port that it has not.
    """
    spec: Mapping[str, Any] = service["spec"]
    ports = [item for item in spec["ports"] if item["port"] == port]
    if not ports:
        known = ", ".join(str(int(item["port"])) for item in spec["ports"])
        raise pulumi.RunError(
            f"The gateway's Service has no port {port}, only {known}. Set {options.name(key)} to one of them."
        )
    status: Mapping[str, Any] = service.get("status") or {}
    balancer: Mapping[str, Any] = status.get("loadBalancer") or {}
    balancers: list[Mapping[str, str]] = balancer.get("ingress") or []
    if balancers:
        return balancers[0].get("ip") or balancers[0]["hostname"], port
    # Without a node port a balancer of somebody else's is in front. Pulumi hands over numbers as floats.
    return None, int(ports[0].get("nodePort") or port)


def url(scheme: str, host: str, port: int) -> str:
    """The URL, without a port that goes without saying."""
    bracketed = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{bracketed}" + ("" if port == usual else f":{port}")
