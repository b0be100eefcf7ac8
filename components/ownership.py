"""Whose a Kubernetes object is: the stack makes only what nobody else has, and never makes anew what serves.

The provider takes over an object that exists, without a word: up to 4.28 always, later by an option.
So a hook looks before each object is made, in a preview too, and lets only those pass that the
stack made itself: one that a killed `up` left behind, say, is in the cluster but in no state.
One that is in the state too is to be replaced (`--replace`, `pulumi state taint`): Pulumi would write
the object of that name once more, and then delete it as the old one. So it would one that an `up` which
did not end has replaced by an object of another name, and that the stack goes back to.
"""

import asyncio
import contextvars
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import pulumi
from pulumi.output import contains_unknowns

from . import later
from .errors import RolloutError
from .hook_inputs import has_secret, plain
from .kubernetes import kubeconfig as kubeconfigs
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .kubernetes.writers import OWNER
from .manifests import workload
from .manifests.losses import clashes, lost
from .manifests.manifest import Manifest, object_path
from .option import IN_CONFIG, Options
from .pulumi_cli import stack as stacks
from .settings.model import App
from .settings.stack import typed_name

_AT_ONCE = 8
_TRIES = 5
_PAUSE_SECONDS = 0.2

T = TypeVar("T")


class Ownership:
    """Guards the objects of some components; `option` lets them be taken over, and `options` say where it is.

    `kubeconfig` is the text of one for the cluster of `provider`, or where to read it; with `taken` the
    option is set. `namespace` is one that has to be there before the objects are made. The hooks `also`
    run before the look.
    """

    def __init__(
        self,
        kubeconfig: pulumi.Input[Kubeconfig],
        provider: pulumi.ProviderResource,
        option: str,
        *,
        taken: bool = False,
        namespace: str | None = None,
        also: pulumi.ResourceHookBinding | None = None,
        options: Options = IN_CONFIG,
    ) -> None:
        self.given = kubeconfig
        self.kubeconfig = pulumi.Output.from_input(kubeconfig)
        self._provider = provider
        self._option = option
        self.options = options
        self._taken = taken
        self._namespace = namespace
        self._also = also
        # The loop's own threads may all be held by registrations that wait for these looks.
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._state: asyncio.Future[Sequence[Mapping[str, Any]]] | None = None
        self._parents: dict[str, pulumi.Resource | None] = {}
        self._hook = pulumi.ResourceHook(
            options.hook(f"ownership {options.name(option)}"),
            self._look,
            pulumi.ResourceHookOptions(on_dry_run=True),
        )

    def hooks(self, name: str, parent: pulumi.Resource | None) -> pulumi.ResourceHookBinding:
        """The hooks of the object with this logical name, a child of `parent`."""
        self._parents[name] = parent
        own = pulumi.ResourceHookBinding(before_create=[self._hook])
        return pulumi.ResourceHookBinding.merge(self._also, own)

    async def _look(self, args: pulumi.ResourceHookArgs) -> None:
        """Raises ForeignObjectError when the object to be made is somebody else's, or serves already."""
        kubeconfig = await self.kubeconfig.future()
        manifest: Manifest = await plain(args.new_inputs)
        # Before there is a cluster, a preview knows no kubeconfig; then there is no object either.
        if kubeconfig is None:
            return
        # As of files whose texts it does not know; `up` looks.
        if contains_unknowns([manifest["metadata"].get(key) for key in ("namespace", "name")]):
            return
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, find, kubeconfig, manifest)
        if found is None:
            if self._namespace is not None:
                # In it the thread finds which stack runs.
                context = contextvars.copy_context()
                look = partial(require, kubeconfig, self._namespace, self.options)
                await loop.run_in_executor(self._threads, context.run, look)
            return
        # One reading does for all: what this `up` adds to the state it does not make twice.
        self._state = self._state or loop.run_in_executor(self._threads, _state, this_stack())
        state, id_ = await self._state, object_id(manifest)
        recorded = _recorded(state, args.urn, id_)
        if recorded is not None:
            raise ForeignObjectError(replaced(manifest, recorded, kubeconfigs.kubectl(kubeconfig)))
        if _is_condemned(state, args.urn, id_):
            raise ForeignObjectError(condemned(manifest, args.urn))
        if owner_of(found) == owner_of(manifest):
            return
        if stack_of(found) == stack_of(manifest):
            raise ForeignObjectError(renamed(found, self.options))
        if owner_of(found) is not None:
            owner = str(owner_of(manifest))
            raise ForeignObjectError(marked(found, owner, kubeconfigs.kubectl(kubeconfig)))
        if self._taken:
            if found_otherwise := clashes(found, manifest):
                raise ForeignObjectError(clashing(found, found_otherwise))
            shown = not has_secret(args.new_inputs, "spec")
            pulumi.log.warn(taken(found, lost(found, manifest, shown=shown)))
            return
        parent = self._parents[args.name]
        parents = {"parent": await parent.urn.future()} if parent else {}
        urns = {**parents, "provider": await self._provider.urn.future()}
        ways = "".join(f" --{option} {option}={urn}" for option, urn in urns.items() if urn)
        flags = "--protect=false --generate-code=false"
        command = f"pulumi import {flags} {args.type} {args.name} {id_}{ways}"
        raise ForeignObjectError(refusal(found, command, self.options.line(self._option, "true")))


