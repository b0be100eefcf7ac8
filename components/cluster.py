"""The cluster of the stack: how Kubernetes is reached, and at which address its node ports."""

import os
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.provider import Provider

from components import kubeconfig
from components.minikube import Minikube
from settings.model import KubeconfigCluster, MinikubeCluster


@dataclass(frozen=True)
class Cluster:
    """The one Kubernetes provider of the stack; `address` None: there is only a load balancer."""

    provider: Provider
    kubeconfig: pulumi.Output[str]
    address: pulumi.Output[str] | None


def cluster(args: MinikubeCluster | KubeconfigCluster) -> Cluster:
    """Starts the Minikube, or finds the cluster. Raises pulumi.RunError where there is none."""
    if isinstance(args, MinikubeCluster):
        minikube = Minikube("minikube", args)
        config, identity, address = minikube.kubeconfig, minikube.cluster_id, minikube.ip
    else:
        config = pulumi.Output.secret(_existing(args))
        identity, address = None, None
    if args.ingress_address is not None:
        address = pulumi.Output.from_input(args.ingress_address)
    # Who may be taken over is decided before an object is made (components/ownership.py); since 4.29
    # pulumi-kubernetes would refuse even what a killed `up` of this stack made.
    os.environ.setdefault("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", "true")
    # With an identity, a new certificate or address of the same cluster replaces nothing on it.
    provider = Provider("kubernetes", kubeconfig=config, cluster_identifier=identity)
    return Cluster(provider, config, address)


def _existing(args: KubeconfigCluster) -> str:
    try:
        return kubeconfig.minified((Path(args.path).expanduser(),), args.context)
    except kubeconfig.KubeconfigError as error:
        raise pulumi.RunError(str(error)) from error
