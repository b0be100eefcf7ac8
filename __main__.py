"""The program: the settings become components, and these the stack's outputs."""

import pulumi

from components.application import Application
from components.claim import claim
from components.cluster import cluster
from components.ending import end_at_once
from components.ingress import ingress
from components.istio import Istio
from components.ownership import Ownership
from components.port_change import port_change
from components.restart import restarting
from components.settings import stack
from components.traffic_split import TrafficSplit, TrafficSplitArgs

end_at_once()
config = stack.load()
on = cluster(config.cluster)


def guard(
    section: str,
    *,
    taken: bool,
    namespace: str | None = None,
    also: pulumi.ResourceHookBinding | None = None,
) -> Ownership:
    """Keeps the stack off objects that somebody else made, unless the section takes them over."""
    option = f"{section}.takeOwnership"
    return Ownership(on.kubeconfig, on.provider, option, taken=taken, namespace=namespace, also=also)


mesh_guard = guard("istio", taken=config.istio.take_ownership)
istio = Istio("istio", config.istio, on.kubeconfig, on.options(), mesh_guard, config.app)
there = None if config.app.create_namespace else config.app.namespace
before = pulumi.ResourceHookBinding.merge(
    claim(config.app.name, on.kubeconfig, config.app, config.routing),
    port_change(on.kubeconfig, config.app, config.routing, config.convergence),
)
guarded = guard("app", taken=config.app.take_ownership, namespace=there, also=before)
versions = restarting(on.kubeconfig, config.app, config.versions)
application = Application(
    config.app.name, config.app, versions, on.options(), guarded, config.convergence.timeout_seconds
)
scheme = "https" if config.routing.tls_secret else "http"
entry = ingress(istio.ingress_service, on.address, on.kubeconfig, config.routing.port, scheme)
more = {
    name: ingress(
        istio.ingress_service,
        on.address,
        on.kubeconfig,
        port,
        scheme,
        key="app.ports",
        made=config.istio.install,
    ).url
    for name, port in config.app.more_entrances.items()
}
split = TrafficSplit(
    config.app.name,
    TrafficSplitArgs(
        config.app,
        versions,
        config.weights,
        on.kubeconfig,
        application.deployments,
        config.routing,
        config.convergence,
        guarded,
        entry.url,
        test_routes=config.test_routes,
        mirror=config.mirror,
        gateway_namespace=config.istio.gateway.namespace,
    ),
    on.options(depends_on=[istio, application]),
)

on.guard("kubernetes-same-cluster", [istio, application, split])

pulumi.export("ingressHost", entry.host)
pulumi.export("ingressPort", entry.port)
pulumi.export("url", entry.url)
if more:
    pulumi.export("urls", more)
pulumi.export("weights", split.weights)
pulumi.export("versions", sorted(config.versions))
pulumi.export("lastProof", split.last_proof)
