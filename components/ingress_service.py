"""The Pulumi resource that reads the gateway's Service, which a chart or somebody else made.

Not Pulumi's own way to read an object: that would need a second Kubernetes provider, a process and
150 MB more, where the cluster's own provider is replaced with the cluster
(docs/decisions/minikube-refresh.md). Pulumi pickles the provider by its name, so the program's
folder must hold this module.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .provider import Provider, plain_errors


class IngressServiceProvider(Provider):
    """Reads the Service whenever it may have changed."""

    @plain_errors()
    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Reads it."""
        return dynamic.CreateResult(f"{props['namespace']}/{props['name']}", {**props, **_read(props)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Whether the Service is another one now; a cluster that does not answer changes nothing."""
        # In a preview that starts the cluster, its kubeconfig is not known.
        if any(_olds.get(key) != _news[key] for key in ("kubeconfig", "namespace", "name")):
            return dynamic.DiffResult(changes=True)
        try:
            read = _read(_news)
        except GatewayError:
            return dynamic.DiffResult(changes=False)
        return dynamic.DiffResult(changes=any(_olds.get(key) != value for key, value in read.items()))

    @plain_errors()
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Reads it."""
        return dynamic.UpdateResult({**_news, **_read(_news)})


def _read(props: Mapping[str, Any]) -> dict[str, Any]:
    """What the address is made of: the Service's ports and load balancer. Raises GatewayError."""
    namespace, name = props["namespace"], props["name"]
    with Api(props["kubeconfig"]) as api:
        service = api.find(f"/api/v1/namespaces/{namespace}/services/{name}")
    if service is None:
        raise GatewayError(
            f"There is no Service {namespace}/{name} for the gateway. "
            "Set blue-green:istio.gateway to the service and namespace of the mesh's own."
        )
    status: Mapping[str, Any] = service.get("status") or {}
    balancer: Mapping[str, Any] = status.get("loadBalancer") or {}
    return {"spec": {"ports": service["spec"]["ports"]}, "status": {"loadBalancer": balancer}}


class IngressService(dynamic.Resource, name="IngressService"):
    """The gateway's Service: the `ports` of its `spec` and the `loadBalancer` of its `status`."""

    spec: pulumi.Output[Mapping[str, Any]]
    status: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        kubeconfig: pulumi.Input[str],
        namespace: str,
        service: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {"kubeconfig": kubeconfig, "namespace": namespace, "name": service}
        outputs = {"spec": None, "status": None}
        super().__init__(IngressServiceProvider(), name, {**inputs, **outputs}, opts)
