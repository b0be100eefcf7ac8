"""What the last `up` of a stack proved: its output `lastProof`."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

Served = Mapping[str, frozenset[str]]


def served(resources: Sequence[Mapping[str, Any]]) -> Served:
    """Return, by version to which every gateway then sent traffic, the images that its pods ran.

    Args:
        resources: the stack's state.

    Returns:
        What the nodes call the images, such as name@sha256:digest; nothing before the first proof.
    """
    roots = [one for one in resources if one["type"] == "pulumi:pulumi:Stack"]
    outputs: Mapping[str, Any] = (roots[0].get("outputs") if roots else None) or {}
    proofs = cast("Mapping[str, Mapping[str, Any]]", outputs.get("lastProof") or {}).values()
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
