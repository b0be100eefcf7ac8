"""What a rollback may go back to: by Pulumi's history, by the record in the cluster, and what it refuses."""

import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.commands.rollback import back, now
from components.commands.rollback.target import Candidate, choose, table
from components.commands.shift import journal
from components.commands.shift.judge import Limits, Plan
from components.errors import NotAskedError, RolloutError
from components.gateway.gateways import Gateways
from components.history import past as pasts
from components.history import record, routes
from components.history.past import Cause, Past, targets
from components.kubernetes import istio
from components.observation import live
from components.pulumi_cli import config, project, stack, updates
from components.rollback_guard import RolledBackError, engine_began, must_not_be_rolled_back
from components.settings.model import App
from tests.unit.fake_cluster import FakeCluster, FakeGateway, fake_cluster, version_pod

VIRTUAL_SERVICE = istio.virtual_service("default", "myapp")


def past(text: str) -> Past:
    """A split such as `shift-step v1=50,v2=50`, with an image `a:VERSION`, or `v1=100@b` for another one."""
    *cause, split = text.split()
    parts = [re.fullmatch(r"(\w+)=(\d+)(?:@(\w+))?", part) for part in split.split(",")]
    found = [part.groups() for part in parts if part]
    images = {version: f"{image or 'a'}:{version}" for version, _, image in found}
    return Past(0, Cause(cause[0] if cause else ""), {version: int(one) for version, one, _ in found}, images)


@pytest.mark.parametrize(
    ("proved", "expected"),
    [
        ((), ()),
        (("v1=100", "v1=50,v2=50"), ("v1=50,v2=50", "v1=100")),
        # The same once more is no other target.
        (("v1=100", "v1=100", "v2=100"), ("v2=100", "v1=100")),
        # The image is a part of it.
        (("v1=100", "v1=100@b"), ("v1=100@b", "v1=100")),
        # A shift is one change.
        (
            ("v1=100", "shift-step v1=90,v2=10", "shift-step v1=50,v2=50", "shift-end v2=100"),
            ("shift-end v2=100", "v1=100"),
        ),
        # One that went back is none.
        (("v1=100", "shift-step v1=90,v2=10", "shift-back v1=100"), ("v1=100",)),
        (("v1=100", "shift-end v2=100", "shift-back v1=100"), ("v1=100",)),
        # That a later shift went back says nothing of the one before it.
        (
            ("v1=100", "shift-end v2=100", "shift-step v2=90,v3=10", "shift-back v2=100"),
            ("shift-end v2=100", "v1=100"),
        ),
        # Nor does one of which no step was ever proved.
        (
            ("v1=100", "shift-end v2=100", "shift-back v2=100", "v3=100"),
            ("v3=100", "shift-end v2=100", "v1=100"),
        ),
        # One that was killed in its last step, resumed there, and went back.
        (("v1=100", "shift-end v2=100", "shift-end v2=100", "shift-back v1=100"), ("v1=100",)),
        # What a rollback left is not gone back to, and its own result is the target of before.
        (("v3=100", "v1=100", "v2=100", "rollback v1=100"), ("v1=100", "v3=100")),
        # After an `up` that failed nothing is left behind.
        (("v3=100", "v1=100", "rollback v1=100"), ("v1=100", "v3=100")),
        # In the middle of a shift that was killed.
        (("v3=100", "v1=100", "shift-step v1=50,v2=50", "rollback v1=100"), ("v1=100", "v3=100")),
        (("v1=100", "v2=100", "rollback v1=100", "v3=100"), ("v3=100", "v1=100")),
        # To a split that is too old to be known.
        (("v2=100", "rollback v1=100"), ("v2=100",)),
    ],
)
def test_targets(proved: Sequence[str], expected: Sequence[str]) -> None:
    assert targets(map(past, proved)) == list(map(past, expected))


