"""The gateway's pods: every pod in any namespace that the Gateway's selector matches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..kubernetes.api import Api

# Istio's Envoys listen there unless meshConfig.defaultConfig.proxyAdminPort says otherwise.
ADMIN_PORT = 15000


@dataclass(frozen=True)
class GatewayPod:
    """One pod of the gateway. A pod that is not ready and not terminating gets no traffic.

    Attributes:
        admin_port: where its Envoy's admin interface listens, on the pod's loopback.
        control_plane: the namespace of its istiod, which has the mesh's settings.
        revision: that istiod's revision, `default` for the only one.
    """

    namespace: str
    name: str
    ready: bool
    terminating: bool
    admin_port: int = ADMIN_PORT
    control_plane: str = "istio-system"
    revision: str = "default"

    @property
    def serves(self) -> bool:
        """Whether it is there for the requests to come: ready, and not on its way out."""
        return self.ready and not self.terminating

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def label_selector(labels: Mapping[str, str]) -> str:
    """The labels as the API server and kubectl take them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def gateway_pods(api: Api, selector: Mapping[str, str]) -> tuple[GatewayPod, ...]:
    """The pods that run, sorted by name. Raises GatewayError."""
    query = {"labelSelector": label_selector(selector), "fieldSelector": "status.phase=Running"}
    listed = api.get("/api/v1/pods", query)
    pods = (pod_of(item) for item in listed["items"])
    return tuple(sorted(pods, key=str))


def pod_of(item: Mapping[str, Any], admin_port: int = ADMIN_PORT) -> GatewayPod:
    """A pod as the API server has it; its proxy's own config may name another port."""
    metadata, status = item["metadata"], item["status"]
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    variables = environment(item)
    config = _proxy_config(variables.get("PROXY_CONFIG", ""))
    istiod = str(config.get("discoveryAddress") or variables.get("CA_ADDR", "")).partition(":")[0].split(".")
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    return GatewayPod(
        metadata["namespace"],
        metadata["name"],
        ready=any(one["type"] == "Ready" and one["status"] == "True" for one in conditions),
        terminating="deletionTimestamp" in metadata,
        admin_port=int(config.get("proxyAdminPort", admin_port)),
        control_plane=istiod[1] if len(istiod) > 1 else GatewayPod.control_plane,
        revision=annotations.get("istio.io/rev", GatewayPod.revision),
    )


def environment(pod: Mapping[str, Any]) -> dict[str, str]:
    """The environment that stands in a pod; Istio's injection puts a proxy's config there, as JSON.

    A native sidecar is an init container.
    """
    spec: Mapping[str, Any] = pod.get("spec", {})
    containers: list[Mapping[str, Any]] = spec.get("containers") or []
    init: list[Mapping[str, Any]] = spec.get("initContainers") or []
    return {
        one["name"]: one.get("value", "")
        for container in (*containers, *init)
        for one in container.get("env") or ()
    }


def _proxy_config(text: str) -> Mapping[str, Any]:
    """The config as a mapping; what nobody can read says nothing."""
    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
