"""What the resources around the VirtualService take for a change, and for whom they wait."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from components import split_proof
from components.gateway import convergence as proof
from components.kubernetes.errors import GatewayError, NotConvergedError
from components.kubernetes.question import Question
from components.split_proof import ConvergedProvider, DrainProvider, ReadyProvider
from tests.unit.fake_cluster import FakeGateway, fake_cluster

# Pulumi hands over every number as a float, and the state holds the outputs too.
PROPS: dict[str, Any] = {
    "kubeconfig": "k",
    "gatewaySelector": {"istio": "ingressgateway"},
    "namespace": "default",
    "virtualService": "myapp",
    "host": "myapp",
    "timeoutSeconds": 60.0,
    "weights": {"v1": 50.0, "v2": 50.0},
    "workloads": {"v1": "a", "v2": "b"},
    "questions": {
        version: {"port": 80.0, "path": "/", "headers": {"Host": "myapp"}} for version in ("v1", "v2", "v3")
    },
}
TEST: dict[str, Any] = {
    "name": "myapp-1/test-v3",
    "match": [{"headers": {"x-version": {"exact": "v3"}}}],
    "route": [{"destination": {"host": "myapp", "subset": "v3"}}],
}
WITH_V3 = {"v1": "a", "v2": "b", "v3": "d"}
TESTED: dict[str, Any] = {"beside": [TEST], "workloads": WITH_V3}
NOTHING = {"v1": (), "v2": ()}
OWN = {"v1": "myapp:1", "v2": "myapp:2"}
STATE: dict[str, Any] = PROPS | {"proof": [], "__provider": "old"}


def news(**changes: object) -> dict[str, Any]:
    return PROPS | {"__provider": "new"} | changes


Asked = Mapping[str, Question]


def true(*_: object) -> bool:
    return True


def false(*_: object) -> bool:
    return False


def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The versions that were waited for, and of them those that were asked for an answer, by call."""
    calls: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def wait(
        _split: proof.Split, versions: tuple[str, ...], _seconds: float, questions: Asked, _room: object
    ) -> None:
        calls.append((versions, tuple(questions)))

    monkeypatch.setattr(split_proof.proof, "wait_for_versions", wait)
    monkeypatch.setattr(split_proof.proof, "is_routed", true)
    return calls


@pytest.mark.parametrize(
    ("old", "new", "waits"),
    [
        ({}, news(), [(("v1", "v2"), ("v1", "v2"))]),
        (STATE, news(weights={"v1": 90.0, "v2": 10.0}), [(("v1",), ("v1",))]),
        # Away from a version, sick or not: only who gets more must be well.
        (STATE, news(weights={"v2": 100.0}), [(("v2",), ("v2",))]),
        (STATE, news(workloads={"v1": "c", "v2": "b"}), [(("v1",), ("v1",))]),
        (
            STATE,
            news(weights={"v1": 50.0, "v3": 50.0}, workloads={"v1": "a", "v3": "d"}),
            [(("v3",), ("v3",))],
        ),
        (STATE, news(timeoutSeconds=5.0), []),
        # Other gateways, which may be none at all: no Gateway is written before they know the versions.
        (STATE, news(gatewaySelector={"istio": "typo"}), [(("v1", "v2"), ("v1", "v2"))]),
        # Another port of the Service, which somebody else may have, and which may be none.
        (STATE | {"port": 80.0}, news(port=9000.0), [(("v1", "v2"), ("v1", "v2"))]),
        (STATE | {"port": 80.0}, news(port=80.0, timeoutSeconds=5.0), []),
        # An `up` of the first releases wrote none into the state.
        (STATE, news(port=80.0), []),
        # What gets a test route is asked as what gets traffic; and no more while it keeps it.
        (STATE, news(beside=[TEST], workloads=WITH_V3), [(("v3",), ("v3",))]),
        (STATE | TESTED, news(beside=[TEST], workloads=WITH_V3 | {"v3": "e"}), [(("v3",), ("v3",))]),
        (STATE | TESTED, news(**TESTED, weights={"v1": 90.0, "v2": 10.0}), [(("v1",), ("v1",))]),
        (
            STATE | TESTED,
            news(weights={"v1": 40.0, "v2": 50.0, "v3": 10.0}, **TESTED),
            [(("v3",), ("v3",))],
        ),
        # An `up` of the first releases wrote no questions into the state.
        (STATE, {key: value for key, value in news().items() if key != "questions"}, [(("v1", "v2"), ())]),
        # Nothing changed but a gateway has lost a version: all that have traffic, and none gains.
        (STATE, news(), [(("v1", "v2"), ())]),
    ],
)
def test_ready_waits_for_the_versions_that_get_more_or_are_others(
    monkeypatch: pytest.MonkeyPatch,
    old: dict[str, Any],
    new: dict[str, Any],
    waits: list[tuple[tuple[str, ...], tuple[str, ...]]],
) -> None:
    calls = asked(monkeypatch)
    if old:
        ReadyProvider().update("myapp", old, new)
    else:
        ReadyProvider().create(new)
    assert calls == waits