def _update(weights: dict[str, int], message: str = "", **other: Any) -> dict[str, Any]:
    versions = {version: {"image": f"a:{version}"} for version in ("v1", "v2")}
    config = {"weights": weights, "versions": versions}
    return {
        "kind": "update",
        "result": "succeeded",
        "startTime": "2026-11-26T02:21:35.000Z",
        "message": message,
        "environment": {"pulumi.flag.yes": "true"},
        "config": {f"blue-green:{key}": {"value": json.dumps(value)} for key, value in config.items()},
        **other,
    }


@pytest.mark.parametrize(
    "other",
    [
        {"result": "failed"},
        {"kind": "preview"},
        {"kind": "destroy"},
        {"environment": {"pulumi.flag.target": "set"}},
        {"environment": {"pulumi.flag.exclude": "set"}},
        {"config": {}},
        # As another program's key may have held once.
        {"config": {"blue-green:weights": {"value": "5"}}},
    ],
)
def test_update_without_a_proof_of_the_whole_split_is_left_out(other: dict[str, Any]) -> None:
    good = _update({"v1": 50, "v2": 50, "v3": 0})
    (found,) = updates.of_history([_update({"v1": 100}, **other), good])
    assert found == Past(1795659695.0, Cause.whole, {"v1": 50, "v2": 50}, {"v1": "a:v1", "v2": "a:v2"})


def test_what_somebody_else_has_is_a_split_without_an_image() -> None:
    versions = {"v1": {"deployment": "cart-blue"}, "v2": {"image": "a:v2"}}
    update = _update({"v1": 50, "v2": 50})
    update["config"]["blue-green:versions"]["value"] = json.dumps(versions)
    (found,) = updates.of_history([update])
    assert (found.weights, found.images) == ({"v1": 50, "v2": 50}, {"v2": "a:v2"})
    # Another program's: its config has none.
    del update["config"]["blue-green:versions"]
    assert updates.of_history([update], images={"v1": "", "v2": "a:v2"}) == [found]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (updates.message(Cause.step, "v2 at 10 %"), Cause.step),
        (updates.message(Cause.rollback, "to v1 100 %"), Cause.rollback),
        ("rollback: v2 is broken", Cause.whole),
        ("blue-green is renamed: shift", Cause.whole),
    ],
)
def test_only_our_own_message_gives_an_update_a_cause(message: str, cause: Cause) -> None:
    (found,) = updates.of_history([_update({"v1": 100}, message)])
    assert found.cause is cause


def test_choice_names_what_it_passes_over_and_needs_a_number_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    broken, whole = past("v3=100"), past("v1=100")

    def judge(one: Past) -> Candidate:
        return Candidate(one, "ImagePullBackOff" if one is broken else None)

    assert choose([whole, broken], None, judge) is whole
    with pytest.raises(RolloutError, match="To go back to v1 100 % instead, add --to 2"):
        choose([broken, whole], None, judge)
    assert "1: v3 100 % cannot be served now: ImagePullBackOff" in capsys.readouterr().err
    assert choose([broken, whole], 2, judge) is whole
    with pytest.raises(RolloutError, match="none of the splits"):
        choose([broken, whole], 1, judge)
    with pytest.raises(RolloutError, match="there are 2 splits"):
        choose([broken, whole], 3, judge)
    with pytest.raises(RolloutError, match="no other split"):
        choose([], None, judge)


def test_list_has_a_number_the_images_and_whether_it_could_be_served() -> None:
    of_others = Candidate(Past(0, Cause.last_step, {"v3": 100}, {}))
    lines = table(
        [Candidate(past("v1=100")), Candidate(past("v2=100"), "v2 has no Deployment any more"), of_others]
    )
    first, second, third = lines.splitlines()
    assert "  v3 100 %  (by a shift)  can be served now" in third
    assert first.startswith("1  1970-01-01 00:00:00Z  v1 100 %  (v1 a:v1; by an up)  can be served now")
    assert second.endswith("cannot be served now: v2 has no Deployment any more")