def of_app(
    kubeconfig: pulumi.Input[Kubeconfig],
    provider: pulumi.ProviderResource,
    app: App,
    options: Options,
    also: pulumi.ResourceHookBinding | None,
) -> Ownership:
    """Guards the objects of an app, unless it takes them over."""
    # A namespace that is an Output is made by the program itself, and not there yet in its first preview.
    there = None if app.create_namespace or later.has(app.namespace) else app.namespace
    return Ownership(
        kubeconfig,
        provider,
        "app.takeOwnership",
        taken=app.take_ownership,
        namespace=there,
        also=also,
        options=options,
    )


class ForeignObjectError(Exception):
    """An object exists that is not the stack's to make; the message names it and the ways out."""


class MissingNamespaceError(Exception):
    """The namespace that the objects go to is not there; the message says how to make it."""


def owned(name: str, manifest: Manifest) -> Manifest:
    """The manifest of the logical name with the annotation that says whose it is."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), OWNER: f"{this_stack()}/{name}"}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def this_stack() -> str:
    """The full name of the stack that runs."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def owner_of(manifest: Mapping[str, Any]) -> str | None:
    """The owner that the object's annotation names."""
    annotations: Mapping[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get(OWNER)


def stack_of(manifest: Mapping[str, Any]) -> str | None:
    """The full name of the stack in the object's annotation."""
    owner = owner_of(manifest)
    return owner.rpartition("/")[0] if owner else None


def object_id(manifest: Mapping[str, Any]) -> str:
    """The id by which Pulumi knows an object: `[namespace/]name`."""
    metadata = manifest["metadata"]
    return "/".join(metadata[key] for key in ("namespace", "name") if key in metadata)


def find(kubeconfig: Kubeconfig, manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object of the manifest's kind and name in the cluster. Raises GatewayError."""
    with Api(kubeconfig) as api:
        return api.find(object_path(manifest))


def require(kubeconfig: Kubeconfig, namespace: str, options: Options = IN_CONFIG) -> None:
    """Raises MissingNamespaceError where the cluster has no such namespace."""
    found: Mapping[str, Any] | None = {}
    # Who may not look at namespaces is told by the API server when the first object is made.
    with suppress(GatewayError):
        found = find(kubeconfig, workload.namespace(namespace))
    if found is None:
        raise MissingNamespaceError(
            f"There is no namespace {namespace} in the cluster. Nothing was made in it."
            "\n  To make it, type:"
            f"\n    {kubeconfigs.kubectl(kubeconfig)} create namespace {namespace}"
            "\n  or, to let the stack make it:"
            f"\n    {options.line('app.createNamespace', 'true')}"
        )


def _state(stack: str) -> Sequence[Mapping[str, Any]]:
    """The resources in the stack's state. Raises RolloutError."""
    return of_the_state(lambda: stacks.resources(stack), RolloutError)


def of_the_state(read: Callable[[], T], error: type[Exception]) -> T:
    """What a reading of the stack's state gives. Raises its error.

    While an engine writes it, a file backend has for a moment no state of the stack.
    """
    for _ in range(_TRIES - 1):
        with suppress(error):
            return read()
        time.sleep(_PAUSE_SECONDS)
    return read()


def _recorded(state: Sequence[Mapping[str, Any]], urn: str, id_: str) -> Mapping[str, Any] | None:
    """The state's entry of this very object, unless Pulumi has deleted it, or is to."""
    entries = [one for one in state if one["urn"] == urn and one.get("id") == id_]
    return next((one for one in entries if not (one.get("delete") or one.get("pendingReplacement"))), None)


def _is_condemned(state: Sequence[Mapping[str, Any]], urn: str, id_: str) -> bool:
    """Whether Pulumi deletes this very object at the end of any `up`; one that it retains it lets go of."""
    entries = [one for one in state if one["urn"] == urn and one.get("id") == id_]
    return any(one.get("delete") and not one.get("retainOnDelete") for one in entries)


def replaced(manifest: Mapping[str, Any], recorded: Mapping[str, Any], kubectl: str) -> str:
    """The sentence for an object that the stack has, and that Pulumi was asked to make anew."""
    metadata, kind = manifest["metadata"], manifest["kind"]
    lines = [
        f"{kind} {object_id(manifest)} serves, and its replacement would delete it. It was not touched.",
    ]
    if recorded.get("taint"):
        lines += [
            "It is marked for replacement. To take the mark off, type:",
            f"  pulumi state untaint '{recorded['urn']}'",
        ]
    if kind == "Deployment":
        restart = f"{kubectl} rollout restart deployment/{metadata['name']} -n {metadata['namespace']}"
        lines += ["To start its pods anew without a failed request, type:", f"  {restart}"]
    else:
        lines += ["To write all its fields anew, type:", "  pulumi up --refresh"]
    return "\n  ".join(lines)


def condemned(manifest: Mapping[str, Any], urn: str) -> str:
    """The sentence for an object that an `up` which did not end has replaced by one of another name."""
    id_ = object_id(manifest)
    return "\n  ".join(
        (
            f"{manifest['kind']} {id_} is still to be deleted, for an `up` that gave it another name or "
            "namespace and did not end: this one would delete it at its end. It was not touched.",
            "Set the config to what that `up` had, and let an `up` end well; then go back.",
            "Or, to go back now, let the state forget the deletion. Type at a terminal, and if it asks",
            f'which one, choose "{id_}" (Pending Deletion); do so for each object that an `up` then names:',
            f"  pulumi state delete --stack {typed_name()} '{urn}'",
        )
    )


def marked(found: Mapping[str, Any], owner: str, kubectl: str) -> str:
    """The sentence for an object with another stack's mark, which takeOwnership does not take."""
    metadata = found["metadata"]
    where = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
    group = found["apiVersion"].rpartition("/")[0]
    kind = ".".join(filter(None, (found["kind"].lower(), group)))
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} is {owner_of(found)}'s. It was not touched.",
            "If that stack is no more, or this one under another name, give it to this one:",
            f"  {kubectl} annotate --overwrite {kind} {metadata['name']}{where} {OWNER}={owner}",
            "Else give the app another name, or this stack a namespace of its own.",
        )
    )


