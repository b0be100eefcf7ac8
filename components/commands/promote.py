"""Carries versions that serve well in one stack into the config of another."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import RolloutError
from ..observation.traffic import Served
from ..pulumi_cli import config, project, stack
from ..pulumi_cli import last_proof as proofs
from ..pulumi_cli.project import BACKEND
from ..settings.model import Settings
from ..settings.weights import Weights, same
from .preview.change import Change
from .preview.run import preview
from .verify.run import verify
from .verify.verdict import Verdict


@dataclass(frozen=True)
class Promotion:
    """What is written into the other stack's config.

    Attributes:
        images: by version, only those that are new there or have another image there.
        weights: the split there afterwards.
    """

    images: Mapping[str, str]
    weights: Weights


def promote(source: str, target: str, *, min_requests: int, with_weights: bool) -> tuple[Promotion, Change]:
    """Write what serves in one stack into the config file of another, and preview it there.

    The file is as before when anything is refused or the preview fails.

    Args:
        source: the stack to promote from; it is verified now, with requests.
        target: the stack to promote to; it must be what its config says.
        min_requests: how many requests each promoted version must have served there without failure.
        with_weights: move the split too; else new versions get 0.

    Raises:
        RolloutError: it is refused; the text says why.
    """
    if not config.is_ours(target):
        msg = f"the images of {target} stand in its program, not in its config, so promote cannot write them"
        raise RolloutError(msg)
    _refuse_unknown(source, target)
    theirs = config.settings(target)
    proof = verify(source, 4 * min_requests)
    reasons = [
        *refusals(proof, min_requests),
        *unproved(proof, proofs.served(stack.resources(source))),
        *drift(target),
    ]
    ours = config.settings(source)
    # A version that somebody else brings has no image here to compare.
    others = [*_others(source, ours), *_others(target, theirs)]
    reasons += others or conflicts(images(ours, proof), theirs, target)
    if reasons:
        msg = f"{source} is not promoted to {target}:\n  " + "\n  ".join(reasons)
        raise RolloutError(msg)
    if proof.evidence:
        project.say(f"promote: {source}, by the weaker evidence: {proof.evidence}")
    promotion = plan(ours, theirs, proof, with_weights=with_weights)
    return promotion, _write(target, theirs, promotion)


def _refuse_unknown(*names: str) -> None:
    """Raises RolloutError where the backend that is asked does not have each of these stacks."""
    known = set(map(project.short, stack.names()))
    missing = [name for name in names if project.short(name) not in known]
    if missing:
        # A database's may have a password in it.
        where = re.sub("//[^/@]*@", "//", project.backend())
        # `make up` takes no heed of a login, only of the variable.
        named = [] if BACKEND in os.environ else [f"export {BACKEND}={shlex.quote(where)}"]
        made = [project.make_up(name) or f"pulumi stack init {project.short(name)}" for name in missing]
        raise RolloutError(
            f"there is no stack {' and no stack '.join(missing)} in the backend {where}, and promote needs "
            f"both stacks in one. Type: {' && '.join([*named, *made])}. "
            "Of a stack whose state is in another backend: docs/promotion.md"
        )


def _others(name: str, settings: Settings) -> Iterator[str]:
    """Yield the versions with traffic whose image somebody else brings."""
    for version, wanted in settings.versions.items():
        if wanted.existing is not None and settings.weights[version]:
            yield (
                f"{version} is {wanted.existing.kind} {wanted.existing.name} in {name}, "
                "whose owner brings its image: it is promoted by the owner"
            )


def refusals(proof: Verdict, min_requests: int) -> Iterator[str]:
    """Yield why the source's proof is not good enough."""
    for difference in proof.differences:
        yield f"{proof.stack} is not what its config says: {difference.in_one_line}"
    for version, weight in proof.weights.items():
        served = proof.served.get(version, Served())
        if weight and served.errors:
            yield f"{version} failed {served.errors} of {served.requests} requests in {proof.stack}"
        elif weight and served.requests < min_requests:
            yield (
                f"{version} served only {served.requests} requests in {proof.stack}, "
                f"and {min_requests} are needed; send more, or ask for fewer with --min-requests"
            )


