"""Who else may answer at a gateway: Istio's objects that act on its requests beside the routes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.writers import OWNER
from .gateways import Gateways

_LISTS = {
    "AuthorizationPolicy": "/apis/security.istio.io/v1/authorizationpolicies",
    "RequestAuthentication": "/apis/security.istio.io/v1/requestauthentications",
    "EnvoyFilter": "/apis/networking.istio.io/v1alpha3/envoyfilters",
    "WasmPlugin": "/apis/extensions.istio.io/v1alpha1/wasmplugins",
}


@dataclass(frozen=True)
class Suspect:
    """One object that acts on the gateways' requests, by its kind and where it is."""

    kind: str
    namespace: str
    name: str

    @property
    def look(self) -> str:
        """What kubectl shows it by."""
        return f"-n {self.namespace} get {self.kind.lower()} {self.name} -o yaml"

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def suspects(gateways: Gateways, kinds: Iterable[str] = tuple(_LISTS)) -> tuple[Suspect, ...]:
    """Those of the kinds in the gateways' and the mesh's namespaces that are for the gateways' labels.

    But for our own stacks', which are for routes of their own alone.

    What cannot be read is left out: it is asked for to explain a failure, which is told all the same.
    """
    try:
        pods = gateways.pods()
    except GatewayError:
        return ()
    namespaces = {pod.namespace for pod in pods} | {pod.control_plane for pod in pods}
    return tuple(
        Suspect(kind, item["metadata"]["namespace"], item["metadata"]["name"])
        for kind in kinds
        for item in _items(gateways.api, _LISTS[kind])
        if item["metadata"]["namespace"] in namespaces
        and OWNER not in (item["metadata"].get("annotations") or {})
        and _labels(item["spec"]).items() <= gateways.selector.items()
    )


def _items(api: Api, path: str) -> list[Mapping[str, Any]]:
    try:
        found = api.find(path)
    except GatewayError:
        return []
    return found["items"] if found else []


def _labels(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of the pods that it is for; none: all of its namespace."""
    selector: Mapping[str, Any] = spec.get("selector") or {}
    workloads: Mapping[str, Any] = spec.get("workloadSelector") or {}
    return selector.get("matchLabels") or workloads.get("labels") or {}
