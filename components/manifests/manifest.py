"""The type of a Kubernetes object on its way to the API server."""

from collections.abc import Mapping
from typing import Any, TypeAlias

# JSON of a form that the API server knows, not Python's type checker.
Manifest: TypeAlias = dict[str, Any]

# What somebody else wrote into our objects is taken back: without this, a preview of such a drift
# fails with a conflict of field managers (pulumi-kubernetes, "Server-Side Apply").
PATCH_FORCE = {"pulumi.com/patchForce": "true"}
# Without it Pulumi's provider deletes in the foreground: by a finalizer, whose end is an update, and Istio's
# webhook refuses that while there is no istiod.
AT_ONCE = {"pulumi.com/deletionPropagationPolicy": "background"}


def object_path(manifest: Mapping[str, Any]) -> str:
    """Where the API server has the manifest's object."""
    return f"{collection(manifest)}/{manifest['metadata']['name']}"


def collection(manifest: Mapping[str, Any]) -> str:
    """Where the API server has the objects of the manifest's kind and namespace."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    # The kinds that the program makes all have the regular plural.
    return f"{base}{where}/{manifest['kind'].lower()}s"
