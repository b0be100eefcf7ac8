"""Waiting for the gateways: what counts, and what a failure says."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.gateway import convergence as proof
from components.gateway import waiting
from components.gateway.chain import Entrance, Split, Wanted
from components.gateway.envoy import Target
from components.gateway.last_requests import wait_for_last_requests
from components.gateway.waiting import InterruptedWaitError
from components.kubernetes.api import Api
from components.kubernetes.errors import GatewayError, NotConvergedError
from components.manifests.routes import virtual_service
from components.settings.model import App, Routing
from tests.unit.fake_cluster import FakeCluster, FakeGateway, fake_cluster, version_pod

HALVES = {"v1": 50, "v2": 50}
V2 = "/apis/apps/v1/namespaces/default/deployments/myapp-v2"
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/myapp-v3"
PODS = "/api/v1/namespaces/default/pods"
VIRTUAL_SERVICE = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/myapp"


def split(cluster: FakeCluster) -> proof.Split:
    return proof.Split(cluster.kubeconfig, {"istio": "ingressgateway"}, Target("default", "myapp", "myapp"))


def deployment(replicas: int, available: int) -> dict[str, Any]:
    status = {
        "observedGeneration": 2,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "availableReplicas": available,
        "readyReplicas": available,
    }
    return {"metadata": {"generation": 2}, "spec": {"replicas": replicas}, "status": status}


def test_every_gateway_by_the_weights_is_a_proof_with_a_time() -> None:
    gateways = (FakeGateway("a", HALVES), FakeGateway("b", {"v2": 50, "v1": 50}))
    with fake_cluster(*gateways) as cluster:
        found = proof.wait_for_weights(split(cluster), Wanted({**HALVES, "v3": 0}), 1)
    assert [(one.pod, one.weights) for one in found] == [
        ("istio-system/a", HALVES),
        ("istio-system/b", HALVES),
    ]
    assert all(one.at.endswith("Z") for one in found)


def test_it_waits_until_the_last_gateway_follows() -> None:
    late = FakeGateway("b", {"v1": 100})
    # Without a VirtualService a proof that takes two seconds gives up.
    objects: dict[str, Any] = {PODS: {"items": []}, VIRTUAL_SERVICE: {"metadata": {}, "spec": {"http": []}}}
    with fake_cluster(FakeGateway("a", HALVES), late, objects=objects) as cluster:
        assert not proof.holds(split(cluster), Wanted(HALVES))
        timer = threading.Timer(0.2, lambda: late.weights.update(HALVES))
        timer.start()
        assert len(proof.wait_for_weights(split(cluster), Wanted(HALVES), 10)) == 2
        timer.join()


def test_a_gateway_that_routes_otherwise_is_named_with_its_weights() -> None:
    service: dict[str, Any] = {"metadata": {}, "spec": {"http": []}}
    gateways = (FakeGateway("a", HALVES), FakeGateway("b", {"v1": 100}))
    with (
        fake_cluster(*gateways, objects={VIRTUAL_SERVICE: service}) as cluster,
        pytest.raises(NotConvergedError) as raised,
    ):
        proof.wait_for_weights(split(cluster), Wanted(HALVES), 0.1)
    said = str(raised.value)
    assert said.startswith("Not every gateway routes by v1 50 %, v2 50 % after 0.1 s.")
    assert "gateway istio-system/b still routes by v1 100 %" in said
    assert "istio-system/a" not in said
    # Typed as it is printed, it asks the stack's cluster.
    assert "Look at: kubectl --kubeconfig FILE get pods -A -l app=istiod" in said


@pytest.mark.parametrize(
    ("idle", "fine"),
    [
        # It gets no traffic, and has no route yet: it counts for nothing.
        (FakeGateway("b", {}, ready=False), True),
        (FakeGateway("b", {"v1": 100}, ready=False), False),
    ],
)
def test_a_pod_that_is_not_ready_counts_once_it_has_a_route(idle: FakeGateway, fine: bool) -> None:
    with fake_cluster(FakeGateway("a", HALVES), idle) as cluster:
        assert proof.holds(split(cluster), Wanted(HALVES)) is fine


def test_a_gateway_that_goes_proves_nothing_but_must_follow_too() -> None:
    going = FakeGateway("going", HALVES, terminating=True)
    with fake_cluster(going) as cluster:
        assert not proof.holds(split(cluster), Wanted(HALVES))
    with fake_cluster(FakeGateway("a", HALVES), going) as cluster:
        assert proof.holds(split(cluster), Wanted(HALVES))
    going.weights = {"v1": 100}
    with fake_cluster(FakeGateway("a", HALVES), going) as cluster:
        assert not proof.holds(split(cluster), Wanted(HALVES))


def test_without_a_gateway_nothing_is_proven() -> None:
    with fake_cluster() as cluster, pytest.raises(GatewayError, match="No gateway runs"):
        proof.holds(split(cluster), Wanted(HALVES))
    with fake_cluster(FakeGateway("a", HALVES, ready=False)) as cluster:
        assert not proof.holds(split(cluster), Wanted(HALVES))


def test_a_missing_right_is_named_with_the_rule_to_add() -> None:
    with fake_cluster(FakeGateway("a", HALVES)) as cluster:
        cluster.forbidden = "/portforward"
        with pytest.raises(NotConvergedError) as raised:
            proof.wait_for_weights(split(cluster), Wanted(HALVES), 0)
        assert 'resources: ["pods/portforward"], verbs: ["get", "create"]' in str(raised.value)
        cluster.forbidden = "/pods"
        with pytest.raises(NotConvergedError) as raised:
            proof.wait_for_weights(split(cluster), Wanted(HALVES), 0)
        assert 'resources: ["pods"], verbs: ["get", "list"]' in str(raised.value)


def test_a_version_is_ready_when_it_is_rolled_out_and_every_gateway_knows_it() -> None:
    knows = FakeGateway("a", HALVES, endpoints={"v3": ["10.0.0.3"]})
    with fake_cluster(knows, objects={DEPLOYMENT: deployment(1, 1)}) as cluster:
        proof.wait_for_versions(split(cluster), ("v3",), 0)
        assert proof.can_take(split(cluster), ("v3",))
        knows.endpoints = {"v3": []}
        assert not proof.can_take(split(cluster), ("v3",))
        knows.endpoints = {}
        with pytest.raises(NotConvergedError, match="gateway istio-system/a has no cluster of v3"):
            proof.wait_for_versions(split(cluster), ("v3",), 0)


@pytest.mark.parametrize(("old", "new"), [(80, 8080), (8080, 80)])
def test_another_port_of_the_entrance_is_not_proved_by_the_routes_of_the_old_one(old: int, new: int) -> None:
    def rule(port: int) -> str:
        spec = virtual_service(App("myapp", "default"), HALVES, Routing(port=port))["spec"]
        return spec["http"][0]["name"]

    late = FakeGateway("a", HALVES, port=old, rule=rule(old))

    def follow() -> None:
        late.port, late.rule = new, rule(new)

    objects: dict[str, Any] = {PODS: {"items": []}, VIRTUAL_SERVICE: {"metadata": {}, "spec": {"http": []}}}
    with fake_cluster(late, objects=objects) as cluster:
        entered = replace(split(cluster), entrance=Entrance("myapp-gateway", ("*",)))
        wanted = Wanted(HALVES, rule(new))
        assert not proof.holds(entered, wanted)
        timer = threading.Timer(0.2, follow)
        timer.start()
        proof.wait_for_weights(entered, wanted, 30)
        timer.join()
    assert late.port == new


def test_endpoints_that_no_ready_pod_has_are_no_proof() -> None:
    """Of an Envoy without news from istiod: its routes are as wanted, and its endpoints were deleted."""
    leaving = version_pod("v2", "10.0.0.2", deletionTimestamp="2026-11-26T00:00:00Z")
    known = FakeGateway("a", HALVES, endpoints={"v1": ["10.0.0.1"], "v2": ["10.0.0.2"]})
    pods = {"items": [version_pod("v1", "10.0.0.1"), leaving, version_pod("v2", "10.0.0.3")]}
    says = "gateway istio-system/a knows none of the ready pods of v2: it has no news from istiod"
    with fake_cluster(known, objects={PODS: pods}) as cluster:
        assert not proof.can_take(split(cluster), ("v1", "v2"))
        assert not proof.holds(split(cluster), Wanted(HALVES))
        with pytest.raises(NotConvergedError, match=says):
            proof.wait_for_weights(split(cluster), Wanted(HALVES), 0)
        known.endpoints = {"v1": ["10.0.0.1"], "v2": ["10.0.0.2", "10.0.0.3"]}
        assert proof.can_take(split(cluster), ("v1", "v2"))
        assert proof.holds(split(cluster), Wanted(HALVES))
        cluster.objects |= {PODS: {"items": [version_pod("v1", "10.0.0.1")]}, V2: deployment(0, 0)}
        assert not proof.can_take(split(cluster), ("v1", "v2"))
        assert not proof.holds(split(cluster), Wanted(HALVES))
        # As of the pods behind the gateway of another network.
        known.endpoints = {"v1": [""], "v2": [""]}
        assert proof.can_take(split(cluster), ("v1", "v2"))


def test_in_an_ambient_mesh_the_endpoints_are_held_against_the_pods_too() -> None:
    known = FakeGateway("a", HALVES, endpoints={"v1": ["10.0.0.1:8080"], "v2": ["10.0.0.2:8080"]})
    pods = {"items": [version_pod("v1", "10.0.0.1"), version_pod("v2", "10.0.0.3")]}
    with fake_cluster(known, objects={PODS: pods}) as cluster:
        assert proof.can_take(split(cluster), ("v1",))
        assert not proof.can_take(split(cluster), ("v1", "v2"))


def test_a_waypoint_in_the_place_of_the_pods_ends_the_wait_before_traffic_moves() -> None:
    sends = FakeGateway("a", HALVES, endpoints={"v3": ["10.0.0.9:15008"]})
    objects = {DEPLOYMENT: deployment(1, 1), PODS: {"items": [version_pod("v3", "10.0.0.3")]}}
    with fake_cluster(sends, objects=objects) as cluster:
        assert not proof.can_take(split(cluster), ("v3",))
        with pytest.raises(NotConvergedError) as raised:
            proof.wait_for_versions(split(cluster), ("v3",), 30)
    says = "gateway istio-system/a sends requests of v3 to a waypoint, which does not tell the versions apart"
    assert says in str(raised.value)
    cure = "-n default label service myapp istio.io/ingress-use-waypoint=false --overwrite"
    assert cure in str(raised.value)
    assert "no news from istiod" not in str(raised.value)


def test_a_version_needs_a_gateway_that_stays_and_the_one_that_goes_must_know_it_too() -> None:
    endpoints = {"v3": ["10.0.0.3"]}
    going = FakeGateway("going", HALVES, endpoints=endpoints, terminating=True)
    with fake_cluster(going) as cluster:
        assert not proof.can_take(split(cluster), ("v3",))
    with fake_cluster(FakeGateway("a", HALVES, endpoints=endpoints), going) as cluster:
        assert proof.can_take(split(cluster), ("v3",))
        going.endpoints = {"v3": []}
        assert not proof.can_take(split(cluster), ("v3",))


def stuck(workload: dict[str, Any]) -> tuple[str, str]:
    """The reason and the cure that a wait for v3 ends with, whose workload is that."""
    objects: dict[str, Any] = {DEPLOYMENT: workload, PODS: {"items": []}}
    with (
        fake_cluster(FakeGateway("a", HALVES), objects=objects) as cluster,
        pytest.raises(NotConvergedError) as raised,
    ):
        proof.wait_for_versions(split(cluster), ("v3",), 0)
    _, reason, cure, *_ = str(raised.value).splitlines()
    return reason, cure


def test_a_version_that_is_scaled_to_0_says_what_starts_it() -> None:
    reason, cure = stuck(deployment(0, 0))
    assert reason == "  deployment default/myapp-v3 is scaled to 0"
    assert cure.startswith("  No autoscaler takes it from there; type: kubectl --kubeconfig FILE ")
    assert cure.endswith(" -n default scale deployment/myapp-v3 --replicas=1")


def test_a_version_that_is_paused_says_what_lets_it_go_on() -> None:
    paused = deployment(2, 2)
    paused["spec"]["paused"], paused["status"]["updatedReplicas"] = True, 0
    reason, cure = stuck(paused)
    assert reason == "  deployment default/myapp-v3 is paused: no change of it is rolled out"
    assert cure.startswith("  Whoever paused it lets it go on; type: kubectl --kubeconfig FILE ")
    assert cure.endswith(" -n default rollout resume deployment/myapp-v3")


@pytest.mark.parametrize(
    ("status", "events", "reason"),
    [
        (
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
            },
            [],
            "CrashLoopBackOff, exit code 3: back-off 10s",
        ),
        (
            {"state": {"waiting": {"reason": "ContainerCreating"}}, "image": "myapp:v3"},
            [],
            "ContainerCreating: image myapp:v3",
        ),
        (
            {"state": {"waiting": {"reason": "ContainerCreating"}}, "image": "myapp:v3"},
            [{"message": 'configmap "settings" not found'}],
            'ContainerCreating: configmap "settings" not found',
        ),
    ],
)
def test_a_version_that_is_not_ready_says_why(
    status: dict[str, Any], events: list[dict[str, str]], reason: str
) -> None:
    pod = {
        "metadata": {"name": "myapp-v3-x", "namespace": "default", "uid": "u"},
        "status": {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [status],
        },
    }
    events_path = "/api/v1/namespaces/default/events"
    objects = {DEPLOYMENT: deployment(1, 0), PODS: {"items": [pod]}, events_path: {"items": events}}
    with (
        fake_cluster(FakeGateway("a", HALVES), objects=objects) as cluster,
        pytest.raises(NotConvergedError) as raised,
    ):
        proof.wait_for_versions(split(cluster), ("v3",), 0)
    said = str(raised.value)
    assert said.startswith("Traffic has not moved: version v3 could not take it within 0 s.")
    assert "deployment default/myapp-v3: 0 of 1 new pods are ready" in said
    assert f"pod default/myapp-v3-x: {reason}" in said


def test_a_version_is_drained_when_its_last_request_has_ended() -> None:
    busy = FakeGateway("a", HALVES, active={"v1": 2})
    with fake_cluster(busy) as cluster:
        timer = threading.Timer(0.2, lambda: busy.active.update(v1=0))
        timer.start()
        wait_for_last_requests(split(cluster), "v1", 30)
        timer.join()
        assert busy.active == {"v1": 0}
        busy.active = {"v1": 1}
        wait_for_last_requests(split(cluster), "v1", 0.1)
    wait_for_last_requests(split(cluster), "v1", 30)


def test_a_stream_that_the_other_side_closed_is_a_broken_connection() -> None:
    """As to a gateway that terminates, where the end comes right behind an answer."""
    path = "/api/v1/namespaces/istio-system/pods/one/portforward"
    with fake_cluster(FakeGateway("one", {}, lasts=0)) as cluster, Api(cluster.kubeconfig) as api:
        stream = api.stream(path, {"ports": "15000"}, "v4.channel.k8s.io")
        with pytest.raises(ConnectionError):
            while True:
                stream.receive(time.monotonic() + 5)
        with pytest.raises(ConnectionError):
            stream.send(b"\0GET / HTTP/1.1\r\n\r\n")
        stream.close()


def test_a_stream_that_is_closed_wakes_who_waits_for_an_answer() -> None:
    """An interrupt ends the questions to gateways that are silent; nobody waits their time out."""
    path = "/api/v1/namespaces/istio-system/pods/one/portforward"
    with fake_cluster(FakeGateway("one", {})) as cluster, Api(cluster.kubeconfig) as api:
        stream = api.stream(path, {"ports": "15000"}, "v4.channel.k8s.io")

        def read() -> None:
            with suppress(OSError):
                while True:
                    stream.receive(time.monotonic() + 600)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(0.1)
        stream.close()
        # The cluster of the test itself ends a silent one after twenty seconds.
        reader.join(10)
        assert not reader.is_alive()


def test_a_gateway_that_once_does_not_answer_still_has_its_requests() -> None:
    busy = FakeGateway("a", HALVES, active={"v1": 1}, lasts=1)
    with fake_cluster(busy) as cluster:
        started = time.monotonic()
        wait_for_last_requests(split(cluster), "v1", 0.5)
        assert time.monotonic() - started >= 0.5


def test_a_gateway_that_cannot_be_asked_for_its_last_requests_gets_the_whole_time_and_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fake_cluster(FakeGateway("a", HALVES)) as cluster:
        cluster.forbidden = "/portforward"
        started = time.monotonic()
        wait_for_last_requests(split(cluster), "v1", 0.5)
        assert time.monotonic() - started >= 0.5
        said = capsys.readouterr().err
        assert "gateway istio-system/a was given 0.5 s for its last requests to v1, unasked: " in said
        assert 'resources: ["pods/portforward"]' in said
        # Without a gateway there is no request either.
        cluster.gateways.clear()
        wait_for_last_requests(split(cluster), "v1", 30)
    assert capsys.readouterr().err == ""
    wait_for_last_requests(split(cluster), "v1", 30)
    assert "v1 goes without a wait for its last requests: The cluster's" in capsys.readouterr().err


def test_a_version_can_go_where_the_kubeconfig_of_its_last_up_cannot_be_used() -> None:
    plugin = {"command": "/nowhere/aws", "apiVersion": "client.authentication.k8s.io/v1"}
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"exec": plugin}}],
    }
    where = proof.Split(
        json.dumps(kubeconfig), {"istio": "ingressgateway"}, Target("default", "myapp", "myapp")
    )
    wait_for_last_requests(where, "v1", 30)


QUOTA = 'pods "myapp-v3-1" is forbidden: exceeded quota: small'


def refused() -> dict[str, Any]:
    """A Deployment whose pods a quota does not let in."""
    condition = {"type": "ReplicaFailure", "status": "True", "message": QUOTA}
    found = deployment(1, 0)
    found["status"] |= {"updatedReplicas": 0, "conditions": [condition]}
    return found


def test_what_never_became_a_pod_is_the_reason() -> None:
    with (
        fake_cluster(
            FakeGateway("a", HALVES), objects={DEPLOYMENT: refused(), PODS: {"items": []}}
        ) as cluster,
        pytest.raises(NotConvergedError, match="0 of 1 pods are of the new kind; " + QUOTA),
    ):
        proof.wait_for_versions(split(cluster), ("v3",), 0.1)


def test_a_long_wait_says_its_reason_once_and_ends_when_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = tmp_path / "stop"
    monkeypatch.setenv(waiting.STOP, str(stop))
    heard: list[str] = []

    def hear(said: str) -> None:
        heard.append(said)
        if len(heard) == 1:
            # There is time to say it again.
            timer.start()

    timer = threading.Timer(2, stop.touch)
    monkeypatch.setattr(waiting, "say", hear)
    began = time.monotonic()
    with (
        fake_cluster(
            FakeGateway("a", HALVES), objects={DEPLOYMENT: refused(), PODS: {"items": []}}
        ) as cluster,
        pytest.raises(InterruptedWaitError, match="v3 could not take it before it was interrupted"),
    ):
        proof.wait_for_versions(split(cluster), ("v3",), 120)
    assert time.monotonic() - began < 60
    (said,) = heard
    assert QUOTA in said


def test_a_pause_ends_when_the_wait_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = tmp_path / "stop"
    monkeypatch.setenv(waiting.STOP, str(stop))

    def pause(*_: float) -> float:
        return 60

    monkeypatch.setattr(waiting, "_pause", pause)
    threading.Timer(0.2, stop.touch).start()
    began = time.monotonic()
    with pytest.raises(InterruptedWaitError, match="late"):
        waiting.wait_until(lambda: ("late",), 120)
    assert time.monotonic() - began < 60


def test_a_long_wait_says_each_reason_once_however_they_take_turns(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "QUIET_SECONDS", 0)
    monkeypatch.setattr(waiting, "_ASK_SECONDS", 0)
    refused = "0 of 2 ready: read 10.0.0.1:{}: refused".format
    looks = iter([refused(35052), "backs off", refused(50431), "backs off", "1 of 2 ready"])
    waiting.wait_until(lambda: tuple(filter(None, [next(looks, "")])), 60, list)
    assert capfd.readouterr().err.splitlines() == [
        "waiting, at most 60 s: 0 of 2 ready: read 10.0.0.1:35052: refused",
        "waiting, at most 60 s: backs off",
        "waiting, at most 60 s: 1 of 2 ready",
    ]


def theirs(**match: object) -> dict[str, Any]:
    config = "/apis/networking.istio.io/v1/namespaces/team/virtual-service/older"
    return {"match": match, "metadata": {"filter_metadata": {"istio": {"config": config}}}}


def entered(cluster: FakeCluster) -> Split:
    return replace(split(cluster), entrance=Entrance("app-gateway", ("*",)))


def test_a_route_in_front_that_takes_all_ends_the_wait_at_once() -> None:
    gateway = FakeGateway("a", HALVES, front=[theirs(prefix="/")])
    with fake_cluster(gateway) as cluster:
        assert not proof.holds(entered(cluster), Wanted(HALVES))
        with pytest.raises(NotConvergedError) as raised:
            proof.wait_for_weights(entered(cluster), Wanted(HALVES), 60)
    assert "gateway istio-system/a sends every request for host *, path / to the VirtualService team" in str(
        raised.value
    )


def test_a_route_in_front_that_takes_some_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    front = [theirs(prefix="/team")]
    gateways = (FakeGateway("a", HALVES, front=front), FakeGateway("b", HALVES, front=front))
    with fake_cluster(*gateways) as cluster:
        assert proof.holds(entered(cluster), Wanted(HALVES))
    assert capfd.readouterr().err == (
        "gateway istio-system/a sends some of the split's requests elsewhere: "
        "path prefix /team to the VirtualService team/older\n"
    )


def test_what_is_undecided_is_in_the_proof_and_holds_only_once_it_was_decided() -> None:
    gateway = FakeGateway("a", HALVES, front=[theirs(safe_regex={"regex": ".*"})])
    with fake_cluster(gateway, objects={PODS: {"items": []}}) as cluster:
        (found,) = proof.wait_for_weights(entered(cluster), Wanted(HALVES), 5)
        assert not proof.holds(entered(cluster), Wanted(HALVES))
        assert proof.holds(entered(cluster), Wanted(HALVES), found.undecided)
