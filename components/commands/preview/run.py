"""Runs `pulumi preview` for stacks and reads what it says; also when the cluster is out of reach."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ...errors import RolloutError
from ...kubernetes.api import Api
from ...kubernetes.errors import GatewayError, KubeconfigError, RefusedError, UnreachableError
from ...observation import endpoint, live
from ...pulumi_cli import config, project, stack
from ...pulumi_cli import last_proof as proofs
from ...settings.model import MinikubeCluster, Settings
from .change import Change, of_digest
from .snapshot import of_resources, of_settings

# Of a Minikube that the stack owns Pulumi only warns, and takes its objects for unchanged.
_SKIPPED = "cluster is unreachable"
_UNREACHABLE = "The cluster cannot be reached from here"
_BLIND = (
    "{reason}, so this compares the config with the stack's state. "
    "Not known: changes to Istio and to routing, and whether somebody changed the cluster by hand."
)
# What every stack's result depends on.
_PROGRAM = ("__main__.py", "Pulumi.yaml", "requirements.txt", "requirements.lock")
_PROGRAM_FOLDER = "components/"


def preview(name: str) -> Change:
    """Return what `pulumi up` would change in a stack.

    Where the cluster cannot be asked, the config is compared with the state instead.

    Raises:
        RolloutError: the stack is of another program, its config has mistakes, or the preview failed; the
            text says why.
    """
    project.check_file(name)
    if not config.is_ours(name):
        msg = (
            f"stack {name} is of a program of its own, whose preview is Pulumi's alone. "
            f"Type: pulumi preview --diff --stack {name}"
        )
        raise RolloutError(msg)
    state, settings = stack.resources(name), config.settings(name)
    reason = _out_of_reach(settings, made=bool(state))
    if reason is None:
        done = project.run("preview", "--json", "--stack", name)
        digest = _digest(done.stdout)
        said = _errors(digest) if digest else f"{done.stdout}{done.stderr}".strip()
        if _SKIPPED in said:
            reason = _UNREACHABLE
        elif done.returncode or digest is None:
            msg = f"the preview of stack {name} failed:\n{said[-3000:]}"
            raise RolloutError(msg)
        else:
            return replace(of_digest(name, state, digest), tests=_tests(name, settings))
    blind = _BLIND.format(reason=reason)
    change = Change(name, of_resources(state), of_settings(settings), None, blind)
    return replace(change, tests=_tests(name, settings))


def _tests(name: str, settings: Settings) -> Mapping[str, str]:
    """Return by version with a test route the command that reaches it once the stack is up."""
    if not settings.test_routes:
        return {}
    # Before the first `up` nobody knows the address.
    url = str(stack.outputs(name).get("url") or "URL")
    where = endpoint.at(url, settings.routing, settings.routing.hosts[0])
    return {version: endpoint.marked(where, mark).curl for version, mark in settings.test_routes.items()}


def _out_of_reach(settings: Settings, *, made: bool) -> str | None:
    """Say why the cluster cannot be asked, without its address: others read it; `made`: the stack is up."""
    # A Minikube that the first `up` makes is not there yet, and nothing on it.
    if isinstance(settings.cluster, MinikubeCluster) and not made:
        return None
    try:
        with Api(live.kubeconfig_of(settings.cluster)) as api:
            api.find("/api/v1/namespaces/kube-system")
    except RefusedError as error:
        reason, details = "The cluster refused the credentials", error
    except UnreachableError as error:
        reason, details = _UNREACHABLE, error
    except KubeconfigError as error:
        reason, details = "There are no credentials for the cluster here", error
    except GatewayError:
        return None  # It answers, whatever it says.
    else:
        return None
    project.say(str(details))
    return reason


def touched(since: str) -> list[str]:
    """Return the stacks that the commits since a Git revision touch, by the backend's names.

    A stack is a committed Pulumi.<stack>.yaml that the backend knows; a change of the program touches all.

    Raises:
        RolloutError: Git does not know the revision.
    """
    # Where the project is a folder of a bigger repository, Git's paths would start at the repository's root.
    files = _git("diff", "--relative", "--name-only", f"{since}...HEAD")
    configs = project.config_folder().relative_to(project.folder()).as_posix()
    committed = {
        found[1]: file
        for file in _git("ls-files", configs)
        if (found := re.fullmatch(r"(?:.*/)?Pulumi\.(.+)\.yaml", file))
    }
    names = sorted(stack.names())
    ours = {name: committed[short] for name in names if (short := project.short(name)) in committed}
    if any(file in _PROGRAM or file.startswith(_PROGRAM_FOLDER) for file in files):
        return list(ours)
    return [name for name, file in ours.items() if file in files]


def _git(*arguments: str) -> Sequence[str]:
    done = subprocess.run(["git", *arguments], cwd=project.folder(), capture_output=True, text=True)
    if done.returncode:
        msg = f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}"
        raise RolloutError(msg)
    return done.stdout.splitlines()


def _digest(text: str) -> Mapping[str, Any] | None:
    try:
        return cast("Mapping[str, Any]", json.loads(text))
    except json.JSONDecodeError:
        return None


def _errors(digest: Mapping[str, Any]) -> str:
    diagnostics: Sequence[Mapping[str, str]] = digest.get("diagnostics") or []
    return "\n".join(
        entry["message"].strip() for entry in diagnostics if entry["severity"] in {"error", "warning"}
    )


def served_elsewhere(name: str) -> Mapping[str, frozenset[str]]:
    """Return by other stack the images that served there when its last `up` was proved.

    Each by its digest, where the registry gave one, and as its version's config names it.
    """
    found: dict[str, frozenset[str]] = {}
    for other in stack.names():
        if project.short(other) != project.short(name):
            state = stack.resources(other)
            proved, deployed = proofs.served(state), of_resources(state).workloads
            named = {deployed[version].image for version in proved if version in deployed}
            digests = {proofs.digest(image) for images in proved.values() for image in images}
            found[other] = frozenset(named | {digest for digest in digests if digest})
    return found
