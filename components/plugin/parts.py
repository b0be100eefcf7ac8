"""The parts of BlueGreen as remote components, each with a Kubernetes provider of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from .. import application, istio, minikube, traffic_split
from ..argument_reader import kubeconfig, section, settings
from ..claim import claim
from ..cluster import Cluster, existing, taking_over
from ..ingress import ingress
from ..ingress_service import IngressService
from ..option import Options
from ..ownership import Ownership, of_app
from ..port_change import port_change
from ..restart import restarting
from ..settings.model import KubeconfigCluster, MinikubeCluster, Settings
from .arguments import ApplicationArgs, IstioArgs, MinikubeArgs, TrafficSplitArgs


class Minikube(minikube.Minikube):
    """A Minikube profile that the stack owns, running."""

    kubeconfig: pulumi.Output[str]
    """The text of a kubeconfig for this profile alone; a secret."""
    ip: pulumi.Output[str]
    """The address of its node."""
    cluster_id: pulumi.Output[str]
    """Another one when the cluster is made anew."""
    changed: pulumi.Output[str]
    """When it was last started."""

    def __init__(self, name: str, args: MinikubeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wanted = section(name, args, MinikubeArgs, "cluster").cluster
        assert isinstance(wanted, MinikubeCluster)  # noqa: S101 - the arguments are of no other
        super().__init__(name, wanted, opts)


class Istio(istio.Istio):
    """Istio's base, istiod and gateway charts, or a look at a mesh that is there."""

    namespace: pulumi.Output[str]
    """The mesh's namespace."""
    ingress_service: pulumi.Output[Mapping[str, Any]]
    """The gateway's Service as it is in the cluster: its spec and status."""

    def __init__(self, name: str, args: IstioArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config, options = section(name, args, IstioArgs, "istio"), Options(f"Istio {name}")
        on, on_it = _cluster(f"{name}-istio", args, config, options, opts)
        taken = config.istio.take_ownership
        guard = Ownership(on.kubeconfig, on.provider, "takeOwnership", taken=taken, options=options)
        super().__init__(name, config.istio, on.kubeconfig, on_it, guard)
        on.guard(f"{name}-istio-same-cluster", [self], _beside(opts))


class Application(application.Application):
    """An app in several versions that run side by side, whatever traffic they get."""

    namespace: pulumi.Output[str]
    """The app's namespace."""
    service: pulumi.Output[str]
    """The name of the app's Service."""

    def __init__(self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config, options = settings(name, args, ApplicationArgs), Options(f"Application {name}")
        on, on_it = _cluster(f"{name}-app", args, config, options, opts)
        first = port_change(on.kubeconfig, config.app, config.routing, config.convergence, options)
        super().__init__(
            name,
            config.app,
            restarting(on.kubeconfig, config.app, config.versions),
            on_it,
            of_app(on.kubeconfig, on.provider, config.app, options, first),
            config.convergence.timeout_seconds,
        )
        on.guard(f"{name}-app-same-cluster", [self], _beside(opts))


class TrafficSplit(traffic_split.TrafficSplit):
    """The traffic of an app that is there, split by weight among its versions.

    What it depends on, its Application say, is deleted after the routes that lead there.
    """

    url: pulumi.Output[str | None]
    """The gateway's address; none while it has none."""
    weights: pulumi.Output[Mapping[str, int]]
    """The weights that every gateway routes by."""
    last_proof: pulumi.Output[Mapping[str, Any]]
    """By gateway pod, the weights and when they were read."""

    def __init__(self, name: str, args: TrafficSplitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config, options = settings(name, args, TrafficSplitArgs), Options(f"TrafficSplit {name}")
        on, on_it = _cluster(f"{name}-split", args, config, options, opts)
        # A list when an engine constructs it.
        before = cast("Sequence[pulumi.Resource]", (opts and opts.depends_on) or ())
        first = claim(name, on.kubeconfig, config.app, config.routing, options)
        self.url = _entrance(f"{name}-split-ingress", on, config, options, _beside(opts))
        super().__init__(
            name,
            traffic_split.TrafficSplitArgs(
                config.app,
                restarting(on.kubeconfig, config.app, config.versions),
                config.weights,
                on.kubeconfig,
                dict.fromkeys(config.versions, before),
                config.routing,
                config.convergence,
                of_app(on.kubeconfig, on.provider, config.app, options, first),
                self.url,
                args.get("weights_key"),
                config.test_routes,
                config.mirror,
                gateway_namespace=config.istio.gateway.namespace,
            ),
            on_it,
        )
        on.guard(f"{name}-split-same-cluster", [self], _beside(opts))


def _entrance(
    name: str, on: Cluster, config: Settings, options: Options, opts: pulumi.ResourceOptions
) -> pulumi.Output[str | None]:
    """The address at which the gateway's Service takes the split's requests."""
    gateway, routing = config.istio.gateway, config.routing
    service = IngressService(name, on.kubeconfig, gateway.namespace, gateway.service, opts)
    found = pulumi.Output.all(spec=service.spec, status=service.status)
    scheme = "https" if routing.tls_secret else "http"
    return ingress(found, on.address, on.kubeconfig, routing.port, scheme, options).url


def _cluster(
    name: str,
    args: Mapping[str, Any],
    config: Settings,
    options: Options,
    opts: pulumi.ResourceOptions | None,
) -> tuple[Cluster, pulumi.ResourceOptions]:
    """The cluster of a component's arguments, and the component's options with its provider.

    `name` is of that component alone: several parts of one app have the app's name.
    """
    assert isinstance(config.cluster, KubeconfigCluster)  # noqa: S101 - the arguments name no other
    text = kubeconfig(args)
    with taking_over():
        on = existing(f"{name}-kubernetes", config.cluster, text, _beside(opts), options)
    return on, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=on.provider))


def _beside(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """The options of what stands beside a component, under the parent that it has."""
    # Of a parent in the engine's hands the SDK does not know whether it is protected.
    return (
        pulumi.ResourceOptions(parent=opts.parent, protect=opts.protect) if opts else pulumi.ResourceOptions()
    )
