"""What istiod says of the gateways: which updates their Envoys rejected, and by which settings it works."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..kubernetes.api import Api
from .admin import EnvoyAdmin
from .pods import GatewayPod

# Where istiod answers debug questions without a token, from its pod's own loopback.
_DEBUG_PORT = 15014


@dataclass(frozen=True)
class Rejection:
    """An update that an Envoy did not take, so it goes on by the one before.

    Attributes:
        pod: the gateway's pod.
        kind: what was updated, such as RouteConfiguration.
        reason: the Envoy's own words.
        sent: when istiod sent it, in ISO 8601.
    """

    pod: str
    kind: str
    reason: str
    sent: str


def rejections(api: Api, pods: Iterable[GatewayPod]) -> tuple[Rejection, ...]:
    """The last update of each kind that the gateways' Envoys rejected, where none came after it.

    Raises GatewayError where istiod cannot be asked.
    """
    names = {f"{pod.name}.{pod.namespace}": str(pod) for pod in pods}
    found: list[Rejection] = []
    for namespace in sorted({pod.control_plane for pod in pods}):
        for proxy in _proxies(api, namespace):
            pod = names.get(str(proxy.get("proxy")))
            if pod is not None:
                found += _rejected(pod, proxy.get("resources") or {})
    return tuple(found)


def mesh_config(api: Api, pod: GatewayPod) -> Mapping[str, Any]:
    """The mesh's settings, as the gateway's istiod has them. Raises GatewayError."""
    name = "istio" if pod.revision == GatewayPod.revision else f"istio-{pod.revision}"
    item = api.find(f"/api/v1/namespaces/{pod.control_plane}/configmaps/{name}") or {}
    found: object = yaml.safe_load(item.get("data", {}).get("mesh", ""))
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _proxies(api: Api, namespace: str) -> Iterable[Mapping[str, Any]]:
    """What each istiod knows of the proxies that are connected to it (`istioctl proxy-status`)."""
    query = {"labelSelector": "app=istiod", "fieldSelector": "status.phase=Running"}
    for item in api.get(f"/api/v1/namespaces/{namespace}/pods", query)["items"]:
        istiod = EnvoyAdmin(api, namespace, item["metadata"]["name"], _DEBUG_PORT)
        try:
            yield from istiod.get("/debug/syncz")
        finally:
            istiod.close()


def _rejected(pod: str, resources: Mapping[str, Mapping[str, str]]) -> Iterable[Rejection]:
    for kind, state in resources.items():
        if state.get("lastError"):
            yield Rejection(pod, kind.rpartition(".")[2], state["lastError"], state.get("sentTime", ""))
