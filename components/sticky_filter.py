"""The EnvoyFilter of a split that keeps its users: there before the routes that it is for, gone after them.

One for other routes is another resource, so that no request meets the new routes without it.
"""

import pulumi

from . import first_write, later
from .kubernetes import istio
from .kubernetes.api import Api
from .kubernetes.kubeconfig import Kubeconfig
from .manifests import sticky_version
from .manifests.manifest import Manifest
from .ownership import Ownership
from .register import KubernetesObject, register
from .settings.model import App, Routing


def sticky_filter(
    name: str,
    virtual_service: Manifest,
    app: App,
    routing: Routing,
    namespace: str,
    kubeconfig: pulumi.Input[Kubeconfig],
    opts: pulumi.ResourceOptions,
    ownership: Ownership | None,
) -> KubernetesObject | None:
    """Makes it in the namespace of the gateway's pods; None where it would have nothing to do."""
    sticky = routing.sticky_version
    if sticky is None or not sticky_version.is_needed(virtual_service):
        return None
    spec = virtual_service["spec"]
    manifest = sticky_version.envoy_filter(app, routing, namespace)
    manifest["metadata"]["name"] = later.then(spec, sticky_version.object_name)
    manifest["spec"]["configPatches"] = later.then(
        {**spec, "hosts": list(routing.hosts)}, lambda known: sticky_version.patches(sticky, known)
    )
    split = spec["http"][-1]["name"]
    # Where it is known later alone, one takes the place of the other under the same logical name.
    which = f"-{split.rpartition('-')[2]}" if isinstance(split, str) else ""
    hooks = None if first_write.is_mocked() else _listed(name, kubeconfig, namespace)
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=hooks))
    return register(f"{name}{which}", manifest, opts, ownership)


def _listed(name: str, kubeconfig: pulumi.Input[Kubeconfig], namespace: str) -> pulumi.ResourceHookBinding:
    """Return the hooks that ask for the right to list EnvoyFilters before one is made.

    Pulumi's provider waits by a list until one is gone, for ten minutes without the right, and names none.
    """
    known = pulumi.Output.from_input(kubeconfig)

    def ask(reached: Kubeconfig) -> None:
        with Api(reached) as api:
            # Before the mesh is there, the cluster knows no such kind.
            api.find(istio.envoy_filters(namespace))

    async def look() -> None:
        reached = await known.future()
        # Before there is a cluster, a preview knows no kubeconfig.
        if reached is not None:
            await first_write.in_thread(lambda: ask(reached))

    return first_write.before(f"{name} may be listed", look)
