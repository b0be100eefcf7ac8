"""What istiod and the API server know of a link that fails, and whether a wait is of any use."""

from dataclasses import dataclass
from typing import Any

import pytest

from components.gateway.causes import causes
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link
from components.gateway.gateways import Gateways
from tests.unit.fake_cluster import FakeGateway, FakeIstiod, fake_cluster

TARGET = Target("default", "myapp", "myapp", (80,))


@dataclass
class Rejecting(FakeIstiod):
    """An istiod whose only gateway took no update of this kind."""

    kind: str = ""

    def answer(self, target: str) -> Any:
        """What its debug interface says."""
        assert target == "/debug/syncz"
        state = {"lastError": "no such filter", "sentTime": "2026-11-26T16:00:00.1Z"}
        return [{"proxy": "a.istio-system", "resources": {f"type.googleapis.com/envoy.{self.kind}": state}}]


@pytest.mark.parametrize(
    ("kind", "fails", "grade"),
    [
        ("config.route.v3.RouteConfiguration", Link.ROUTE, Grade.BROKEN),
        ("config.route.v3.RouteConfiguration", Link.HOST, Grade.BROKEN),
        ("config.cluster.v3.Cluster", Link.CLUSTER, Grade.BROKEN),
        ("config.listener.v3.Listener", Link.LISTENER, Grade.BROKEN),
        ("config.listener.v3.Listener", Link.HOST, Grade.BROKEN),
        ("extensions.transport_sockets.tls.v3.Secret", Link.LISTENER, Grade.BROKEN),
        # Of somebody else's objects, and there for years: the link that fails may just be slow.
        ("config.listener.v3.Listener", Link.CLUSTER, Grade.LATE),
        ("config.listener.v3.Listener", Link.ROUTE, Grade.LATE),
        ("config.cluster.v3.Cluster", Link.HOST, Grade.LATE),
        ("config.route.v3.RouteConfiguration", Link.CLUSTER, Grade.LATE),
    ],
)
def test_a_rejected_update_ends_a_wait_only_for_a_link_that_it_holds(
    kind: str, fails: Link, grade: Grade
) -> None:
    services = {"/apis/networking.istio.io/v1/virtualservices": {"items": []}}
    with fake_cluster(FakeGateway("a", {}), objects=services) as cluster:
        cluster.istiods.append(Rejecting("istiod", {}, kind=kind))
        with Gateways(cluster.kubeconfig, {"istio": "ingressgateway"}) as gateways:
            found = causes(gateways, TARGET, (), [Finding(fails, "")])
    (rejected,) = [one for one in found if "rejected" in one.cause]
    name = kind.rpartition(".")[2]
    assert rejected.cause == f"the Envoy of gateway istio-system/a rejected the last {name}: no such filter"
    assert rejected.grade is grade