def test_now_leaves_a_file_without_the_version_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    monkeypatch.chdir(tmp_path)
    values = {
        "cluster": {"kind": "kubeconfig"},
        "istio": {"install": False},
        "app": {"name": "shop"},
        "versions": {"v2": {"image": "shop:2"}},
        "weights": {"v2": 100},
    }
    asked: list[tuple[str, ...]] = []

    def moved(_name: str, _to: int | None) -> Past:
        return past("v1=100")

    def raw(_stack: str) -> dict[str, Any]:
        return values

    def ask(*arguments: str) -> str:
        asked.append(arguments)
        return ""

    monkeypatch.setattr(now, "_move", moved)
    monkeypatch.setattr(config, "raw", raw)
    monkeypatch.setattr(project, "ask", ask)
    with pytest.raises(RolloutError) as raised:
        now.rollback_now("prod", None)
    assert str(raised.value) == (
        "v1 100 % needs v1, which the config has no more: put it back into versions in Pulumi.prod.yaml, or "
        "set the weights in Pulumi.prod.yaml and run `up`\n"
        "Traffic is back at v1 100 %, and Pulumi's state does not have it yet. "
        "To go on, type: blue-green rollback --now --stack prod"
    )
    assert asked == []


def _virtual_service(*splits: Past) -> dict[str, Any]:
    entries = [
        {"at": one.at, "cause": one.cause, "weights": one.weights, "images": one.images} for one in splits
    ]
    return {"metadata": {"annotations": {record.ANNOTATION: json.dumps(entries)}}}


def test_record_is_read_as_it_was_written_and_what_is_not_ours_is_nothing() -> None:
    splits = [past("v1=100"), past("rollback v2=100")]
    assert record.read(_virtual_service(*splits)) == splits
    for text in ("", "[", '[{"at": 1}]', '{"a": 1}', '[{"at":1,"cause":"?","weights":{},"images":{}}]'):
        assert record.read({"metadata": {"annotations": {record.ANNOTATION: text}}}) == []
    assert record.read({"metadata": {}}) == []


def test_record_notes_the_same_once_and_each_rollback_by_its_time() -> None:
    first, back = past("v1=100"), past("rollback v1=100")
    assert record.followed([first], dataclasses.replace(first, at=5)) == [first]
    again = dataclasses.replace(back, at=5)
    assert record.followed([first, back], again) == [first, again]
    many = [past(f"v1={number},v2={100 - number}") for number in range(1, 40)]
    assert record.followed(many, first) == [*many[-19:], first]


@pytest.fixture
def rolled_back() -> Iterator[str]:
    """A kubeconfig of a cluster in which traffic was rolled back at second 1000."""
    mark = Past(1000.0, Cause.rollback, {"v1": 100}, {"v1": "a:v1"})
    with fake_cluster(objects={VIRTUAL_SERVICE: _virtual_service(past("v2=100"), mark)}) as cluster:
        yield cluster.kubeconfig


def test_up_that_began_before_a_rollback_stops(rolled_back: str) -> None:
    with pytest.raises(RolledBackError, match=r"rolled back to v1 100 % at 00:16:40Z, while this `up` ran"):
        must_not_be_rolled_back(rolled_back, VIRTUAL_SERVICE, 999.0)
    must_not_be_rolled_back(rolled_back, VIRTUAL_SERVICE, 1001.0)


@pytest.mark.parametrize("ahead", [300.0, -300.0])
def test_up_and_rollback_are_told_apart_by_the_api_servers_clock(ahead: float) -> None:
    """Each machine has a clock of its own; that of this one is five minutes behind or ahead."""
    now = time.time() + ahead
    for began, stops in ((-10, True), (10, False)):
        mark = Past(now, Cause.rollback, {"v1": 100}, {"v1": "a:v1"})
        with fake_cluster(objects={VIRTUAL_SERVICE: _virtual_service(mark)}) as cluster:
            cluster.ahead = ahead
            with pytest.raises(RolledBackError) if stops else nullcontext():
                must_not_be_rolled_back(cluster.kubeconfig, VIRTUAL_SERVICE, time.time() + began)


