"""The Pulumi resource of a Minikube profile. Its behaviour is in minikube_cli.

Pulumi pickles the provider by its name, so the program's folder must hold this module.
"""

import uuid
from typing import Any

import pulumi
from pulumi import dynamic

from components import minikube_cli

# What a profile cannot change without being made anew; the rest a second start applies.
REPLACING = ("profile", "driver", "cpus", "memory", "containerRuntime", "cni")
UPDATING = ("kubernetesVersion", "extraConfig", "flags")


class MinikubeProfileProvider(dynamic.ResourceProvider):
    """Create, read, update and delete by the `minikube` on PATH."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Starts the profile."""
        minikube_cli.start(props)
        found = minikube_cli.outputs(props["profile"])
        return dynamic.CreateResult(props["profile"], {**props, **found, "clusterId": uuid.uuid4().hex})

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Sees whether the profile is still there."""
        if not minikube_cli.exists(id_):
            return dynamic.ReadResult("", {})
        return dynamic.ReadResult(id_, {**props, **minikube_cli.outputs(id_)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Tells what needs a new cluster from what another start applies."""
        changed = [
            key for key in (*REPLACING, *UPDATING) if (_olds.get(key) or None) != (_news.get(key) or None)
        ]
        replaces = [key for key in changed if key in REPLACING]
        return dynamic.DiffResult(bool(changed), replaces, [], delete_before_replace=True)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Starts the profile again with the new arguments."""
        minikube_cli.start(_news)
        found = minikube_cli.outputs(_news["profile"])
        return dynamic.UpdateResult({**_news, **found, "clusterId": _olds["clusterId"]})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Deletes the profile."""
        minikube_cli.delete(_id)


class MinikubeProfile(dynamic.Resource, name="MinikubeProfile"):
    """A Minikube profile. `clusterId` is new with every cluster that is made."""

    kubeconfig: pulumi.Output[str]
    ip: pulumi.Output[str]
    clusterId: pulumi.Output[str]  # noqa: N815 - dynamic resources name outputs as in the state

    def __init__(self, name: str, args: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        secrets = pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig"])
        super().__init__(
            MinikubeProfileProvider(),
            name,
            {**args, "kubeconfig": None, "ip": None, "clusterId": None},
            pulumi.ResourceOptions.merge(opts, secrets),
        )
