"""The Pulumi resource that reads the gateway's Service, which a chart or somebody else made.

Not Pulumi's own way to read an object: that would need a second Kubernetes provider, a process and
150 MB more, where the cluster's own provider is replaced with the cluster
(docs/decisions/minikube-refresh.md). Pulumi pickles the provider by its name, so the program's
folder must hold this module.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pulumi
from pulumi import dynamic

from .kubernetes.api import Api
from .kubernetes.errors import GatewayError, RefusedError, UnreachableError
from .kubernetes.kubeconfig import Kubeconfig
from .provider import Carried, Provider, kubeconfig_input, plain_errors

_READ = ("spec", "status")
# The first releases wrote the kubeconfig itself into the state, and a refresh uses what the state has.
_OLD_STATE = (
    "These are the address and the credentials that the state has. If the kubeconfig has others by now, "
    "type once: pulumi up --refresh=false"
)


class IngressServiceProvider(Provider):
    """Reads the Service on every `up` and preview."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Adds what the Service says, for previews too; or what it said before, where it cannot be read."""
        same = all(_olds.get(key) == news[key] for key in ("namespace", "name"))
        inputs = {**news, **({key: _olds[key] for key in _READ if key in _olds} if same else {})}
        # In a preview that starts the cluster, its kubeconfig is not known; nor is its Service there.
        if isinstance(news["kubeconfig"], str | dict):
            with suppress(GatewayError):
                inputs |= _read(news)
        return dynamic.CheckResult(inputs, [])

    @plain_errors()
    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Reads it, if the check could not."""
        read = {} if "spec" in props else _read(props)
        return dynamic.CreateResult(f"{props['namespace']}/{props['name']}", {**props, **read})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Says how to go on where a refresh uses an old state's credentials, which are no good now."""
        if isinstance(props.get("kubeconfig"), str):
            try:
                _read(props)
            except (RefusedError, UnreachableError) as error:
                print(f"{error} {_OLD_STATE}", file=sys.stderr, flush=True)
        return dynamic.ReadResult(id_, props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Whether the Service is another one now; a cluster that does not answer changes nothing."""
        keys = ("kubeconfig", "namespace", "name", *_READ)
        return dynamic.DiffResult(changes=any(key in _news and _olds.get(key) != _news[key] for key in keys))

    @plain_errors()
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Reads it, if the check could not."""
        return dynamic.UpdateResult(self.create(_news).outs)


def _read(props: Mapping[str, Any]) -> dict[str, Any]:
    """What the address is made of: the Service's type, ports and load balancer. Raises GatewayError."""
    namespace, name = props["namespace"], props["name"]
    with Api(props["kubeconfig"]) as api:
        service = api.find(f"/api/v1/namespaces/{namespace}/services/{name}")
    if service is None:
        raise GatewayError(
            f"There is no Service {namespace}/{name} for the gateway. "
            "Set gateway.service and gateway.namespace (in the stack config, istio.gateway) to the mesh's."
        )
    spec = {key: service["spec"][key] for key in ("type", "ports") if key in service["spec"]}
    status: Mapping[str, Any] = service.get("status") or {}
    balancer: Mapping[str, Any] = status.get("loadBalancer") or {}
    return {"spec": spec, "status": {"loadBalancer": balancer}}


class IngressService(Carried, name="IngressService"):
    """The gateway's Service: `type` and `ports` of its `spec`, and the `loadBalancer` of its `status`."""

    spec: pulumi.Output[Mapping[str, Any]]
    status: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        kubeconfig: pulumi.Input[Kubeconfig],
        namespace: str,
        service: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {"kubeconfig": kubeconfig_input(kubeconfig), "namespace": namespace, "name": service}
        outputs = {"spec": None, "status": None}
        super().__init__(IngressServiceProvider(), name, {**inputs, **outputs}, opts)