def test_up_that_follows_a_rollback_or_has_no_route_yet_goes_on() -> None:
    later = _virtual_service(past("rollback v1=100"), past("v2=100"))
    with fake_cluster(objects={VIRTUAL_SERVICE: later}) as cluster:
        must_not_be_rolled_back(cluster.kubeconfig, VIRTUAL_SERVICE, 0)
        must_not_be_rolled_back(cluster.kubeconfig, istio.virtual_service("default", "other"), 0)


def test_engine_began_in_the_past() -> None:
    assert 0 < engine_began() < 4e9


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_engine_began_no_second_sooner_than_it_did(tmp_path: Path) -> None:
    # Else an `up` right after a rollback is taken for one that began before it.
    engine = tmp_path / "pulumi"
    engine.symlink_to("/bin/sh")
    asks = "from components.rollback_guard import engine_began; print(repr(engine_began()))"
    before = time.time()
    done = subprocess.run(
        [engine, "-c", f'"{sys.executable}" -c "{asks}"; exit $?'],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    # The kernel counts in hundredths.
    assert before - 0.02 < float(done.stdout) < time.time()


def test_written_route_keeps_what_pulumi_applied_and_changes_the_weights_alone() -> None:
    destination = {"host": "myapp", "port": {"number": 80}}
    found: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {
            "name": "myapp",
            "namespace": "default",
            "annotations": {"pulumi.com/patchForce": "true", "others": "theirs"},
            "managedFields": [
                {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}},
                {
                    "manager": "pulumi-kubernetes-1",
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:metadata": {"f:annotations": {"f:pulumi.com/patchForce": {}, "f:gone": {}}},
                        "f:spec": {"f:hosts": {}, "f:http": {}},
                    },
                },
            ],
        },
        "spec": {
            "hosts": ["*"],
            "http": [
                {"route": [{"destination": {**destination, "subset": "v2"}, "weight": 100}], "timeout": "5s"}
            ],
        },
    }
    manager, manifest = routes.applied_with(found, {"v1": 60, "v2": 40})
    assert manager == "pulumi-kubernetes-1"
    assert manifest["metadata"] == {
        "name": "myapp",
        "namespace": "default",
        "annotations": {"pulumi.com/patchForce": "true"},
    }
    assert manifest["spec"] == {
        "hosts": ["*"],
        "http": [
            {
                "route": [
                    {"destination": {**destination, "subset": "v1"}, "weight": 60},
                    {"destination": {**destination, "subset": "v2"}, "weight": 40},
                ],
                "timeout": "5s",
            }
        ],
    }


