"""What istiod says of the proxies: which updates they took or rejected, and by which settings it works."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..kubernetes.api import Api
from .admin import EnvoyAdmin
from .pods import GatewayPod, environment, pod_of

# Where istiod answers debug questions without a token, from its pod's own loopback.
_DEBUG_PORT = 15014
SYNC = "/debug/syncz"
_SCOPED = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"
# A nonce is the number of the state of the cluster that an update was made of, behind its time and a slash,
# and a UUID (istio pilot/pkg/xds/discovery.go, NextVersion and nonce).
_UUID_LENGTH = 36


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


@dataclass(frozen=True)
class Synced:
    """How far a proxy's Envoy is with one kind of resource; each istiod counts for itself.

    Attributes:
        istiod: the pod of the istiod that it is connected to.
        pod: the proxy's, `NAMESPACE/NAME`.
        kind: such as sidecar, or router for a gateway.
        acked: the number of the state from which the last ones were made that it took.
        watches: whether it has any.
    """

    istiod: str
    pod: str
    kind: str
    acked: int
    watches: bool


def synced(istiod: GatewayPod, proxies: Iterable[Mapping[str, Any]], resource: str) -> Iterable[Synced]:
    """What an istiod's answer says of each proxy that is connected to it; of `resource`, such as route."""
    for one in proxies:
        name, _, namespace = str(one.get("proxy")).rpartition(".")
        kind = str(one.get("proxy_type"))
        acked = _state(one.get(f"{resource}_acked", ""))
        yield Synced(str(istiod), f"{namespace}/{name}", kind, acked, bool(one.get(f"{resource}_sent")))


def _state(nonce: str) -> int:
    number = nonce[:-_UUID_LENGTH].rpartition("/")[2]
    return int(number) if number.isdecimal() else -1


def istiods(api: Api, pods: Iterable[GatewayPod]) -> tuple[GatewayPod, ...]:
    """The pods of the istiods that give these gateways their configuration. Raises GatewayError."""
    return tuple(
        istiod
        for namespace in sorted({pod.control_plane for pod in pods})
        for istiod in _istiods(api, namespace)
    )


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


def is_scoped(api: Api, pod: GatewayPod) -> bool:
    """Whether the gateway's istiod gives it the Gateways of its own namespace alone. Raises GatewayError."""
    query = {"labelSelector": f"app=istiod,istio.io/rev={pod.revision}"}
    istiods = api.get(f"/api/v1/namespaces/{pod.control_plane}/pods", query)["items"]
    return any(environment(one).get(_SCOPED, "").lower() in ("1", "t", "true") for one in istiods)


def _proxies(api: Api, namespace: str) -> Iterable[Mapping[str, Any]]:
    """What each istiod knows of the proxies that are connected to it (`istioctl proxy-status`)."""
    for pod in _istiods(api, namespace):
        istiod = EnvoyAdmin(api, namespace, pod.name, _DEBUG_PORT)
        try:
            yield from istiod.get(SYNC)
        finally:
            istiod.close()


def _istiods(api: Api, namespace: str) -> Iterable[GatewayPod]:
    query = {"labelSelector": "app=istiod", "fieldSelector": "status.phase=Running"}
    for item in api.get(f"/api/v1/namespaces/{namespace}/pods", query)["items"]:
        yield pod_of(item, _DEBUG_PORT)


def _rejected(pod: str, resources: Mapping[str, Mapping[str, str]]) -> Iterable[Rejection]:
    for kind, state in resources.items():
        if state.get("lastError"):
            yield Rejection(pod, kind.rpartition(".")[2], state["lastError"], state.get("sentTime", ""))
