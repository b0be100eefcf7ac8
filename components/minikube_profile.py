"""The Pulumi resource of a Minikube profile. What it does is in profile/cli.py, what it decides here.

Pulumi pickles the provider by its name, so the program's folder must hold this module. Why it
behaves so towards a cluster that is stopped or gone: docs/decisions/minikube-refresh.md.
"""

import datetime
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from .kubernetes import copies
from .profile import changes as minikube_changes
from .profile import cli as minikube_cli
from .profile import owner as minikube_owner
from .profile.cli import MinikubeError, Status
from .profile.owner import Owner
from .profile.profile import Profile
from .provider import Carried, Provider, plain_errors


class MinikubeProfileProvider(Provider):
    """Makes, reads, changes and deletes a profile by the `minikube` of its inputs, or the one on PATH."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Asks Minikube whether it takes the inputs, where it is installed; on preview and `up`."""
        # Pulumi asks once more without olds for a new cluster: then it gets a new identity.
        inputs = {**news, "clusterId": _olds.get("clusterId") or uuid.uuid4().hex}
        same = {key: _olds.get(key) for key in news} == news
        wrong = None if same or Profile.of(inputs).program is None else _wrong(inputs, _olds.get("clusterId"))
        return dynamic.CheckResult(inputs, [dynamic.CheckFailure("", wrong)] if wrong else [])

    @plain_errors()
    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Starts the profile, and refuses one that somebody else made."""
        profile = Profile.of(props)
        owner = minikube_owner.read(profile)
        status = minikube_cli.status(profile)
        whole = there = status != "Deleted"
        if refusal := _refusal(props, status):
            raise MinikubeError(refusal)
        ours = owner is not None and owner.stack == props["owner"]
        if there and owner is not None and ours and (not owner.started or status == "Broken"):
            # Of one that was started the note does not say whether the stack made it or adopted it.
            if owner.started and props.get("adopt"):
                raise MinikubeError(_broken(props))
            _clean(profile)
            whole = False
        elif there and not ours and props.get("recreate"):
            minikube_cli.delete(profile)
            whole = False
        # What was there stays so for the next `up`, even where this start fails.
        _note(props, started=whole)
        minikube_cli.start(props)
        minikube_cli.set_addons(profile, props.get("addons") or (), ())
        _note(props, started=True)
        return dynamic.CreateResult(profile.name, {**props, **_running(props)})

    @plain_errors()
    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Sees how the profile is. It is never told as gone: what lives on it would be left behind."""
        return dynamic.ReadResult(id_, {**props, "status": _status(props)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Tells what needs a new cluster from what is done to the one that is there."""
        gone = _olds.get("status") in minikube_changes.GONE
        # A state of the first release was read by the shell's Minikube, which may not know the profile.
        if gone and not minikube_changes.another_minikube(_olds, _news):
            minikube_cli.say_once(_id, f"it is {_olds['status'].lower()}: all that was on it is made anew")
            return dynamic.DiffResult(True, ["clusterId"], [], delete_before_replace=True)
        replaces = minikube_changes.replacing(_olds, _news)
        if replaces:
            changes = minikube_changes.described(_olds, _news)
            minikube_cli.say_once(
                _id, f"warning: {changes} needs a new cluster: all that is on it, volumes too, is lost"
            )
        return dynamic.DiffResult(
            minikube_changes.any_change(_olds, _news), replaces, [], delete_before_replace=True
        )

    @plain_errors()
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Starts the profile again, if it has to be, and sets its addons."""
        profile = Profile.of(_news)
        status = minikube_cli.status(profile)
        if status == "Paused":
            minikube_cli.unpause(profile)
        if minikube_changes.starting(_olds, _news) or status not in ("Running", "Paused"):
            minikube_cli.start(_news)
        minikube_cli.set_addons(profile, _news.get("addons") or (), _olds.get("addons") or ())
        _note(_news, started=True)
        return dynamic.UpdateResult({**_news, **_running(_news)})

    @plain_errors()
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Deletes the profile, unless somebody else has made one of its name since."""
        profile = Profile.of(_props)
        owner = minikube_owner.read(profile)
        if owner is not None and owner.cluster_id == _props["clusterId"]:
            minikube_cli.delete(profile)
        copies.remove()


def _clean(profile: Profile) -> None:
    """Deletes what a killed start left; where Minikube cannot delete it yet, another start goes on with it.

    With driver none it deletes by the kubeadm that a start installs (seen with Minikube 1.38.1).
    """
    try:
        minikube_cli.delete(profile)
    except MinikubeError as error:
        minikube_cli.say(
            profile.name, f"it cannot be deleted, so its start goes on: {str(error).splitlines()[0]}"
        )


def _wrong(props: Mapping[str, Any], cluster_id: str | None) -> str | None:
    """Why this profile cannot be started, as far as the machine can tell now."""
    try:
        status = minikube_cli.status(Profile.of(props))
        return _refusal(props, status, cluster_id) or minikube_cli.mistake(props)
    except MinikubeError:
        # Whatever it is, no mistake of the config; `up` will say it.
        return None


def _refusal(props: Mapping[str, Any], status: Status, cluster_id: str | None = None) -> str | None:
    """Why the profile that is there is not taken; None where there is none, or it is ours.

    With the `cluster_id` that the state has, it is ours under the stack's old name too.
    """
    owner = minikube_owner.read(Profile.of(props))
    ours = owner is not None and (owner.stack == props["owner"] or owner.cluster_id == cluster_id)
    if status == "Deleted" or ours or props.get("recreate"):
        return None
    if props.get("adopt"):
        return _broken(props) if status == "Broken" else _unlike(props)
    whose = f"stack {owner.stack} made it" if owner else "this stack has not made it"
    refused = f"there is a Minikube profile {props['profile']} already, and {whose}. "
    profile = Profile.of(props)
    if profile.component is not None:
        return (
            f"{refused}Write adopt: true to take it over, recreate: true to delete it, or another profile, "
            f"in the arguments of {profile.component}."
        )
    return (
        f"{refused}"
        f"Take it over: {profile.setting('adopt', 'true')}; "
        f"delete it and make a new one: {profile.setting('recreate', 'true')}; "
        f"or name another: {profile.setting('profile', 'NAME')}"
    )


def _broken(props: Mapping[str, Any]) -> str:
    """That the profile which is to be adopted is broken: a start would not mend it."""
    return (
        f"the profile {props['profile']} cannot be adopted, it is broken. "
        f"Look at: minikube status --profile {props['profile']}. "
        "Mend it, or write recreate: true in place of adopt, which deletes it"
    )


def _unlike(props: Mapping[str, Any]) -> str | None:
    """How the profile that is to be adopted is not what the inputs say."""
    try:
        config: dict[str, Any] = json.loads(minikube_owner.config(Profile.of(props)).read_text())
    except (OSError, ValueError) as error:
        return f"the profile {props['profile']} cannot be adopted, its config cannot be read: {error}"
    kubernetes: dict[str, Any] = config.get("KubernetesConfig") or {}
    there = {
        "driver": config.get("Driver"),
        "cpus": config.get("CPUs"),
        "memory": config.get("Memory"),
        "containerRuntime": kubernetes.get("ContainerRuntime"),
        "kubernetesVersion": kubernetes.get("KubernetesVersion"),
    }
    asked = {key: props.get(key) or value for key, value in there.items()}
    if minikube_changes.replacing(there, asked):
        changes = minikube_changes.described(there, asked)
        return (
            f"the profile {props['profile']} cannot be adopted as it is: {changes} needs a new cluster. "
            "Write what it has instead, or recreate: true in place of adopt, which deletes it"
        )
    return None


def _status(props: Mapping[str, Any]) -> str:
    """The profile's status. One that somebody else made anew is not ours: ours is deleted."""
    profile = Profile.of(props)
    if profile.program is None:
        return "Unknown"
    status = minikube_cli.status(profile)
    owner = minikube_owner.read(profile)
    ours = owner is not None and owner.cluster_id == props["clusterId"]
    return status if ours else "Deleted"


def _running(props: Mapping[str, Any]) -> dict[str, str]:
    """The outputs of a profile that has just been started or changed."""
    profile = Profile.of(props)
    # Minikube waits for its first node alone.
    if (props.get("nodes") or 1) > 1:
        minikube_cli.wait_for_nodes(profile)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {**minikube_cli.outputs(profile), "status": "Running", "changed": now}


def _note(props: Mapping[str, Any], *, started: bool) -> None:
    minikube_owner.write(Profile.of(props), Owner(props["owner"], props["clusterId"], started))


class MinikubeProfile(Carried, name="MinikubeProfile"):
    """A Minikube profile.

    `clusterId` is new with every cluster that is made, `changed` with every start, and `status` is
    how the profile was last seen: Running, Stopped, Paused, Broken, Deleted or Unknown.
    """

    kubeconfig: pulumi.Output[str]
    ip: pulumi.Output[str]
    clusterId: pulumi.Output[str]  # noqa: N815 - dynamic resources name outputs as in the state
    status: pulumi.Output[str]
    changed: pulumi.Output[str]

    def __init__(self, name: str, args: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("kubeconfig", "ip", "clusterId", "status", "changed"))
        secrets = pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig"])
        super().__init__(
            MinikubeProfileProvider(), name, {**args, **outputs}, pulumi.ResourceOptions.merge(opts, secrets)
        )