def unproved(proof: Verdict, last: proofs.Served) -> Iterator[str]:
    """Yield the versions that serve in the source by other images than its last `up` proved."""
    for version, weight in proof.weights.items():
        running = proof.images.get(version, frozenset())
        if not weight or (version in last and running <= last[version] and len(running) <= 1):
            continue
        if len(running) > 1:
            yield f"{version} runs {len(running)} images at once in {proof.stack}: {_listed(running)}"
        else:
            proved = _listed(last[version]) if version in last else "no traffic to it"
            yield (
                f"{version} runs {_listed(running)} in {proof.stack}, where the last proof has {proved}. "
                f"Run: blue-green up --stack {proof.stack}"
            )


def drift(target: str) -> Iterator[str]:
    """Yield what in the target is not as its config says."""
    for difference in verify(target, 20).differences:
        yield f"{target} is not what its config says: {difference.in_one_line}"


def conflicts(ours: Mapping[str, str], theirs: Settings, target: str) -> Iterator[str]:
    """Yield the versions whose key serves with another image in the target."""
    for version, mine in ours.items():
        there = theirs.versions.get(version)
        if there and theirs.weights[version] and not _same_image(there.image, mine):
            yield (
                f"{version} serves {theirs.weights[version]} % in {target} with {there.image}, "
                f"and not {mine}: a new image gets a version of its own"
            )


def plan(ours: Settings, theirs: Settings, proof: Verdict, *, with_weights: bool) -> Promotion:
    """Return what the target's config gets: images by digest, and the split."""
    promoted = images(ours, proof)
    changed = {version: image for version, image in promoted.items() if _is_new(version, image, theirs)}
    weights = dict.fromkeys({**theirs.weights, **promoted}, 0)
    weights |= {version: ours.weights[version] for version in promoted} if with_weights else theirs.weights
    return Promotion(changed, weights)


def images(settings: Settings, proof: Verdict) -> Mapping[str, str]:
    """Return the images of the versions that get traffic, by digest: only these are promoted."""
    return {
        version: pinned(settings.versions[version].image, proof.images.get(version, frozenset()))
        for version, weight in settings.weights.items()
        if weight
    }


def _is_new(version: str, image: str, theirs: Settings) -> bool:
    """Whether the other stack lacks the image; a tag of a version that is idle there has yet to be pinned."""
    if version not in theirs.versions:
        return True
    there = theirs.versions[version].image
    is_loose = "@" in image and "@" not in there and not theirs.weights[version]
    return is_loose or not _same_image(there, image)


def pinned(image: str, ids: frozenset[str]) -> str:
    """Return the image with the digest that its pods run, where the nodes know one and all agree."""
    digests = {found for image_id in ids if (found := proofs.digest(image_id))}
    return image if "@" in image or len(digests) != 1 else f"{image}@{digests.pop()}"


def _listed(images: frozenset[str]) -> str:
    return ", ".join(sorted(images)) or "no image"


def _same_image(one: str, other: str) -> bool:
    """Digests decide where both have one; else the tags do."""
    if "@" in one and "@" in other:
        return one.partition("@")[2] == other.partition("@")[2]
    return one.partition("@")[0] == other.partition("@")[0]


def _write(target: str, theirs: Settings, promotion: Promotion) -> Change:
    file = project.config_file(target)
    before = file.read_bytes()
    try:
        for version, image in promotion.images.items():
            config.set_path(target, f'versions["{version}"].image', image)
        if not same(theirs.weights, promotion.weights) or promotion.images:
            config.write_weights(target, promotion.weights)
        config.settings(target)
        return preview(target)
    except (RolloutError, KeyboardInterrupt):
        file.write_bytes(before)
        raise
