"""Whose a Kubernetes object is: the stack makes only what nobody else has.

The provider takes over an object that exists, without a word: up to 4.28 always, later by an option.
So a hook looks before each object is made, in a preview too, and lets only those pass that the
stack made itself: one that a killed `up` left behind, say, is in the cluster but in no state.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi

from .kubernetes.api import Api
from .manifests.manifest import Manifest

# The annotation by which the stack knows its own: the stack's full name and the logical name.
OWNER = "blue-green/owner"
_AT_ONCE = 8


class Ownership:
    """Guards the objects of some components; `option` is the config key that lets them be taken over.

    `kubeconfig` is the text of one for the cluster of `provider`.
    """

    def __init__(self, kubeconfig: pulumi.Input[str], provider: pulumi.ProviderResource, option: str) -> None:
        self._kubeconfig = pulumi.Output.from_input(kubeconfig)
        self._provider = provider
        self._option = option
        # The loop's own threads may all be held by registrations that wait for these looks.
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._parents: dict[str, pulumi.Resource | None] = {}
        self._hook = pulumi.ResourceHook(
            f"ownership {option}", self._look, pulumi.ResourceHookOptions(on_dry_run=True)
        )

    def hooks(self, name: str, parent: pulumi.Resource | None) -> pulumi.ResourceHookBinding:
        """The hooks of the object with this logical name, a child of `parent`."""
        self._parents[name] = parent
        return pulumi.ResourceHookBinding(before_create=[self._hook])

    async def _look(self, args: pulumi.ResourceHookArgs) -> None:
        """Raises ForeignObjectError when somebody else has the object that is to be made."""
        kubeconfig = await self._kubeconfig.future()
        manifest: Manifest = dict(args.new_inputs or {})
        # Before there is a cluster, a preview knows no kubeconfig; then there is no object either.
        if not kubeconfig:
            return
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, find, kubeconfig, manifest)
        if found is None or owner_of(found) == owner_of(manifest):
            return
        if _stack_of(found) is not None and _stack_of(found) == _stack_of(manifest):
            raise ForeignObjectError(renamed(found))
        parent = self._parents[args.name]
        parents = {"parent": await parent.urn.future()} if parent else {}
        urns = {**parents, "provider": await self._provider.urn.future()}
        ways = "".join(f" --{option} {option}={urn}" for option, urn in urns.items() if urn)
        flags = "--protect=false --generate-code=false"
        command = f"pulumi import {flags} {args.type} {args.name} {object_id(manifest)}{ways}"
        raise ForeignObjectError(refusal(found, command, self._option))


class ForeignObjectError(Exception):
    """An object exists that is not the stack's; the message names it and the ways out."""


def owned(name: str, manifest: Manifest) -> Manifest:
    """The manifest of the logical name with the annotation that says whose it is."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), OWNER: f"{stack}/{name}"}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def owner_of(manifest: Mapping[str, Any]) -> str | None:
    """The owner that the object's annotation names."""
    annotations: Mapping[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get(OWNER)


def _stack_of(manifest: Mapping[str, Any]) -> str | None:
    """The full name of the stack in the object's annotation."""
    owner = owner_of(manifest)
    return owner.rpartition("/")[0] if owner else None


def object_id(manifest: Mapping[str, Any]) -> str:
    """The id by which Pulumi knows an object: `[namespace/]name`."""
    metadata = manifest["metadata"]
    return "/".join(metadata[key] for key in ("namespace", "name") if key in metadata)


def find(kubeconfig: str, manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object of the manifest's kind and name in the cluster. Raises GatewayError."""
    metadata, version = manifest["metadata"], manifest["apiVersion"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    # The kinds that the program makes all have the regular plural.
    path = f"{base}{where}/{manifest['kind'].lower()}s/{metadata['name']}"
    with Api(kubeconfig) as api:
        return api.find(path)


def refusal(found: Mapping[str, Any], command: str, option: str) -> str:
    """The sentence for an object that is somebody else's."""
    owner = owner_of(found)
    labels: Mapping[str, str] = found["metadata"].get("labels") or {}
    manager = labels.get("app.kubernetes.io/managed-by")
    whose = f", it is {owner}'s" if owner else f", {manager} manages it" if manager else ""
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} exists and is not this stack's{whose}. It was not touched.",
            "To take this one over, type:",
            f"  {command}",
            "or, to take over whatever the stack finds of its own names:",
            f"  pulumi config set --path {option} true",
            "What each of them changes: docs/adopt.md.",
        )
    )


def renamed(found: Mapping[str, Any]) -> str:
    """The sentence for an object that the stack itself has by another logical name, as after a new app.name.

    Taken over, it would be deleted at the end of the same `up`, as the old name's.
    """
    name = str(owner_of(found)).rpartition("/")[2]
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} is this stack's own, as {name}. It was not touched.",
            "An app cannot be renamed under traffic: set blue-green:app.name back, or give the new one a",
            "stack of its own, with a namespace and a routing.gateway of its own.",
        )
    )
