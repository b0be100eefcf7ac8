"""What istiod and the API server know of a link that fails, and whether a wait is of any use."""

from dataclasses import dataclass
from typing import Any

import pytest

from components.gateway import rules
from components.gateway.causes import causes
from components.gateway.envoy import Target
from components.gateway.finding import Finding, Grade, Link
from components.gateway.gateways import Gateways
from components.gateway.pods import GatewayPod
from components.kubernetes.api import Api
from tests.unit.fake_cluster import FakeGateway, FakeIstiod, fake_cluster

TARGET = Target("default", "myapp", "myapp", (80,))
HOST = "myapp.default.svc.cluster.local"
RULES = "/apis/networking.istio.io/v1/destinationrules"


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
    services: dict[str, Any] = {"/apis/networking.istio.io/v1/virtualservices": {"items": []}}
    with fake_cluster(FakeGateway("a", {}), objects=services) as cluster:
        cluster.istiods.append(Rejecting("istiod", {}, kind=kind))
        with Gateways(cluster.kubeconfig, {"istio": "ingressgateway"}) as gateways:
            found = causes(gateways, TARGET, (), [Finding(fails, "")])
    (rejected,) = [one for one in found if "rejected" in one.cause]
    name = kind.rpartition(".")[2]
    assert rejected.cause == f"the Envoy of gateway istio-system/a rejected the last {name}: no such filter"
    assert rejected.grade is grade


@pytest.mark.parametrize(("grade", "asked"), [(Grade.NOTE, 0), (Grade.UNDECIDED, 0), (Grade.LATE, 1)])
def test_a_finding_that_is_no_failure_has_no_cause(grade: Grade, asked: int) -> None:
    filters = {"items": [{"metadata": {"namespace": "istio-system", "name": "theirs"}, "spec": {}}]}
    objects: dict[str, Any] = {"/apis/networking.istio.io/v1alpha3/envoyfilters": filters}
    with (
        fake_cluster(FakeGateway("a", {}), objects=objects) as cluster,
        Gateways(cluster.kubeconfig, {"istio": "ingressgateway"}) as gateways,
    ):
        found = causes(gateways, TARGET, (), [Finding(Link.ROUTE, "", grade=grade)])
    blamed = [one for one in found if one.cause == "EnvoyFilter istio-system/theirs acts on the gateways"]
    assert len(blamed) == asked
    assert bool(found) == bool(asked)


def rule(name: str, host: str = "myapp", namespace: str = "default", **spec: object) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:spec": {"f:exportTo": {}}}
    wrote = {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "managedFields": [wrote]}
    return {"metadata": metadata, "spec": {"host": host} | spec}


PODS = (GatewayPod("istio-system", "a", ready=True, terminating=False),)
OURS = [rule("myapp-v1", exportTo=["*"]), rule("myapp-v2", exportTo=["*"])]
HIDDEN: dict[str, Any] = {"exportTo": ["istio-system"]}
CHOSEN: dict[str, Any] = {"workloadSelector": {"matchLabels": {"app": "client"}}}


@pytest.mark.parametrize(
    ("foreign", "named"),
    [
        ([rule("theirs", HOST, **HIDDEN)], ["default/theirs"]),
        ([rule("theirs", **HIDDEN)], ["default/theirs"]),
        # Of the root namespace's, what is for itself alone stands before all others.
        ([rule("theirs", HOST, "istio-system", **HIDDEN)], ["istio-system/theirs"]),
        ([rule("theirs", "*.local", "istio-system", exportTo=["."])], ["istio-system/theirs"]),
        ([rule("theirs", HOST, "istio-system")], []),
        # None is not the same as all: the younger rule alone holds.
        ([rule("theirs", HOST)], ["default/theirs"]),
        # No gateway looks into the namespace of a client, nor takes what is not exported to it.
        ([rule("theirs", HOST, "foo", exportTo=["."])], []),
        ([rule("theirs", HOST, "foo")], []),
        ([rule("theirs", exportTo=["."])], []),
        ([rule("theirs", exportTo=["foo"])], []),
        ([rule("theirs", "*.default.svc.cluster.local")], []),
        # For some pods, so for its own namespace alone, whatever it says.
        ([rule("theirs", HOST, exportTo=["istio-system"], **CHOSEN)], []),
        ([rule("theirs", HOST, "istio-system", **CHOSEN)], ["istio-system/theirs"]),
        # Merged by Istio, or for another host.
        ([rule("theirs", HOST, exportTo=["*"])], []),
        ([rule("theirs", "myapp", "prod", **HIDDEN)], []),
        ([rule("theirs", "myapp2", **HIDDEN)], []),
    ],
)
def test_a_rule_for_the_host_that_istio_does_not_merge_is_in_the_way(
    foreign: list[dict[str, Any]], named: list[str]
) -> None:
    objects = {RULES: {"items": [*OURS, *foreign]}}
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        found = rules.in_the_way(api, TARGET, ("v1", "v2"), PODS)
    assert [one.cause.split()[1] for one in found] == named
    assert all(one.owner == "written by kubectl at 2026-01-01T00:00:00Z" for one in found)