def test_a_virtual_service_that_is_gone_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = asked(monkeypatch)
    monkeypatch.setattr(split_proof.proof, "is_routed", false)
    ReadyProvider().update("myapp", STATE, news(weights={"v2": 100.0}))
    assert calls == []
    # In another cluster nothing is cut off: nothing was served there.
    ReadyProvider().update("myapp", STATE, news(kubeconfig="other"))
    assert calls == [(("v1", "v2"), ("v1", "v2"))]


@pytest.mark.parametrize("moved", [{"namespace": "shop"}, {"virtualService": "front"}])
def test_a_virtual_service_that_is_to_be_another_one_is_not_gone(
    monkeypatch: pytest.MonkeyPatch, moved: dict[str, str]
) -> None:
    calls = asked(monkeypatch)
    monkeypatch.setattr(split_proof.proof, "is_routed", false)
    ReadyProvider().update("myapp", STATE, news(**moved))
    assert calls == [(("v1", "v2"), ("v1", "v2"))]


def test_a_test_route_that_leaves_the_inputs_is_a_change() -> None:
    for provider in (ReadyProvider(), ConvergedProvider()):
        assert provider.diff("myapp", STATE | TESTED, news(workloads=WITH_V3)).changes


@pytest.mark.parametrize("old", [{}, {"config": {"versions": {"v1": {"replicas": 1.0}}}}])
def test_what_the_commands_alone_read_is_proved_by_nobody(
    monkeypatch: pytest.MonkeyPatch, old: dict[str, Any]
) -> None:
    """Nor by the `up` of another release, which wrote none: Pulumi keeps the new inputs all the same."""
    monkeypatch.setattr(split_proof.proof, "holds", true)
    monkeypatch.setattr(split_proof.serving, "serves_only", true)
    new = news(config={"versions": {"v1": {"replicas": 2.0}}})
    assert not ConvergedProvider().diff("myapp", STATE | old, new).changes


@pytest.mark.parametrize("holds", [True, False])
def test_without_a_change_the_gateways_decide(monkeypatch: pytest.MonkeyPatch, *, holds: bool) -> None:
    def answer(*_: object) -> bool:
        return holds

    monkeypatch.setattr(split_proof.proof, "can_take", answer)
    monkeypatch.setattr(split_proof.proof, "holds", answer)
    monkeypatch.setattr(split_proof.serving, "serves_only", true)
    for provider in (ReadyProvider(), ConvergedProvider()):
        assert provider.diff("myapp", STATE, news()).changes is not holds


