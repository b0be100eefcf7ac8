"""What the last `up` of a stack proved, out of the state of its resource SplitConverged."""

from collections.abc import Mapping, Sequence
from typing import Any

Served = Mapping[str, frozenset[str]]
_CONVERGED = "pulumi-python:dynamic:SplitConverged"


def served(resources: Sequence[Mapping[str, Any]]) -> Served:
    """Return, by version to which every gateway then sent traffic, the images that its pods ran.

    Args:
        resources: the stack's state.

    Returns:
        What the nodes call the images, such as name@sha256:digest; nothing before the first proof.
    """
    outputs: list[Mapping[str, Any]] = [one["outputs"] for one in resources if one["type"] == _CONVERGED]
    proofs: list[Mapping[str, Any]] = [proof for one in outputs for proof in one.get("proof") or ()]
    found: dict[str, frozenset[str]] = {}
    for version in {version for proof in proofs for version in proof["weights"]}:
        if all(proof["weights"].get(version) for proof in proofs):
            found[version] = frozenset(
                image for proof in proofs for image in proof["images"].get(version, ())
            )
    return found


def digest(image: str) -> str | None:
    """Return the digest of an image by which a registry knows it, such as sha256:0123."""
    name, _, found = image.partition("@")
    return found if name and found else None
