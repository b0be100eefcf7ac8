"""The component Minikube: a profile that the stack owns (T1 of the tutorial)."""

from dataclasses import asdict
from typing import Any

import pulumi

from .minikube_profile import MinikubeProfile
from .profile.profile import Profile
from .settings.model import MinikubeCluster, MinikubeProgram


class Minikube(pulumi.ComponentResource):
    """A running Minikube.

    `kubeconfig` (a secret) is for this profile alone, `ip` is its node's address (T6),
    `cluster_id` changes when the cluster is made anew, and `changed` when it is started again.
    `in_config` says that `args` are the stack's config, by whose keys its messages name them.
    Raises pulumi.RunError where there is no such `minikube` as `args.minikube` names.
    """

    kubeconfig: pulumi.Output[str]
    ip: pulumi.Output[str]
    cluster_id: pulumi.Output[str]
    changed: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: MinikubeCluster,
        opts: pulumi.ResourceOptions | None = None,
        *,
        in_config: bool = False,
    ) -> None:
        super().__init__("blue-green:index:Minikube", name, None, opts)
        wanted = inputs(args) | ({} if in_config else {"component": f"Minikube {name}"})
        profile = Profile.of(wanted)
        if args.minikube is not None and profile.program is None:
            raise pulumi.RunError(profile.missing)
        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        made = MinikubeProfile(
            f"{name}-profile", {**wanted, "owner": owner}, pulumi.ResourceOptions(parent=self)
        )
        self.kubeconfig = pulumi.Output.secret(made.kubeconfig)
        self.ip = made.ip
        self.cluster_id = made.clusterId
        self.changed = made.changed
        # Without the kubeconfig: Pulumi's SDK writes registered outputs, secrets too, into its debug log.
        self.register_outputs({"ip": self.ip, "cluster_id": self.cluster_id})


def inputs(args: MinikubeCluster) -> dict[str, Any]:
    """The profile's inputs by their config names; what is left to Minikube is left out."""
    values: dict[str, Any] = {
        "profile": args.profile,
        "driver": args.driver,
        "minikube": _given(args.minikube),
        "cpus": args.cpus,
        "memory": args.memory,
        "diskSize": args.disk_size,
        "nodes": args.nodes,
        "kubernetesVersion": args.kubernetes_version,
        "containerRuntime": args.container_runtime,
        "cni": args.cni,
        "extraConfig": list(args.extra_config),
        "addons": list(args.addons),
        "mount": args.mount,
        "flags": list(args.flags),
        "adopt": args.adopt,
        "recreate": args.recreate,
    }
    return {key: value for key, value in values.items() if value not in (None, [], {}, False)}


def _given(program: MinikubeProgram | None) -> dict[str, str]:
    return (
        {} if program is None else {key: value for key, value in asdict(program).items() if value is not None}
    )
