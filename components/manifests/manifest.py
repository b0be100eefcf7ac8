"""The type of a Kubernetes object on its way to the API server."""

from typing import Any, TypeAlias

# JSON of a form that the API server knows, not Python's type checker.
Manifest: TypeAlias = dict[str, Any]

# What somebody else wrote into our objects is taken back: without this, a preview of such a drift
# fails with a conflict of field managers (pulumi-kubernetes, "Server-Side Apply").
PATCH_FORCE = {"pulumi.com/patchForce": "true"}
