"""The proof for callers in the mesh: some sidecars are read, and istiod is asked for all."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from components.gateway import convergence as proof
from components.gateway.chain import Split, Wanted
from components.gateway.control_plane import synced
from components.gateway.envoy import Target
from components.gateway.last_requests import wait_for_last_requests
from components.gateway.pods import GatewayPod
from components.kubernetes import istio
from components.kubernetes.errors import NotConvergedError
from tests.unit import fake_cluster as fakes
from tests.unit.fake_cluster import FakeCluster, FakeGateway, FakeIstiod, fake_cluster

OLD, NEW = {"v1": 100}, {"v1": 40, "v2": 60}
PODS = "/api/v1/namespaces/default/pods"
# Without it a proof that takes two seconds gives up, as no waiting brings it.
VIRTUAL_SERVICE = istio.virtual_service("default", "myapp")
NAMESPACE = "/api/v1/namespaces/default"
READY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
# istiod's number of the state that has the new split, and of one before it.
WITH, BEFORE = 7, 6


def sidecar(number: int, weights: dict[str, int], namespace: str = "callers") -> FakeGateway:
    return FakeGateway(f"c{number}", weights, namespace=namespace)


@contextmanager
def mesh(*sidecars: FakeGateway, istiod: FakeIstiod | None = None) -> Generator[FakeCluster]:
    """A gateway that has the new split, and these sidecars; each took the routes that it has."""
    objects: dict[str, Any] = {PODS: {"items": []}, VIRTUAL_SERVICE: {"metadata": {}, "spec": {"http": []}}}
    with fake_cluster(FakeGateway("gw", NEW), objects=objects) as cluster:
        cluster.sidecars = list(sidecars)
        one = istiod or FakeIstiod("istiod", {})
        one.proxies |= {
            f"{each.namespace}/{each.name}": WITH if each.weights == NEW else BEFORE for each in sidecars
        }
        cluster.istiods = [one]
        yield cluster


def split(cluster: FakeCluster) -> Split:
    target = Target("default", "myapp", "myapp")
    return Split(cluster.kubeconfig, {"istio": "ingressgateway"}, target, callers=True)


def proved(cluster: FakeCluster, seconds: float = 30) -> str:
    """What the proof says of the callers."""
    return proof.wait_for_weights(split(cluster), Wanted(NEW), seconds)[-1].pod


def test_a_few_are_read_and_istiod_tells_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    with mesh(*(sidecar(number, NEW) for number in range(14))) as cluster:
        found = proof.wait_for_weights(split(cluster), Wanted(NEW), 30)
    gateway, callers = found
    assert (gateway.pod, callers.weights) == ("istio-system/gw", NEW)
    said = callers.pod
    # Five at random, and the one with the lowest number, which may be one of them.
    assert said.partition(": ")[2] in {
        f"{read} of 14 sidecars read, 14 of 14 acknowledged to istiod" for read in (5, 6)
    }
    assert said.startswith("callers in the mesh, sampled: ")
    assert said in capsys.readouterr().err


def test_a_sidecar_that_has_not_taken_the_routes_is_read_and_waited_for() -> None:
    late = sidecar(99, OLD)
    with mesh(*(sidecar(number, NEW) for number in range(20)), late) as cluster:
        (istiod,) = cluster.istiods

        def follow() -> None:
            late.weights = NEW
            istiod.proxies["callers/c99"] = WITH

        timer = threading.Timer(0.3, follow)
        began = time.monotonic()
        timer.start()
        said = proved(cluster)
        timer.join()
    assert time.monotonic() - began >= 0.3
    assert said.endswith("21 of 21 acknowledged to istiod")


def test_one_that_never_follows_fails_the_proof_and_is_named() -> None:
    with (
        mesh(*(sidecar(number, NEW) for number in range(20)), sidecar(99, OLD)) as cluster,
        pytest.raises(NotConvergedError) as raised,
    ):
        proved(cluster, 0.5)
    said = str(raised.value)
    assert said.startswith("Not every gateway and sidecar routes by v1 40 %, v2 60 % after 0.5 s.")
    assert "sidecar callers/c99 still routes by v1 100 %" in said
    assert "1 of 21 sidecars have not taken the routes yet: callers/c99" in said


def test_the_number_of_a_sidecar_that_has_the_split_is_enough_for_the_others() -> None:
    """One that was read proves its number, though others took later routes that changed nothing for it."""
    with mesh(*(sidecar(number, NEW) for number in range(20))) as cluster:
        (istiod,) = cluster.istiods
        istiod.proxies |= {f"callers/c{number}": WITH + number for number in range(20)}
        assert proved(cluster).endswith("20 of 20 acknowledged to istiod")


def test_each_istiod_counts_for_itself() -> None:
    with mesh(*(sidecar(number, NEW) for number in range(3))) as cluster:
        others = [sidecar(number, NEW, "others") for number in range(10, 13)]
        cluster.sidecars += others
        cluster.istiods.append(
            FakeIstiod("istiod-2", {}, proxies={f"others/{one.name}": 2 for one in others})
        )
        assert proved(cluster).endswith("6 of 6 acknowledged to istiod")


def test_namespaces_to_which_istiod_sends_no_route_of_the_split_are_no_callers() -> None:
    hidden = [sidecar(number, {}, "apart") for number in range(50, 70)]
    with mesh(
        *(sidecar(number, NEW) for number in range(4)),
        *hidden,
        istiod=FakeIstiod("istiod", {}, without=("apart",)),
    ) as cluster:
        assert proved(cluster).endswith("4 of 4 acknowledged to istiod")


def test_a_sidecar_to_which_nothing_is_sent_is_not_counted_whatever_it_took() -> None:
    with mesh(
        sidecar(1, NEW), sidecar(2, {}, "apart"), istiod=FakeIstiod("i", {}, without=("apart",))
    ) as cluster:
        cluster.istiods[0].proxies["apart/c2"] = WITH
        assert proved(cluster).endswith("1 of 1 sidecars read, 1 of 1 acknowledged to istiod")


def test_a_pod_of_which_grpc_is_its_own_proxy_is_no_sidecar_and_one_with_a_further_template_is() -> None:
    named = [sidecar(1, NEW), sidecar(2, NEW), sidecar(3, OLD), sidecar(4, OLD)]
    templates = ("sidecar,spire", "sidecar , grpc", "spire, grpc-agent", "grpc-simple")
    for one, template in zip(named, templates, strict=True):
        one.annotations["inject.istio.io/templates"] = template
    with mesh(sidecar(0, NEW), *named) as cluster:
        assert proved(cluster).endswith("3 of 3 sidecars read, 3 of 3 acknowledged to istiod")


def test_a_sidecar_that_has_no_routes_at_all_is_no_caller() -> None:
    with mesh(sidecar(1, {})) as cluster:
        cluster.istiods[0].proxies["callers/c1"] = -1
        assert proved(cluster).endswith("0 of 0 sidecars read, 0 of 0 acknowledged to istiod")


def test_a_sidecar_without_the_route_that_istiod_would_send_it_is_late() -> None:
    with mesh(sidecar(1, {}), sidecar(2, NEW)) as cluster, pytest.raises(NotConvergedError) as raised:
        proved(cluster, 0.5)
    assert "sidecar callers/c1 has no route of the VirtualService" in str(raised.value)


def test_what_is_not_connected_is_named_and_holds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with mesh(sidecar(1, NEW), sidecar(2, OLD)) as cluster:
        del cluster.istiods[0].proxies["callers/c2"]
        said = proved(cluster)
    assert said.endswith("1 of 1 sidecars read, 1 of 1 acknowledged to istiod")
    assert "1 sidecars are not connected to istiod (istio-system/istiod), so not proved: callers/c2" in (
        capsys.readouterr().err
    )


def test_what_cannot_be_read_is_named_once_patience_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with mesh(sidecar(1, NEW), replace(sidecar(2, OLD), lasts=0)) as cluster:
        said = proved(cluster, 2)
    assert said.endswith("1 of 2 sidecars read, 1 of 2 acknowledged to istiod")
    assert "sidecar callers/c2 was not read: " in capsys.readouterr().err


def test_without_the_right_to_read_a_sidecar_that_is_told_at_once_with_the_rule_to_add(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mesh(sidecar(1, NEW), sidecar(2, NEW)) as cluster:
        cluster.forbidden = "/pods/c2/portforward"
        began = time.monotonic()
        said = proved(cluster, 600)
    # The patience with what may come yet would be half of the time.
    assert time.monotonic() - began < 300
    assert "1 of 2 sidecars read, 2 of 2 acknowledged to istiod" in said
    told = capsys.readouterr().err
    assert "sidecar callers/c2 was not read: " in told
    assert 'resources: ["pods/portforward"]' in told


def test_where_requests_alone_are_the_evidence_no_sidecar_is_asked() -> None:
    ready = {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": READY}
    with mesh(sidecar(1, {})) as cluster:
        cluster.objects["/apis/apps/v1/namespaces/default/deployments/myapp-v1"] = ready
        cluster.forbidden = "/portforward"
        proof.wait_for_versions(replace(split(cluster), by_requests=True), ("v1",), 600)


def test_without_an_istiod_to_ask_it_is_told_and_the_sample_is_the_proof(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mesh(sidecar(1, NEW), sidecar(2, NEW)) as cluster:
        cluster.istiods.clear()
        assert proved(cluster).endswith("sampled: 2 of 2 sidecars read")
    assert "istiod was not asked: none runs in the namespace istio-system" in capsys.readouterr().err


def test_without_sidecars_nothing_is_waited_for() -> None:
    with mesh() as cluster:
        assert proved(cluster).endswith("0 of 0 sidecars read, 0 of 0 acknowledged to istiod")


def test_a_sidecar_that_routes_otherwise_fails_the_proof_of_an_up_without_changes() -> None:
    with mesh(sidecar(1, NEW)) as cluster:
        assert proof.holds(split(cluster), Wanted(NEW))
        cluster.sidecars[0].weights = OLD
        assert not proof.holds(split(cluster), Wanted(NEW))


def test_a_version_is_drained_of_the_requests_of_sidecars() -> None:
    busy = replace(sidecar(1, NEW), active={"v1": 2})
    with mesh(busy) as cluster:
        timer = threading.Timer(0.3, lambda: busy.active.update(v1=0))
        began = time.monotonic()
        timer.start()
        wait_for_last_requests(split(cluster), "v1", 30)
        timer.join()
    assert time.monotonic() - began >= 0.3


def test_where_not_all_sidecars_are_asked_the_last_requests_get_the_whole_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mesh(*(sidecar(number, NEW) for number in range(14))) as cluster:
        began = time.monotonic()
        wait_for_last_requests(split(cluster), "v1", 0.5)
    assert time.monotonic() - began >= 0.5
    said = "4 of 14 sidecars were not asked for their last requests to v1, which got the whole 0.5 s"
    assert said in capsys.readouterr().err


def test_in_an_ambient_mesh_callers_are_refused() -> None:
    with mesh() as cluster:
        cluster.objects[NAMESPACE] = {"metadata": {"labels": {"istio.io/dataplane-mode": "ambient"}}}
        with pytest.raises(NotConvergedError) as raised:
            proof.wait_for_versions(split(cluster), ("v1",), 1)
    assert "routing.meshCallers needs sidecars, and the namespace default is in an ambient mesh" in str(
        raised.value
    )


def test_a_nonce_has_the_number_of_its_state() -> None:
    istiod = GatewayPod("istio-system", "istiod", ready=True, terminating=False)
    proxies = [fakes.synced("a/one", 12), fakes.synced("b/two", 3, "router"), {"proxy": "three.c"}]
    found = [(one.pod, one.kind, one.acked, one.watches) for one in synced(istiod, proxies, "route")]
    assert found == [
        ("a/one", "sidecar", 12, True),
        ("b/two", "router", 3, True),
        ("c/three", "None", -1, False),
    ]
