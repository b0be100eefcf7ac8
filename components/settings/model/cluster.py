"""Where a stack runs: a Minikube profile of its own, or a cluster that exists."""

from dataclasses import dataclass
from typing import Annotated, Literal

from .. import rules
from ..forms import Key, Kind, Section, Whole

_KINDS = ("minikube", "kubeconfig")


@dataclass(frozen=True)
class MinikubeProgram(Section):
    """The `minikube` to run, where it is not the user's own; paths are relative to the project's folder.

    `home` is its MINIKUBE_HOME and `kubeconfig` its KUBECONFIG; None means the shell's.
    """

    command: Annotated[str, rules.FILE, Key("The command `minikube`.", example=".lab/bin/minikube")]
    home: Annotated[
        str | None, rules.FILE, Key("Its MINIKUBE_HOME.", example=".lab/minikube", default="the shell's")
    ] = None
    kubeconfig: Annotated[str | None, rules.FILE, Key("Its KUBECONFIG.", default="the shell's")] = None


@dataclass(frozen=True)
class MinikubeCluster(Section):
    """A Minikube profile that the stack owns. `memory` is in MiB; None means Minikube's default.

    `minikube` None is the one on PATH. `this_machine` lets it make this very machine the node, by driver
    none. `adopt` and `recreate` say what becomes of a profile of that name that the stack has not made.
    """

    profile: Annotated[str, rules.WORD, Key("The profile's name.", "cluster", "dev")]
    driver: Annotated[
        str | None, rules.WORD, Key("Minikube's driver.", "cluster", "docker", default="Minikube's choice")
    ] = None
    minikube: Annotated[
        MinikubeProgram | None, Key("Another Minikube than the one on PATH.", default="the one on PATH")
    ] = None
    this_machine: Annotated[
        bool, rules.BOOLEAN, Key("Whether driver none may make this very machine the node, as root.")
    ] = False
    cpus: Annotated[int, Whole(1, 1024, 4), Key("Processors of each node.", "cluster")] = 4
    memory: Annotated[int, Whole(1800, 16_000_000, 8192), Key("Memory of each node, in MiB.", "cluster")] = (
        8192
    )
    kubernetes_version: Annotated[
        str | None,
        rules.KUBERNETES_VERSION,
        Key("A newer one is applied to the cluster, an older one makes a new cluster.", "cluster", "v1.35.1",
            default="Minikube's"),
    ] = None  # fmt: skip
    container_runtime: Annotated[
        str | None, rules.WORD, Key("Minikube's --container-runtime.", "cluster", "containerd", "Minikube's")
    ] = None
    cni: Annotated[str | None, rules.CNI, Key("Minikube's --cni.", "cluster", "calico", "Minikube's")] = None
    disk_size: Annotated[
        str | None, rules.DISK_SIZE, Key("Disk of each node.", "cluster", "40g", "Minikube's")
    ] = None
    nodes: Annotated[int, Whole(1, 100), Key("How many nodes.", "cluster", 3)] = 1
    extra_config: Annotated[
        tuple[Annotated[str, rules.EXTRA_CONFIG], ...],
        rules.DISTINCT,
        Key("Minikube's --extra-config; a change starts Minikube once more.", "unmeasured"),
    ] = ()
    addons: Annotated[
        tuple[Annotated[str, rules.WORD], ...],
        rules.DISTINCT,
        Key("Minikube's addons.", example=["metrics-server"]),
    ] = ()
    mount: Annotated[
        str | None, rules.MOUNT, Key("A folder of this machine on the node.", "cluster", "/src:/mnt/src")
    ] = None
    flags: Annotated[
        tuple[Annotated[str, rules.FLAG], ...],
        rules.DISTINCT,
        Key("Any other flags of `minikube start`; a change starts Minikube once more.", "unmeasured"),
    ] = ()
    adopt: Annotated[
        bool, rules.BOOLEAN, Key("Whether a profile of that name that is there already is taken over.")
    ] = False
    recreate: Annotated[
        bool,
        rules.BOOLEAN,
        Key("Whether a profile of that name that the stack has not made is deleted first.", "cluster"),
    ] = False
    ingress_address: Annotated[
        str | None,
        rules.ADDRESS,
        Key("Where requests come in, if elsewhere than at the node.", example="192.168.49.2",
            default="`minikube ip`"),
    ] = None  # fmt: skip
    kind: Annotated[
        Literal["minikube"],
        Kind(_KINDS, "minikube"),
        Key("`minikube`: a profile that the stack owns."),
    ] = "minikube"


@dataclass(frozen=True)
class KubeconfigCluster(Section):
    """A cluster that exists: a context (None: the current one) of a kubeconfig file.

    Without `path` it is looked for as kubectl looks: in the files of KUBECONFIG, or ~/.kube/config.
    """

    path: Annotated[
        str | None,
        rules.FILE,
        Key(
            "The kubeconfig.", example="~/.kube/config", default="the files of KUBECONFIG, or ~/.kube/config"
        ),
    ] = None
    context: Annotated[str | None, rules.CONTEXT, Key("The context.", default="the current one")] = None
    ingress_address: Annotated[
        str | None,
        rules.ADDRESS,
        Key("Where requests come in, if elsewhere than at a node or at the load balancer.",
            example="gateway.example.com", default="the load balancer's, or a ready node's"),
    ] = None  # fmt: skip
    kind: Annotated[
        Literal["kubeconfig"],
        Kind(_KINDS, "kubeconfig"),
        Key("`kubeconfig`: a cluster that exists.", example="kubeconfig", default="required"),
    ] = "kubeconfig"
