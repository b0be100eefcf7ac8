"""Kubernetes objects as Pulumi resources: one class for every kind."""

from collections.abc import Mapping
from typing import Any

import pulumi

from . import later
from .manifests.manifest import Manifest
from .ownership import Ownership, owned


class KubernetesObject(pulumi.CustomResource):
    """An object of any kind, with the type token of its class in pulumi_kubernetes.

    That package's typed classes take three times as long to import as all of the program.
    """

    spec: pulumi.Output[Mapping[str, Any]]
    status: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        api_version: str,
        kind: str,
        manifest: Manifest,
        opts: pulumi.ResourceOptions,
    ) -> None:
        group_version = api_version if "/" in api_version else f"core/{api_version}"
        # Outputs that are no inputs, or that may be left out, must be named as well.
        props = {"spec": None, "status": None, **manifest}
        super().__init__(f"kubernetes:{group_version}:{kind}", name, props, opts)


def register(
    name: str, manifest: Manifest, opts: pulumi.ResourceOptions, ownership: Ownership | None = None
) -> KubernetesObject:
    """Makes the stack own the object of the manifest, under a logical name.

    With `ownership`, the stack refuses to make one that somebody else has.
    """
    if ownership is not None:
        guarded = pulumi.ResourceOptions(hooks=ownership.hooks(name, opts.parent))
        opts = pulumi.ResourceOptions.merge(opts, guarded)
    whole = later.filled(owned(name, manifest))
    return KubernetesObject(name, manifest["apiVersion"], manifest["kind"], whole, opts)
