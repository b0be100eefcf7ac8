"""The gateway's pods: every pod in any namespace that the Gateway's selector matches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..kubernetes.api import Api


@dataclass(frozen=True)
class GatewayPod:
    """One pod of the gateway. A pod that is not ready and not terminating gets no traffic."""

    namespace: str
    name: str
    ready: bool
    terminating: bool

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
    pods = (_pod(item) for item in listed["items"])
    return tuple(sorted(pods, key=str))


def _pod(item: Mapping[str, Any]) -> GatewayPod:
    metadata, status = item["metadata"], item["status"]
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    terminating = "deletionTimestamp" in metadata
    return GatewayPod(metadata["namespace"], metadata["name"], ready, terminating)