def taken(found: Mapping[str, Any], losses: Sequence[str]) -> str:
    """The sentence for an object that is taken over, with what it loses by that."""
    what = "; it loses" if losses else " as it is"
    return "\n  ".join((f"{found['kind']} {object_id(found)} is taken over{what}", *losses))


def clashing(found: Mapping[str, Any], ways: Sequence[str]) -> str:
    """The sentence for an object whose probes Kubernetes would refuse once it is taken over."""
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} cannot be taken over as the config is. It was not touched.",
            *(f"{one}." for one in ways),
            "Kubernetes would keep both, and refuses that. Write the probe as it is there, in versions: by",
            "path for httpGet, by grpc for grpc, by neither for tcpSocket, by a podTemplate for exec.",
        )
    )


def refusal(found: Mapping[str, Any], command: str, line: str) -> str:
    """The sentence for an object that is somebody else's, with two ways to take it over."""
    labels: Mapping[str, str] = found["metadata"].get("labels") or {}
    manager = labels.get("app.kubernetes.io/managed-by")
    whose = f", {manager} manages it" if manager else ""
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} exists and is not this stack's{whose}. It was not touched.",
            "To take this one over, type:",
            f"  {command}",
            "or, to take over whatever the stack finds of its own names:",
            f"  {line}",
            "What each of them changes: docs/adopt.md.",
        )
    )


def renamed(found: Mapping[str, Any], options: Options = IN_CONFIG) -> str:
    """The sentence for an object that the stack itself has by another logical name, as after a new app.name.

    Taken over, it would be deleted at the end of the same `up`, as the old name's.
    """
    name = str(owner_of(found)).rpartition("/")[2]
    return "\n  ".join(
        (
            f"{found['kind']} {object_id(found)} is this stack's own, as {name}. It was not touched.",
            f"An app cannot be renamed under traffic: set {options.name('app.name')} back, or give the new",
            "one a stack of its own, with a namespace and a routing.gateway of its own.",
        )
    )