@pytest.mark.parametrize(
    ("host", "exported", "named"),
    [
        (HOST, ["*"], True),
        (HOST, ["."], True),
        (HOST, [], True),
        ("*.svc.cluster.local", [], True),
        (HOST, ["foo"], False),
        ("*.example.com", [], False),
    ],
)
def test_a_rule_in_a_gateways_own_namespace_hides_ours(
    host: str, exported: list[str], *, named: bool
) -> None:
    foreign = rule("theirs", host, "edge", exportTo=exported)
    pods = (*PODS, GatewayPod("edge", "b", ready=True, terminating=False))
    with (
        fake_cluster(objects={RULES: {"items": [*OURS, foreign]}}) as cluster,
        Api(cluster.kubeconfig) as api,
    ):
        found = rules.in_the_way(api, TARGET, ("v1", "v2"), pods)
    assert [one.cure for one in found] == ["kubectl -n edge delete destinationrule theirs"] * named
    sentence = f"DestinationRule edge/theirs is for {host} in the gateways' own namespace"
    assert all(one.cause.startswith(sentence) for one in found)


def test_a_rule_for_some_pods_is_not_in_the_way_of_a_gateway_beside_them() -> None:
    pods = (GatewayPod("default", "a", ready=True, terminating=False),)
    objects = {RULES: {"items": [*OURS, rule("theirs", **CHOSEN)]}}
    with fake_cluster(objects=objects) as cluster, Api(cluster.kubeconfig) as api:
        assert rules.in_the_way(api, TARGET, ("v1", "v2"), pods) == ()


def test_a_rule_merges_with_ours_by_what_ours_have_and_one_of_ours_that_differs_is_named() -> None:
    none = [rule("myapp-v1"), rule("myapp-v2", **HIDDEN), rule("theirs", HOST), rule("more", exportTo=["*"])]
    with fake_cluster(objects={RULES: {"items": none}}) as cluster, Api(cluster.kubeconfig) as api:
        foreign, apart = rules.in_the_way(api, TARGET, ("v1", "v2"), PODS)
    assert foreign.cure == "kubectl -n default delete destinationrule more, or take exportTo out of it"
    assert (
        apart.cause
        == 'DestinationRule default/myapp-v2 has exportTo ["istio-system"], and is to have no exportTo'
    )
    assert apart.cure == (
        "kubectl -n default patch destinationrule myapp-v2 --type=json "
        """-p '[{"op": "remove", "path": "/spec/exportTo"}]'"""
    )


def test_a_rule_of_ours_that_is_gone_is_named() -> None:
    with fake_cluster(objects={RULES: {"items": OURS[:1]}}) as cluster, Api(cluster.kubeconfig) as api:
        (gone,) = rules.in_the_way(api, TARGET, ("v1", "v2"), PODS)
    assert str(gone) == "DestinationRule default/myapp-v2 is not there. To mend it: pulumi up --refresh"


def subset(name: str, since: str, of: str, **labels: str) -> dict[str, Any]:
    made = rule(name, exportTo=["*"], subsets=[{"name": of, "labels": labels}])
    return {**made, "metadata": {**made["metadata"], "creationTimestamp": since}}


@pytest.mark.parametrize(
    ("theirs", "is_named"),
    [
        (subset("theirs", "2026-01-01T00:00:00Z", "v1", app="myapp"), True),
        (subset("a", "2026-01-02T00:00:00Z", "v1", app="myapp"), True),
        (subset("z", "2026-01-02T00:00:00Z", "v1", app="myapp"), False),
        (subset("theirs", "2026-01-01T00:00:00Z", "v1", version="v1"), False),
        (subset("theirs", "2026-01-01T00:00:00Z", "v3", app="myapp"), False),
    ],
    ids=["older", "of one second, and first by name", "younger", "the same labels", "another version"],
)
def test_an_older_rule_with_a_subset_of_a_versions_name_is_in_the_way(
    theirs: dict[str, Any], *, is_named: bool
) -> None:
    ours = [subset(f"myapp-{one}", "2026-01-02T00:00:00Z", one, version=one) for one in ("v1", "v2")]
    items = {"items": [*ours, theirs]}
    with fake_cluster(objects={RULES: items}) as cluster, Api(cluster.kubeconfig) as api:
        found = rules.in_the_way(api, TARGET, ("v1", "v2"), PODS)
    name = theirs["metadata"]["name"]
    cause = (
        f"DestinationRule default/{name} has a subset v1 with other labels, and is older than the version's "
        "own rule: of two subsets of one name Istio takes the older rule's"
    )
    cure = f"kubectl -n default delete destinationrule {name}, or take the subset v1 out of it"
    assert [(one.cause, one.cure, one.grade) for one in found] == [(cause, cure, Grade.BROKEN)] * is_named
