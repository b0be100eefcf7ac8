"""The cluster of the stack: how Kubernetes is reached, and at which address its node ports."""

import atexit
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.provider import Provider

from . import later
from .cluster_identity import ClusterIdentity, SameCluster
from .kubernetes import copies, kubeconfig
from .kubernetes.errors import KubeconfigError
from .kubernetes.kubeconfig import Kubeconfig
from .minikube import Minikube
from .option import IN_CONFIG, Options
from .provider import kubeconfig_input
from .pulumi_cli import environment
from .settings.model import KubeconfigCluster, MinikubeCluster

_UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"


@dataclass(frozen=True)
class Cluster:
    """The one Kubernetes provider of the stack; `address` None: there is only a load balancer.

    `owned` says that the stack makes the cluster itself, so that all that is on it goes with it. `identity`
    is that of one that exists.
    """

    provider: Provider
    kubeconfig: pulumi.Input[Kubeconfig]
    address: pulumi.Output[str] | None
    owned: bool
    identity: ClusterIdentity | None = None

    def guard(
        self, name: str, last: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Has a last look at a cluster that exists before any of these, which are all on it, is deleted."""
        if self.identity is not None:
            after = pulumi.ResourceOptions(depends_on=[self.identity, *last])
            SameCluster(name, self.identity, pulumi.ResourceOptions.merge(opts, after))

    def options(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """The options of a component that lives on the cluster; its children inherit them."""
        return pulumi.ResourceOptions(
            provider=self.provider,
            depends_on=list(depends_on),
            # The provider is made anew exactly when the cluster is.
            deleted_with=self.provider if self.owned else None,
        )


def cluster(args: MinikubeCluster | KubeconfigCluster) -> Cluster:
    """Starts the Minikube, or finds the cluster.

    Raises pulumi.RunError where there is none, or the shell is set up for another stack's.
    """
    if refusal := environment.refusal(pulumi.get_stack()):
        raise pulumi.RunError(refusal)
    with taking_over():
        return _minikube(args) if isinstance(args, MinikubeCluster) else existing("kubernetes", args)


@contextmanager
def taking_over() -> Generator[None]:
    """Lets the providers that are made meanwhile write objects that exist, and no others of the program.

    Who may be taken over is decided before an object is made (components/ownership.py); since 4.29
    pulumi-kubernetes would refuse even what a killed `up` of this stack made.
    """
    before = os.environ.get(_UPSERT)
    os.environ[_UPSERT] = before or "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_UPSERT]


def _minikube(args: MinikubeCluster) -> Cluster:
    minikube = Minikube("minikube", args, in_config=True)
    # A provider that found the cluster stopped asks it again only when its own inputs have changed.
    config = pulumi.Output.all(minikube.changed, _marked(minikube.kubeconfig)).apply(
        "# {0[0]}\n{0[1]}".format
    )
    provider = Provider(
        "kubernetes",
        kubeconfig=config,
        # With an identity, a new certificate or address of the same cluster replaces nothing on it.
        cluster_identifier=minikube.cluster_id,
        # The refresh before an `up` leaves what it cannot see; docs/decisions/minikube-refresh.md
        skip_update_unreachable=True,
    )
    address = _given(args.ingress_address) or minikube.ip
    return Cluster(provider, minikube.kubeconfig, address, owned=True)


def _marked(text: pulumi.Output[str]) -> pulumi.Output[str]:
    """The text for a provider, whose copies of it go with this process."""
    atexit.register(copies.remove)
    return text.apply(copies.marked)


def _given(address: str | None) -> pulumi.Output[str] | None:
    return None if address is None else pulumi.Output.from_input(later.filled(address))


def existing(
    name: str,
    args: KubeconfigCluster,
    text: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    options: Options = IN_CONFIG,
) -> Cluster:
    """A cluster that somebody else made; `name` is its provider's, and `options` say where its path stands.

    The state names the context, and its credentials nowhere; the `text` of a kubeconfig is a secret in it.
    Raises pulumi.RunError where there is no such context.
    """
    if text is not None:
        secret = pulumi.Output.secret(text)
        identity = ClusterIdentity(f"{name}-cluster", kubeconfig_input(secret), opts)
        provider = _provider(name, identity, opts, _marked(secret))
        return Cluster(provider, secret, _given(args.ingress_address), owned=False, identity=identity)
    reference = kubeconfig.reference(args.path, args.context)
    try:
        context = kubeconfig.read(reference)
    except KubeconfigError as error:
        raise pulumi.RunError(str(error)) from error
    if args.path is not None and context.relative and not Path(args.path).expanduser().parent.samefile("."):
        raise pulumi.RunError(_relative(args.path, context.relative, options))
    identity = ClusterIdentity(f"{name}-cluster", reference, opts)
    # An empty text: else the SDK writes the variable KUBECONFIG into the state.
    provider = _provider(name, identity, opts, args.path or "", args.context)
    return Cluster(provider, reference, _given(args.ingress_address), owned=False, identity=identity)


def _provider(
    name: str,
    identity: ClusterIdentity,
    opts: pulumi.ResourceOptions | None,
    config: pulumi.Input[str],
    context: str | None = None,
) -> Provider:
    return Provider(
        name,
        kubeconfig=config,
        context=context,
        # Stacks have it, and a changed one would replace every object. With it, another address of the
        # cluster replaces nothing; whether it is the same cluster, the identity knows.
        cluster_identifier="existing",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[identity])),
    )


def _relative(path: str, names: Sequence[str], options: Options) -> str:
    # Pulumi's Kubernetes provider would look for them in the project's folder.
    return "\n  ".join(
        (
            f"The kubeconfig {path} names files relative to itself ({', '.join(names)}), which Pulumi "
            "finds by KUBECONFIG alone. Type:",
            f"export KUBECONFIG={Path(path).expanduser().absolute()}",
            options.removal("cluster.path"),
        )
    )
