"""Room before traffic: how many ready pods a version needs, and when it is asked."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from components import split_proof
from components.gateway.room import Room, too_few
from components.kubernetes import workloads
from components.kubernetes.api import Api
from components.split_proof import ReadyProvider
from tests.unit.test_split_proof import STATE, news, true


class FakeApi:
    """Deployments of the app `myapp` with so many ready pods; of others there is none."""

    def __init__(self, **ready: int) -> None:
        self._ready = {f"/apis/apps/v1/namespaces/web/deployments/myapp-{one}": n for one, n in ready.items()}

    def find(self, path: str) -> Mapping[str, Any] | None:
        return {"status": {"readyReplicas": self._ready[path]}} if path in self._ready else None


def said(before: dict[str, int], after: dict[str, int], percent: int, **ready: int) -> list[str]:
    names = {one: workloads.own("myapp", one) for one in {*before, *after}}
    return list(too_few(cast("Api", FakeApi(**ready)), "web", Room(before, after, percent, names)))


@pytest.mark.parametrize(
    ("before", "after", "percent", "ready", "enough"),
    [
        ({"v1": 100}, {"v1": 50, "v2": 50}, 100, {"v1": 4, "v2": 2}, True),
        ({"v1": 100}, {"v1": 50, "v2": 50}, 100, {"v1": 4, "v2": 1}, False),
        ({"v1": 100}, {"v1": 50, "v2": 50}, 50, {"v1": 4, "v2": 1}, True),
        # A part of a pod is a whole one, and no pod is never enough.
        ({"v1": 100}, {"v1": 90, "v2": 10}, 100, {"v1": 4, "v2": 1}, True),
        ({"v1": 100}, {"v1": 99, "v2": 1}, 1, {"v1": 4, "v2": 0}, False),
        # Pods without traffic now serve none of it.
        ({"v1": 100, "v2": 0}, {"v2": 100}, 100, {"v1": 2, "v2": 2, "v3": 9}, True),
        ({"v1": 50, "v2": 50}, {"v2": 100}, 100, {"v1": 2, "v2": 2}, False),
        # What does not gain may have as few as it likes, and nothing serves what nothing served.
        ({"v1": 50, "v2": 50}, {"v1": 50, "v2": 50}, 100, {"v1": 9, "v2": 1}, True),
        ({}, {"v1": 100}, 100, {"v1": 1}, True),
        ({"gone": 100}, {"v1": 100}, 100, {"v1": 0}, True),
    ],
)
def test_a_version_needs_as_many_as_serve_the_same_traffic(
    before: dict[str, int], after: dict[str, int], percent: int, ready: dict[str, int], enough: bool
) -> None:
    assert (said(before, after, percent, **ready) == []) is enough


def test_the_sentence_has_the_numbers() -> None:
    assert said({"v1": 100}, {"v1": 50, "v2": 50}, 100, v1=4, v2=1) == [
        "v2 is to get 50 % of the traffic with 1 ready pod, and needs 2: 4 serve all of it now"
    ]


def asked(monkeypatch: pytest.MonkeyPatch) -> list[Room | None]:
    rooms: list[Room | None] = []

    def wait(*arguments: Any) -> None:
        rooms.append(arguments[-1])

    monkeypatch.setattr(split_proof.proof, "wait_for_versions", wait)
    monkeypatch.setattr(split_proof.proof, "is_routed", true)
    return rooms


@pytest.mark.parametrize(
    ("old", "changes", "before"),
    [
        (STATE, {"room": 100.0, "weights": {"v2": 100.0}}, {"v1": 50, "v2": 50}),
        # Of another cluster nothing is known.
        (STATE | {"kubeconfig": "o"}, {"room": 100.0, "weights": {"v2": 100.0}}, {}),
        (STATE, {"weights": {"v2": 100.0}}, None),
    ],
)
def test_it_is_asked_by_the_weights_of_the_last_time(
    monkeypatch: pytest.MonkeyPatch,
    old: dict[str, Any],
    changes: dict[str, Any],
    before: dict[str, int] | None,
) -> None:
    rooms = asked(monkeypatch)
    ReadyProvider().update("myapp", old, news(**changes))
    (room,) = rooms
    assert (room and (room.before, room.after, room.percent)) == (
        None if before is None else (before, {"v2": 100}, 100)
    )


def test_another_room_alone_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = asked(monkeypatch)
    ReadyProvider().update("myapp", STATE, news(room=100.0))
    assert rooms == []
    assert ReadyProvider().diff("myapp", STATE | {"room": 100.0}, news()).changes
