"""The last look at a cluster that exists, before a `destroy` deletes anything on it."""

from typing import Any

import pytest

from components.cluster_identity import AnotherClusterError, SameClusterProvider
from tests.unit.fake_cluster import fake_cluster

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


def test_nothing_is_deleted_on_another_cluster() -> None:
    with fake_cluster(objects={KUBE_SYSTEM: {"metadata": {"uid": "a"}}}) as cluster:
        known: dict[str, Any] = {"kubeconfig": {"text": cluster.kubeconfig}, "uid": "a", "authority": None}
        SameClusterProvider().delete("same", known)
        with pytest.raises(AnotherClusterError, match="leads to another cluster than the one"):
            SameClusterProvider().delete("same", known | {"uid": "b"})
    # Of one that cannot be reached Kubernetes' provider says so itself.
    SameClusterProvider().delete("same", known)
