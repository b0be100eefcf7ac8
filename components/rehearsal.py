"""Asks the API server whether it would take the app's objects, before the first of them is written.

Without this, an `up` whose second version is refused has written the first one already.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi

from . import later
from .kubernetes import schema
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests.manifest import Manifest, collection
from .option import IN_CONFIG, Options


class UnacceptableError(Exception):
    """The API server would refuse what the config asks for; the message says which of it, and why."""


class Rehearsal:
    """The objects that an `up` may write, and the pieces of pod templates that they have, by config key.

    `kubeconfig` leads to their cluster.
    """

    def __init__(
        self,
        kubeconfig: pulumi.Input[Kubeconfig],
        manifests: Sequence[Manifest],
        pieces: Mapping[str, Mapping[str, object]],
        options: Options = IN_CONFIG,
    ) -> None:
        self._kubeconfig = pulumi.Output.from_input(kubeconfig)
        self._manifests = manifests
        self._pieces = {key: piece for key, piece in pieces.items() if piece}
        self._asked: asyncio.Task[None] | None = None
        on_dry_run = pulumi.ResourceHookOptions(on_dry_run=True)
        self._hook = pulumi.ResourceHook(options.hook("rehearsal"), self._ask, on_dry_run)

    def hooks(self) -> pulumi.ResourceHookBinding:
        """The hooks of every one of the objects: whichever is written first, the question comes before it."""
        return pulumi.ResourceHookBinding(before_create=[self._hook], before_update=[self._hook])

    async def _ask(self, _args: pulumi.ResourceHookArgs) -> None:
        """Asks once. Raises UnacceptableError."""
        self._asked = self._asked or asyncio.ensure_future(self._ask_once())
        await self._asked

    async def _ask_once(self) -> None:
        kubeconfig = await self._kubeconfig.future()
        # Before there is a cluster, a preview knows no kubeconfig.
        if kubeconfig is None:
            return
        # A preview has read rights alone.
        objects = () if pulumi.runtime.is_dry_run() else self._manifests
        manifests = await pulumi.Output.from_input(later.filled(objects)).future() or ()
        try:
            # The loop's own threads may all be held by registrations that wait for this.
            with ThreadPoolExecutor(1) as thread:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(thread, refusals, kubeconfig, self._pieces, manifests)
        except GatewayError as error:
            pulumi.log.warn(f"whether the cluster would take the app's objects is not known: {error}")
            return
        if found:
            first = "The cluster would refuse what the config asks for; nothing was written."
            raise UnacceptableError("\n  ".join([first, *found]))


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
        return tuple(found or _refused(api, manifests))


def _refused(api: Api, manifests: Sequence[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        metadata = {key: value for key, value in manifest["metadata"].items() if key != "name"}
        name = manifest["metadata"]["name"]
        # Under a name that is free: one that exists is as good as a new one.
        trial = {**manifest, "metadata": {**metadata, "generateName": f"{name}-"}}
        for cause in api.rehearse(collection(manifest), trial):
            yield f"{manifest['kind']} {metadata['namespace']}/{name}: {cause}"