@pytest.fixture
def of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """A stack `prod` whose versions are Deployments of somebody else, v2 with all traffic since v1 had it."""

    def theirs(name: str, replicas: int) -> dict[str, Any]:
        status = {"observedGeneration": 1, "updatedReplicas": replicas, "replicas": replicas}
        return {
            "metadata": {"name": name, "generation": 1},
            "status": {**status, "availableReplicas": replicas},
            "spec": {
                "replicas": replicas,
                "template": {"spec": {"containers": [{"name": "web", "image": "theirs:1"}]}},
            },
        }

    def rule(version: str, name: str) -> dict[str, Any]:
        subset = {"name": version, "labels": {"app": "myapp", "color": name}}
        annotations = {"blue-green/workload": f"Deployment {name}"}
        return {"metadata": {"annotations": annotations}, "spec": {"host": "myapp", "subsets": [subset]}}

    def pod(name: str, address: str) -> dict[str, Any]:
        labels = {"app": "myapp", "color": name}
        return version_pod("v1", address, name=f"{name}-1a2b-x", labels=labels, ownerReferences=[])

    route = _virtual_service(Past(1, Cause.whole, {"v1": 100}, {}), Past(2, Cause.whole, {"v2": 100}, {}))
    subset = {"destination": {"host": "myapp", "subset": "v2"}, "weight": 100}
    spec = {"gateways": ["myapp-gateway"], "http": [{"name": "split", "route": [subset]}]}
    gateway = "/apis/networking.istio.io/v1/namespaces/default/gateways/myapp-gateway"
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    objects = {
        VIRTUAL_SERVICE: {**route, "spec": spec},
        gateway: {"spec": {"selector": {"istio": "ingressgateway"}}},
        "/apis/networking.istio.io/v1/namespaces/default/destinationrules": {
            "items": [
                rule("v1", "myapp-v1"),
                rule("v2", "green"),
                {"metadata": {}, "spec": {"host": "myapp"}},
            ]
        },
        f"{deployments}/myapp-v1": theirs("myapp-v1", 1),
        f"{deployments}/green": theirs("green", 1),
        "/api/v1/namespaces/default/pods": {"items": [pod("myapp-v1", "10.0.0.1"), pod("green", "10.0.0.2")]},
    }
    endpoints = {"v1": ["10.0.0.1"], "v2": ["10.0.0.2"]}
    with fake_cluster(FakeGateway("gw", {"v1": 100}, endpoints), objects=objects) as cluster:
        (tmp_path / "kubeconfig").write_text(cluster.kubeconfig)
        values = {
            "cluster": {"kind": "kubeconfig", "path": str(tmp_path / "kubeconfig")},
            "app": {"name": "myapp"},
        }
        ours = {f"blue-green:{key}": value for key, value in values.items()}
        (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
        (tmp_path / "Pulumi.prod.yaml").write_text(json.dumps({"config": ours}))
        monkeypatch.chdir(tmp_path)
        yield cluster


@pytest.mark.usefixtures("of_others")
def test_now_goes_back_to_what_somebody_else_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Past] = []

    def write(_api: object, _path: str, past: Past) -> None:
        written.append(past)

    def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(record, "add", nothing)
    monkeypatch.setattr(routes, "write", write)
    monkeypatch.setattr(now, "_write_state", nothing)
    # The gateway follows; the routes that it is to leave are none of this test.
    shift = journal.entry(Plan("v2", (50,), 1, Limits(0.01, 50)), {"v1": 100})
    journal.write("prod", dataclasses.replace(shift, started=0.0))
    assert now.rollback_now("prod", None).weights == {"v1": 100}
    assert [one.weights for one in written] == [{"v1": 100}]
    assert journal.read("prod") is None
    # One that runs writes until it sees that it was overtaken.
    journal.write("prod", shift)
    monkeypatch.setattr(now, "_UP_SECONDS", 0)
    says = f"every gateway routes by v1 100 %, and the shift of process {shift.pid} has not ended in 0 s"
    with pytest.raises(RolloutError, match=says):
        now.rollback_now("prod", None)


def test_now_refuses_what_its_owner_has_taken_away(of_others: FakeCluster) -> None:
    blue = "/apis/apps/v1/namespaces/default/deployments/myapp-v1"
    of_others.objects[blue]["spec"]["replicas"] = 0
    (found,) = now.candidates("prod")
    assert found.obstacle == "deployment default/myapp-v1 is scaled to 0"
    del of_others.objects[blue]
    (found,) = now.candidates("prod")
    assert found.obstacle == "v1 has no Deployment myapp-v1 any more"


def test_now_says_what_it_cannot_ask(of_others: FakeCluster) -> None:
    gateways, of_others.gateways = of_others.gateways, []
    for asks in (lambda: now.candidates("prod"), lambda: now.rollback_now("prod", None)):
        with pytest.raises(NotAskedError, match="No gateway runs"):
            asks()
    of_others.gateways = gateways
    del of_others.objects[VIRTUAL_SERVICE]
    for asks in (lambda: now.candidates("prod"), lambda: now.rollback_now("prod", None)):
        with pytest.raises(NotAskedError, match="virtualservices/myapp not found"):
            asks()


