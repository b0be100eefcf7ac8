"""The EnvoyFilter of a split that keeps its users: there before the routes that it is for, gone after them.

One for other routes is another resource, so that no request meets the new routes without it.
"""

import pulumi

from . import later
from .manifests import sticky_version
from .manifests.manifest import Manifest
from .ownership import Ownership
from .register import KubernetesObject, register
from .settings.model import App, Routing


def sticky_filter(
    name: str,
    app: App,
    routing: Routing,
    namespace: str,
    virtual_service: Manifest,
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
    return register(f"{name}{which}", manifest, opts, ownership)
