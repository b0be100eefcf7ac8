"""The address of one of the cluster's nodes, at which node ports answer."""

from collections.abc import Mapping
from typing import Any

from .api import Api
from .errors import GatewayError

# A node that is reached from outside says so.
_KINDS = ("ExternalIP", "InternalIP")


def address(api: Api) -> str:
    """The address of the first ready node by name, an external one if there is one. Raises GatewayError."""
    listed: list[Mapping[str, Any]] = api.get("/api/v1/nodes")["items"]
    ready = sorted((node for node in listed if _ready(node)), key=lambda node: node["metadata"]["name"])
    for kind in _KINDS:
        for node in ready:
            addresses: list[Mapping[str, str]] = node["status"].get("addresses") or []
            for one in addresses:
                if one["type"] == kind:
                    return one["address"]
    raise GatewayError(f"No node is ready. Look at: {api.kubectl} get nodes")


def _ready(node: Mapping[str, Any]) -> bool:
    conditions: list[Mapping[str, str]] = node["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
