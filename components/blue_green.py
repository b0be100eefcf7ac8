"""The component BlueGreen: all that an app needs on a cluster that exists, for any Pulumi program."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from . import argument_reader
from .application import Application
from .arguments import BlueGreenArgs
from .claim import claim
from .cluster import existing, taking_over
from .ingress import ingress
from .ingress_service import IngressService
from .option import Options
from .ownership import of_app
from .port_change import port_change
from .restart import restarting
from .settings.model import KubeconfigCluster
from .traffic_split import TrafficSplit, TrafficSplitArgs


class BlueGreen(pulumi.ComponentResource):
    """An app in several versions, and its traffic split by weight among them.

    `up` succeeds only when every gateway of the mesh routes by the weights, and no request is dropped on
    the way there.
    """

    url: pulumi.Output[str | None]
    """The gateway's address; none while it has none."""
    urls: pulumi.Output[Mapping[str, str]]
    """By the names of further ports, the gateway's addresses for them."""
    weights: pulumi.Output[Mapping[str, int]]
    """The weights that every gateway routes by."""
    last_proof: pulumi.Output[Mapping[str, Any]]
    """By gateway pod, the weights and when they were read."""
    namespace: pulumi.Output[str]
    """The app's namespace."""
    service: pulumi.Output[str]
    """The name of the app's Service."""

    def __init__(self, name: str, args: BlueGreenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("blue-green:index:BlueGreen", name, None, opts)
        config = argument_reader.settings(name, args)
        app, routing, options = config.app, config.routing, Options(f"BlueGreen {name}")
        assert isinstance(config.cluster, KubeconfigCluster)  # noqa: S101 - the arguments name no other
        text = argument_reader.kubeconfig(args)
        with taking_over():
            on = existing(
                f"{name}-kubernetes", config.cluster, text, pulumi.ResourceOptions(parent=self), options
            )
        child = pulumi.ResourceOptions(parent=self, provider=on.provider)
        first = pulumi.ResourceHookBinding.merge(
            claim(name, on.kubeconfig, app, routing, options),
            port_change(on.kubeconfig, app, routing, config.convergence, options),
        )
        guard = of_app(on.kubeconfig, on.provider, app, options, first)
        versions = restarting(on.kubeconfig, app, config.versions)
        seconds = config.convergence.timeout_seconds
        application = Application(name, app, versions, child, guard, seconds)
        gateway = config.istio.gateway
        service = IngressService(f"{name}-ingress", on.kubeconfig, gateway.namespace, gateway.service, child)
        found = pulumi.Output.all(spec=service.spec, status=service.status)
        scheme = "https" if routing.tls_secret else "http"

        def entrance(port: int, key: str) -> pulumi.Output[str | None]:
            return ingress(found, on.address, on.kubeconfig, port, scheme, options, key).url

        url = entrance(routing.port, "routing.port")
        more = {name: entrance(port, "app.ports") for name, port in app.more_entrances.items()}
        split = TrafficSplit(
            name,
            TrafficSplitArgs(
                app,
                versions,
                config.weights,
                on.kubeconfig,
                application.deployments,
                routing,
                config.convergence,
                guard,
                url,
                args.get("weights_key"),
                config.test_routes,
                config.mirror,
                gateway_namespace=gateway.namespace,
            ),
            pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[application])),
        )
        on.guard(
            f"{name}-kubernetes-same-cluster",
            [application, service, split],
            pulumi.ResourceOptions(parent=self),
        )
        self.url = url
        self.urls = pulumi.Output.from_input(cast("pulumi.Input[Mapping[str, str | None]]", more)).apply(
            _known
        )
        self.weights = split.weights
        self.last_proof = split.last_proof
        self.namespace = application.namespace
        self.service = application.service
        self.register_outputs(
            {
                "url": self.url,
                "urls": self.urls,
                "weights": self.weights,
                "lastProof": self.last_proof,
                "namespace": self.namespace,
                "service": self.service,
            }
        )


def _known(urls: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: url for name, url in urls.items() if url}
