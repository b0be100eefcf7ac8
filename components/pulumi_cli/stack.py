"""The Pulumi stack that a command works on: up, down, outputs, state, history."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, cast

from ..errors import RolloutError
from ..history.past import CAUSE, Cause
from ..kubernetes import kubeconfig as kubeconfigs
from ..kubernetes.errors import GatewayError
from . import locks, project, unfinished, updates

HISTORY_PAGE = 10


def up(stack: str, *, refresh: bool = False, progress: bool = False) -> None:
    """Create or select the stack, then run `pulumi up` on it, with Pulumi's own output.

    Args:
        stack: the stack's name.
        refresh: read the cluster first, so that what others changed there is put back.
        progress: Pulumi's output goes to standard error; so it does in `down`.

    Raises:
        RolloutError: Pulumi failed; what it said stands above.
    """
    project.check_file(stack)
    locks.clear_dead(stack)
    _select(stack, progress=progress)
    unfinished.clear_pending(stack, deployment(stack))
    project.show("up", "--yes", "--stack", stack, *(["--refresh"] if refresh else []), progress=progress)


def _select(stack: str, *, progress: bool) -> None:
    """Select the stack, or create it; then its file may be new to Git, which is said."""
    file = project.config_file(stack)
    before = file.read_bytes() if file.exists() else b""
    project.show("stack", "select", "--create", stack, progress=progress)
    if file.exists() and file.read_bytes() != before:
        project.say(f"Pulumi has written the salt of this stack's secrets into {file.name}: commit it")


def converge(
    stack: str, cause: Cause = Cause.whole, why: str = "", *, shielded: bool = False, quiet: bool = False
) -> None:
    """Run `pulumi up` without its preview, the fastest way to make the stack what its config says.

    Args:
        stack: the stack's name.
        cause: why it runs, for the history and for what `up` writes into the cluster.
        why: the same in words, for a person who reads the history.
        shielded: an interrupt from the terminal does not reach Pulumi.
        quiet: Pulumi says nothing but what it waits for, and what went wrong.

    Raises:
        RolloutError: Pulumi failed; what it said stands above. LockedError: another `up` runs.
    """
    project.check_file(stack)
    locks.clear_dead(stack)
    message = ("--message", updates.message(cause, why)) if cause else ()
    project.show(
        *("up", "--yes", "--skip-preview", "--stack", stack, *message),
        shielded=shielded,
        progress=True,
        quiet=quiet,
        environment={CAUSE: cause},
    )


def down(stack: str, *, cluster_gone: bool = False, progress: bool = False) -> None:
    """Destroy everything in the stack and the stack itself; a stack that is not there is no error.

    Args:
        stack: the stack's name.
        cluster_gone: the machine of the stack's own cluster is no more: only forget what was on it.
        progress: as in `up`.

    Raises:
        RolloutError: Pulumi failed; what it said stands above.
    """
    if project.short(stack) not in map(project.short, names()):
        project.say(f"there is no stack {stack}, so there is nothing to destroy")
        return
    locks.clear_dead(stack)
    forget = cluster_gone and _owns_its_cluster(stack)
    state = resources(stack)
    kept, kubectl = () if forget else kept_namespaces(state), kubectl_for(state)
    if not forget:
        project.show("destroy", "--yes", "--stack", stack, progress=progress)
    project.show("stack", "rm", "--yes", "--force", "--preserve-config", stack, progress=progress)
    for namespace in kept:
        project.say(
            f"the namespace {namespace} is kept, with all that others have in it. To delete it, type:"
        )
        project.say(f"  {kubectl} delete namespace {namespace}")


def kept_namespaces(state: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the namespaces that stay when the stack goes: not those of a cluster that goes with it."""
    return tuple(
        one["id"]
        for one in state
        if one["type"] == "kubernetes:core/v1:Namespace"
        and one.get("retainOnDelete")
        and not one.get("deletedWith")
    )


def kubectl_for(state: Sequence[Mapping[str, Any]]) -> str:
    """Return the kubectl command for the cluster that exists and that the stack is on, as its state knows."""
    for one in state:
        if one["type"].endswith(":ClusterIdentity"):
            with suppress(GatewayError):
                return kubeconfigs.kubectl(one["inputs"]["kubeconfig"])
    return "kubectl"


def _owns_its_cluster(stack: str) -> bool:
    """Whether the stack has made its cluster: else what it has made elsewhere outlives a machine."""
    return any(resource["type"].endswith(":MinikubeProfile") for resource in resources(stack))


def names() -> list[str]:
    """Return the names of the project's stacks in the backend."""
    listed = cast("Sequence[Mapping[str, str]]", project.ask_json("stack", "ls", "--json"))
    return [stack["name"] for stack in listed]


def outputs(stack: str) -> Mapping[str, Any]:
    """Return the stack's outputs, secrets masked; none before the first `up`."""
    run = project.run("stack", "output", "--json", "--stack", stack)
    return cast("Mapping[str, Any]", json.loads(run.stdout)) if run.returncode == 0 else {}


def output(stack: str, name: str) -> Any:
    """Return an output of the stack.

    Raises:
        RolloutError: the stack has no such output, mostly because `up` has not run yet.
    """
    found = outputs(stack)
    if name not in found:
        line = project.make_up(stack) or f"pulumi up --stack {stack}"
        msg = f"stack {stack} has no output {name!r} yet. Type: {line}"
        raise RolloutError(msg)
    return found[name]


def resources(stack: str) -> Sequence[Mapping[str, Any]]:
    """Return the resources in the stack's state, secrets still encrypted."""
    return cast("Sequence[Mapping[str, Any]]", deployment(stack).get("resources") or [])


def deployment(stack: str) -> Mapping[str, Any]:
    """Return the stack's state as Pulumi exports it; nothing before the first `up`."""
    exported = cast("Mapping[str, Any]", project.ask_json("stack", "export", "--stack", stack))
    return exported.get("deployment") or {}


def history(stack: str) -> Iterator[Mapping[str, Any]]:
    """Yield the stack's updates, the newest first, each with its `kind`, `result` and `config`.

    They are read by pages: a stack that has been changed a thousand times is asked for the last ones.
    """
    for page in count(1):
        paging = ("--page-size", str(HISTORY_PAGE), "--page", str(page))
        found = project.ask_json("stack", "history", "--json", "--stack", stack, *paging)
        updates = cast("Sequence[Mapping[str, Any]] | None", found) or ()
        yield from updates
        if len(updates) < HISTORY_PAGE:
            return
