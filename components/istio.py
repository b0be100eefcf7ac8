"""The component Istio: the mesh by its three Helm charts, or the one that is there."""

from collections.abc import Mapping
from typing import Any

import pulumi

from .ingress_service import IngressService
from .kubernetes.kubeconfig import Kubeconfig
from .manifests import charts, workload
from .ownership import Ownership
from .register import register
from .settings.model import App
from .settings.model import Istio as IstioArgs


class Istio(pulumi.ComponentResource):
    """Istio's base, istiod and gateway charts (T2); with `install` false it only looks.

    `kubeconfig` is the text of one for the cluster, or where to read it. Why Helm releases:
    docs/decisions/helm-release.md. `ingress_service` is the gateway's Service
    as it is in the cluster: `spec` and `status`, by the names of the Kubernetes API. It gets the
    further ports of `app`.
    """

    namespace: pulumi.Output[str]
    ingress_service: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        args: IstioArgs,
        kubeconfig: pulumi.Input[Kubeconfig],
        opts: pulumi.ResourceOptions | None = None,
        ownership: Ownership | None = None,
        app: App | None = None,
    ) -> None:
        super().__init__("blue-green:index:Istio", name, None, opts)
        service = IngressService(
            f"{name}-ingress",
            kubeconfig,
            args.gateway.namespace,
            args.gateway.service,
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[self._install(name, args, ownership, app)] if args.install else None,
            ),
        )
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.ingress_service = pulumi.Output.all(spec=service.spec, status=service.status)
        self.register_outputs({"namespace": self.namespace, "ingress_service": self.ingress_service})

    def _install(
        self, name: str, args: IstioArgs, ownership: Ownership | None, app: App | None
    ) -> pulumi.CustomResource:
        """Namespaces, then the charts one after the other: each needs the one before.

        Returns the last one, the gateway's.
        """
        roles = {args.namespace: "namespace"}
        roles.setdefault(args.gateway.namespace, "gateway-namespace")
        roles.pop("default", None)  # every cluster has it
        namespaces: list[pulumi.Resource] = [
            register(
                f"{name}-{role}",
                workload.namespace(namespace),
                pulumi.ResourceOptions(parent=self),
                ownership,
            )
            for namespace, role in roles.items()
        ]
        base, istiod, gateway = charts.releases(args, app)
        istio_base = self._release(name, base, namespaces)
        control_plane = self._release(name, istiod, [istio_base])
        return self._release(name, gateway, [control_plane])

    def _release(
        self, name: str, release: charts.HelmRelease, after: list[pulumi.Resource]
    ) -> pulumi.CustomResource:
        # The typed class of pulumi_kubernetes imports more than all of this program does.
        return pulumi.CustomResource(
            "kubernetes:helm.sh/v3:Release",
            f"{name}-{release.role}",
            {
                "name": release.name,
                "namespace": release.namespace,
                "chart": release.chart,
                "version": release.version,
                "repositoryOpts": {"repo": release.repository} if release.repository else None,
                "values": release.values,
            },
            pulumi.ResourceOptions(parent=self, depends_on=after),
        )