def test_now_once_more_goes_on_with_the_same_and_no_split_further_back(
    of_others: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [Past(1, Cause.whole, {version: 100}, {}) for version in ("v2", "v1", "v3")]
    route = of_others.objects[VIRTUAL_SERVICE]
    marked = _virtual_service(*before, Past(2, Cause.rollback, {"v1": 100}, {}))["metadata"]
    subset = {"destination": {"host": "myapp", "subset": "v1"}, "weight": 100}
    spec = {**route["spec"], "http": [{"name": "split", "route": [subset]}]}
    of_others.objects[VIRTUAL_SERVICE] = {"metadata": marked, "spec": spec}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(now, "_write_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        now.rollback_now("prod", None)
    assert capsys.readouterr().err.splitlines() == [
        "rollback: traffic was rolled back to v1 100 % already; --to N goes further back",
        "rollback: traffic is back: every gateway routes by v1 100 %",
        "rollback: Traffic is back at v1 100 %, and Pulumi's state does not have it yet. To go on, type: "
        "blue-green rollback --now --stack prod",
    ]
    monkeypatch.setattr(now, "_prove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        now.rollback_now("prod", None)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "rollback: The VirtualService has v1 100 %, Pulumi.prod.yaml may not. To go on, type: "
        "blue-green rollback --now --stack prod"
    ]


@pytest.mark.parametrize(
    ("half", "reached", "kept"),
    [(False, "shop:1", True), (False, "shop:2", False), (True, "shop:2", False)],
    ids=["its pods change already", "nothing has changed", "the file is half written"],
)
def test_the_file_says_what_the_cluster_has_after_a_rollback_of_an_image_that_fails(
    half: bool,
    reached: str,
    kept: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("before")
    monkeypatch.chdir(tmp_path)
    subset = {"destination": {"host": "myapp", "subset": "v2"}, "weight": 100}
    where = "/apis/apps/v1/namespaces/default/deployments/myapp-v2"

    def deployment(image: str) -> dict[str, Any]:
        return {"spec": {"template": {"spec": {"containers": [{"name": "myapp", "image": image}]}}}}

    objects = {
        VIRTUAL_SERVICE: {"metadata": {}, "spec": {"http": [{"name": "split", "route": [subset]}]}},
        where: deployment("shop:2"),
    }
    settings = SimpleNamespace(app=App("myapp", "default"), weights={"v2": 100}, versions={})

    def write(*_: object) -> list[str]:
        file.write_text("after")
        if half:
            raise RolloutError("the pods are not ready")
        return []

    def choose(*_: object) -> Past:
        return Past(0, Cause.whole, {"v2": 100}, {"v2": "shop:1"})

    def of(*_: object) -> Any:
        return settings

    def no(*_: object) -> Any:
        return []

    with fake_cluster(objects=objects) as cluster:

        def connect(_: object) -> Gateways:
            return Gateways(cluster.kubeconfig, {"istio": "x"})

        def fails(*_: object, **__: object) -> None:
            cluster.objects[where] = deployment(reached)
            raise RolloutError("the pods are not ready")

        for module, name, does in (
            (config, "settings", of), (config, "weights_key", no), (config, "write_split", write),
            (updates, "proved", no), (pasts, "present", choose), (live, "connect", connect),
            (back, "_judge", no), (back, "choose", choose), (back, "must_be_known", no),
            (stack, "converge", fails),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, does)
        with pytest.raises(RolloutError, match="the pods are not ready"):
            back.rollback("prod", None, quiet=True)
    says = (
        "the VirtualService has v2 100 % (v2 shop:1), and so has Pulumi.prod.yaml; when the cause is mended, "
        "run: blue-green up --stack prod"
        if kept
        else "traffic has not moved, and Pulumi.prod.yaml is as it was"
    )
    assert capsys.readouterr().err.splitlines()[-1] == f"rollback: {says}"
    assert file.read_text() == ("after" if kept else "before")
