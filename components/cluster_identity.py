"""The Pulumi resources that know which cluster a kubeconfig's context led to, and refuse another one.

A provider's `clusterIdentifier` cannot do that: it replaces every object when it changes. Pulumi
pickles the provider by its name, so the program's folder must hold this module.
"""

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import pulumi
from pulumi import dynamic

from .kubernetes import copies
from .kubernetes import kubeconfig as kubeconfigs
from .kubernetes.api import Api
from .kubernetes.errors import ForbiddenError, GatewayError
from .kubernetes.kubeconfig import Reference
from .provider import Carried, Provider, plain_errors

_UID, _AUTHORITY = "uid", "authority"
_KEYS = ("kubeconfig", _UID, _AUTHORITY)


class AnotherClusterError(GatewayError):
    """The context leads to another cluster than before."""


class ClusterIdentityProvider(Provider):
    """Looks at the cluster in every refresh, preview and `up`, before anything else does."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Adds the identity to the inputs; fails on another cluster, or on one that cannot be asked."""
        # In a preview that makes the cluster, its kubeconfig is not known.
        known = isinstance(news["kubeconfig"], dict)
        if not known:
            return dynamic.CheckResult(news, [])
        try:
            found = _known(_olds, news["kubeconfig"])
        except GatewayError as error:
            return dynamic.CheckResult(news, [dynamic.CheckFailure("", str(error))])
        return dynamic.CheckResult({**news, **found}, [])

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing but the entry in the state."""
        return dynamic.CreateResult(props.get(_UID) or props.get(_AUTHORITY) or "unknown", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Nothing but the entry in the state."""
        return dynamic.UpdateResult(_news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of inputs."""
        return dynamic.DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _KEYS))

    @plain_errors()
    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Refuses another cluster: a refresh would find nothing there, and forget all that the stack made."""
        _known(props, props["kubeconfig"])
        return dynamic.ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Takes the provider's copies away: this is deleted behind the provider."""
        copies.remove()


class SameClusterProvider(Provider):
    """Looks at the cluster before anything on it is deleted: `destroy --refresh=false` reads nothing."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing but the entry in the state."""
        return dynamic.CreateResult("same", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Nothing but the entry in the state."""
        return dynamic.UpdateResult(_news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """A change of inputs."""
        return dynamic.DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in _KEYS))

    @plain_errors()
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Refuses another cluster; of one that cannot be asked, Kubernetes' own provider speaks."""
        try:
            _known(_props, _props["kubeconfig"])
        except GatewayError as error:
            if isinstance(error, AnotherClusterError):
                raise


def _known(before: Mapping[str, Any], kubeconfig: Reference) -> dict[str, str]:
    """The identity of the cluster. Raises GatewayError where it is another one than before."""
    now = _identity(kubeconfig)
    # A certificate authority may be renewed; so it counts where there is nothing better.
    for key in (_UID, _AUTHORITY):
        if before.get(key) and now.get(key):
            if before[key] == now[key]:
                break
            raise AnotherClusterError(_another(kubeconfig))
    kept = {key: before[key] for key in (_UID, _AUTHORITY) if before.get(key)}
    return {**kept, **now}


def _identity(kubeconfig: Reference) -> dict[str, str]:
    """The UID of kube-system, and a digest of the CA's certificates. Raises GatewayError."""
    found: dict[str, str] = {}
    authority = kubeconfigs.data(kubeconfigs.read(kubeconfig).cluster, "certificate-authority")
    if authority:
        found[_AUTHORITY] = hashlib.sha256(authority.strip()).hexdigest()
    with Api(kubeconfig) as api:
        try:
            found[_UID] = api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        except ForbiddenError as error:
            _say_once(f"The cluster is known by its certificate authority alone: {error}")
    return found


@cache
def _say_once(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _another(kubeconfig: Reference) -> str:
    context = kubeconfigs.read(kubeconfig).name
    return "\n  ".join(
        (
            f"The context {context} leads to another cluster than the one that this stack is on. "
            "Nothing was touched.",
            "To stay where it is, set cluster.context, cluster.path or KUBECONFIG back.",
            "To move it, type pulumi destroy with the old context, then pulumi up with the new one.",
            "If the old cluster is gone for good, let the state forget what was on it:",
            '  pulumi state delete --yes --target-dependents "$(pulumi stack --show-urns | '
            "grep -o 'urn:.*:ClusterIdentity::.*')\"",
        )
    )


class ClusterIdentity(Carried, name="ClusterIdentity"):
    """Stands before the provider of a cluster that the stack does not make.

    `uid` is that of its kube-system, `authority` a digest of its CA; each may be unknown.
    """

    kubeconfig: pulumi.Output[Mapping[str, str]]
    uid: pulumi.Output[str | None]
    authority: pulumi.Output[str | None]

    def __init__(
        self, name: str, kubeconfig: pulumi.Input[Reference], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"kubeconfig": kubeconfig, _UID: None, _AUTHORITY: None}
        super().__init__(ClusterIdentityProvider(), name, props, opts)


class SameCluster(Carried, name="SameCluster"):
    """Stands after all that is on the cluster, and so is the first to be deleted."""

    def __init__(self, name: str, identity: ClusterIdentity, opts: pulumi.ResourceOptions) -> None:
        props = {key: getattr(identity, key) for key in _KEYS}
        super().__init__(SameClusterProvider(), name, props, opts)