@pytest.mark.parametrize(
    ("running", "leaving", "seen_generation", "images", "changes"),
    [
        ("sha256:1", False, 2, OWN, False),
        ("sha256:2", False, 2, OWN, True),
        ("sha256:2", True, 2, OWN, False),
        ("sha256:2", False, 1, OWN, True),
        ("sha256:2", False, 1, {}, False),
    ],
    ids=["as proved", "another image", "on its way out", "about to be replaced", "somebody else's roll-out"],
)
def test_an_image_that_the_proof_does_not_name_is_a_change(
    monkeypatch: pytest.MonkeyPatch,
    *,
    running: str,
    leaving: bool,
    seen_generation: int,
    images: Mapping[str, str],
    changes: bool,
) -> None:
    metadata = {"labels": {"app": "myapp", "version": "v1"}}
    pod = {
        "metadata": metadata | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}),
        "status": {"containerStatuses": [{"name": "myapp", "ready": True, "imageID": running}]},
    }
    status = {
        "observedGeneration": seen_generation,
        "replicas": 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
    }
    objects = {
        "/api/v1/namespaces/default/pods": {"items": [pod]},
        "/apis/apps/v1/namespaces/default/deployments/myapp-v1": {
            "metadata": {"generation": 2},
            "spec": {"replicas": 1},
            "status": status,
        },
    }
    state = STATE | {"proof": [{"pod": "a", "images": {"v1": ["sha256:1"]}}]}
    monkeypatch.setattr(split_proof.proof, "holds", true)
    with fake_cluster(objects=objects) as cluster:
        inputs = {"kubeconfig": cluster.kubeconfig, "images": images}
        found = ConvergedProvider().diff("myapp", state | inputs, news(**inputs))
    assert found.changes is changes


def test_a_gateway_that_cannot_be_asked_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise GatewayError

    monkeypatch.setattr(split_proof.proof, "can_take", fail)
    monkeypatch.setattr(split_proof.proof, "holds", fail)
    for provider in (ReadyProvider(), ConvergedProvider()):
        assert provider.diff("myapp", STATE, news()).changes


def test_a_changed_input_is_a_change_without_asking() -> None:
    for provider in (ReadyProvider(), ConvergedProvider(), DrainProvider()):
        assert provider.diff("myapp", STATE, news(weights={"v2": 100.0})).changes


def test_what_is_not_proven_is_not_in_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise NotConvergedError("gateway a still routes by v1 100 %")

    monkeypatch.setattr(split_proof.serving, "wait_for_replaced", true)
    monkeypatch.setattr(split_proof.proof, "wait_for_weights", fail)
    with pytest.raises(GatewayError, match=r"^\ngateway a still routes by v1 100 %$"):
        ConvergedProvider().update("myapp", STATE, news())


def test_the_proof_is_an_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one = proof.Proof("istio-system/a", {"v1": 50, "v2": 50}, "2026-01-01T00:00:00Z")

    def wait(*_: object) -> tuple[proof.Proof, ...]:
        return (one,)

    monkeypatch.setattr(split_proof.proof, "wait_for_weights", wait)
    with fake_cluster() as cluster:
        props = {**news(), "kubeconfig": cluster.kubeconfig, "images": OWN}
        outs = ConvergedProvider().create(props).outs
    assert outs is not None
    assert outs["proof"] == [
        {"pod": one.pod, "weights": one.weights, "at": one.at, "undecided": ()}
        | {"images": NOTHING, "templates": NOTHING},
    ]
    # There is no VirtualService, so nothing could be noted there; the proof holds all the same.
    assert "`rollback --now` will not know this split" in capsys.readouterr().err


def test_a_version_without_traffic_that_is_not_ready_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reasons(_split: proof.Split, versions: tuple[str, ...]) -> dict[str, str]:
        return {versions[0]: "deployment default/myapp-v3: 0 of 1 new pods are ready"}

    monkeypatch.setattr(split_proof.proof, "not_ready", reasons)
    assert split_proof.idle_warnings(news(), ("v3", "v4")) == (
        "version v3 gets no traffic and is not ready yet: "
        "deployment default/myapp-v3: 0 of 1 new pods are ready",
    )


def test_fifty_drains_at_four_at_a_time_take_one_drain() -> None:
    """As where all the versions have a request that never ends."""
    split_proof._drains_began.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with fake_cluster(FakeGateway("a", {"v1": 100}, active={f"v{n}": 1 for n in range(50)})) as cluster:
        drain = PROPS | {"kubeconfig": cluster.kubeconfig, "drainSeconds": 2.0}
        started = time.monotonic()

        def delete(version: int) -> None:
            DrainProvider().delete("", drain | {"version": f"v{version}"})

        with ThreadPoolExecutor(4) as threads:
            threads.map(delete, range(50))
        # One after the other, thirteen rounds would take 26 s.
        assert 2 <= time.monotonic() - started < 20
