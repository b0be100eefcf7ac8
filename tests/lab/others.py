"""Somebody else's objects of Istio, beside the stack's."""

from typing import Any


def theirs(
    kind: str, name: str, spec: dict[str, Any], *, namespace: str = "default", group: str = "networking"
) -> dict[str, object]:
    """An object of an API group of Istio's, such as `networking`."""
    return {
        "apiVersion": f"{group}.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
