"""The resource that reads the gateway's Service."""

from typing import Any

import pulumi
import pytest

from components.ingress_service import IngressServiceProvider
from components.kubernetes.errors import GatewayError
from tests.unit.fake_cluster import fake_cluster

PATH = "/api/v1/namespaces/mesh/services/gateway"
PORTS = [{"name": "http2", "port": 80, "nodePort": 31000}]
SERVICE: dict[str, Any] = {"spec": {"ports": PORTS, "type": "NodePort"}, "status": {"loadBalancer": {}}}
READ: dict[str, Any] = {"spec": {"ports": PORTS}, "status": {"loadBalancer": {}}}


def test_it_has_what_the_address_is_made_of_and_sees_a_change() -> None:
    provider = IngressServiceProvider()
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
        cluster.objects[PATH] = SERVICE
        made = provider.create(props)
        assert made.id == "mesh/gateway"
        assert made.outs == {**props, **READ}
        assert not provider.diff(made.id, {**props, **READ}, props).changes
        assert provider.diff(made.id, {**props, **READ}, {**props, "name": "other"}).changes
        assert provider.diff(made.id, {**props, **READ}, {**props, "kubeconfig": pulumi.UNKNOWN}).changes
        balancer = {"ingress": [{"ip": "10.0.0.9"}]}
        cluster.objects[PATH] = {**SERVICE, "status": {"loadBalancer": balancer}}
        assert provider.diff(made.id, {**props, **READ}, props).changes
        updated = provider.update(made.id, {**props, **READ}, props)
        assert updated.outs == {**props, **READ, "status": {"loadBalancer": balancer}}


def test_a_cluster_that_does_not_answer_changes_nothing() -> None:
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
    assert not IngressServiceProvider().diff("mesh/gateway", {**props, **READ}, props).changes


def test_a_service_that_is_not_there_says_what_to_set() -> None:
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
        with pytest.raises(GatewayError, match=r"no Service mesh/gateway.*blue-green:istio\.gateway"):
            IngressServiceProvider().create(props)
