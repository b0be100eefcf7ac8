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


def unready(api: Api) -> dict[str, str]:
    """The nodes that are not ready, each with the reason that its kubelet gives. Raises GatewayError."""
    listed: list[Mapping[str, Any]] = api.get("/api/v1/nodes")["items"]
    return {
        node["metadata"]["name"]: _condition(node).get("message") or "its kubelet has not said so"
        for node in listed
        if not _ready(node)
    }


def _ready(node: Mapping[str, Any]) -> bool:
    return _condition(node).get("status") == "True"


def _condition(node: Mapping[str, Any]) -> Mapping[str, str]:
    """What the node says of itself; nothing where it has said nothing yet."""
    conditions: list[Mapping[str, str]] = node["status"].get("conditions") or []
    return next((one for one in conditions if one["type"] == "Ready"), dict[str, str]())
