"""Asks the API server whether it would take the app's objects, before the first of them is written.

Without this, an `up` whose second version is refused has written the first one already.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from . import first_write, later
from .kubernetes import schema
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests.config_key import config_key, explained
from .manifests.manifest import Manifest, collection
from .option import IN_CONFIG, Options


class UnacceptableError(Exception):
    """The API server would refuse what the config asks for; the message says which of it, and why."""


def rehearsal(
    kubeconfig: pulumi.Input[Kubeconfig],
    manifests: Sequence[Manifest],
    pieces: Mapping[str, Mapping[str, object]],
    options: Options = IN_CONFIG,
) -> pulumi.ResourceHookBinding:
    """Return the hooks of the objects that an `up` may write; they raise UnacceptableError.

    Args:
        kubeconfig: leads to their cluster.
        manifests: the objects.
        pieces: the pieces of pod templates that they have, by config key.
        options: where a key stands.
    """
    known = pulumi.Output.from_input(kubeconfig)
    given = {key: piece for key, piece in pieces.items() if piece}

    async def ask() -> None:
        reached = await known.future()
        # Before there is a cluster, a preview knows no kubeconfig.
        if reached is None:
            return
        # A preview has read rights alone.
        objects = () if pulumi.runtime.is_dry_run() else manifests
        filled = await pulumi.Output.from_input(later.filled(objects)).future() or ()
        try:
            found = await first_write.in_thread(lambda: refusals(reached, given, filled))
        except GatewayError as error:
            pulumi.log.warn(f"whether the cluster would take the app's objects is not known: {error}")
            return
        if found:
            first = "The cluster would refuse what the config asks for; nothing was written."
            raise UnacceptableError("\n  ".join([first, *found]))

    return first_write.before(options.hook("rehearsal"), ask)


def refusals(
    kubeconfig: Kubeconfig, pieces: Mapping[str, Mapping[str, object]], manifests: Sequence[Manifest]
) -> tuple[str, ...]:
    """What the API server has against the pieces, or else against the objects. Raises GatewayError."""
    with Api(kubeconfig) as api:
        schemas: Mapping[str, Any] = schema.read(api) if pieces else {}
        found = [
            f"{key}.{place}: {wrong}. {remedy}."
            for key, piece in pieces.items()
            for place, wrong, remedy in schema.mistakes(schemas, schema.POD_TEMPLATE, piece)
        ]
        return tuple(found or dict.fromkeys(_refused(api, manifests, pieces)))


def _refused(
    api: Api, manifests: Sequence[Manifest], pieces: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    for manifest in manifests:
        metadata = manifest["metadata"]
        # Under a name that is free: one that exists is as good as a new one.
        free = f"{metadata['name'][:50]}-{os.urandom(4).hex()}"
        trial = {**manifest, "metadata": {**metadata, "name": free}}
        where = f"{manifest['kind']} {metadata['namespace']}/{metadata['name']}"
        for field, wrong in api.rehearse(f"{collection(manifest)}/{free}", trial):
            told = f"{api.kubectl} explain {explained(manifest, field)}"
            key = config_key(manifest, field, pieces)
            yield f"{key}: {where} would be refused: {wrong}. Correct it by what this says: {told}."
