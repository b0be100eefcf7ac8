"""The component Minikube: a profile that the stack owns (T1 of the tutorial)."""

from typing import Any

import pulumi

from .minikube_profile import MinikubeProfile
from .settings.model import MinikubeCluster


class Minikube(pulumi.ComponentResource):
    """A running Minikube.

    `kubeconfig` (a secret) is for this profile alone, `ip` is its node's address (T6),
    `cluster_id` changes when the cluster is made anew, and `changed` when it is started again.
    """

    kubeconfig: pulumi.Output[str]
    ip: pulumi.Output[str]
    cluster_id: pulumi.Output[str]
    changed: pulumi.Output[str]

    def __init__(self, name: str, args: MinikubeCluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("blue-green:index:Minikube", name, None, opts)
        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        profile = MinikubeProfile(
            f"{name}-profile", {**inputs(args), "owner": owner}, pulumi.ResourceOptions(parent=self)
        )
        self.kubeconfig = pulumi.Output.secret(profile.kubeconfig)
        self.ip = profile.ip
        self.cluster_id = profile.clusterId
        self.changed = profile.changed
        self.register_outputs({"kubeconfig": self.kubeconfig, "ip": self.ip, "cluster_id": self.cluster_id})


def inputs(args: MinikubeCluster) -> dict[str, Any]:
    """The profile's inputs by their config names; what is left to Minikube is left out."""
    values: dict[str, Any] = {
        "profile": args.profile,
        "driver": args.driver,
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
    return {key: value for key, value in values.items() if value not in (None, [], False)}
