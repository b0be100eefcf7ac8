"""The resource that reads the gateway's Service."""

from typing import Any

import pulumi
import pytest

from components.ingress_service import IngressServiceProvider
from components.kubernetes.errors import GatewayError
from tests.unit.fake_cluster import fake_cluster

PATH = "/api/v1/namespaces/mesh/services/gateway"
PORTS = [{"name": "http2", "port": 80, "nodePort": 31000}]
SERVICE: dict[str, Any] = {
    "spec": {"ports": PORTS, "type": "NodePort"},
    "status": {"loadBalancer": {}},
}
READ = SERVICE


def test_it_has_what_the_address_is_made_of_and_sees_a_change() -> None:
    provider = IngressServiceProvider()
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
        assert provider.check({}, props).inputs == props
        cluster.objects[PATH] = SERVICE
        made = {**props, **READ}
        created = provider.create(props)
        assert (created.id, created.outs) == ("mesh/gateway", made)
        assert provider.check({}, props).inputs == made
        assert not provider.diff("", made, made).changes
        assert provider.diff("", made, {**made, "name": "other"}).changes
        assert provider.diff("", made, {**props, "kubeconfig": pulumi.UNKNOWN}).changes
        balanced = {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}}
        cluster.objects[PATH] = {**SERVICE, **balanced}
        assert provider.check(made, props).inputs == {**made, **balanced}
        assert provider.diff("", made, {**made, **balanced}).changes
        assert provider.update("", made, {**made, **balanced}).outs == {**made, **balanced}


def test_a_cluster_that_does_not_answer_changes_nothing() -> None:
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
    provider = IngressServiceProvider()
    assert provider.check({**props, **READ}, props).inputs == {**props, **READ}
    assert provider.check({**props, **READ}, {**props, "name": "other"}).inputs == {**props, "name": "other"}
    # A state of the first release has what was read in the outputs alone.
    assert not provider.diff("mesh/gateway", {**props, **READ}, provider.check(props, props).inputs).changes


def test_a_service_that_is_not_there_says_what_to_set() -> None:
    with fake_cluster() as cluster:
        props = {"kubeconfig": cluster.kubeconfig, "namespace": "mesh", "name": "gateway"}
        with pytest.raises(
            GatewayError, match=r"no Service mesh/gateway.*gateway\.service and gateway\.namespace"
        ):
            IngressServiceProvider().create(props)


def test_a_cluster_that_this_up_starts_is_not_known_yet() -> None:
    unknown = {"kubeconfig": pulumi.output.Unknown(), "namespace": "mesh", "name": "gateway"}
    assert IngressServiceProvider().check({}, unknown).inputs == unknown
