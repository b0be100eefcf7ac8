"""What verify calls a difference, by its logic alone."""

from collections.abc import Mapping

import pytest

from components.commands import verify
from components.observation.live import Live, Pods
from components.observation.traffic import Served
from components.settings.model import Settings
from components.settings.parse import parse


def settings(weights: Mapping[str, int], replicas: int | None = None) -> Settings:
    version: dict[str, object] = {"image": "app:1"}
    if replicas:
        version["replicas"] = replicas
    return parse(
        {
            "cluster": {"kind": "minikube", "profile": "dev"},
            "app": {"name": "app"},
            "versions": dict.fromkeys(weights, version),
            "weights": weights,
        }
    )


@pytest.mark.parametrize(
    ("v1", "before", "differences"),
    [
        (0, {}, 0),
        # It came while v1 had traffic, and ended while verify counted.
        (1, {"v1": 1}, 0),
        (1, {}, 2),
        (3, {"v1": 1}, 2),
    ],
)
def test_requests_from_before_a_change_are_no_difference(
    v1: int, before: Mapping[str, int], differences: int
) -> None:
    served = {"v1": Served(v1, 0), "v2": Served(200, 0)}
    found = list(verify._shares(settings({"v1": 0, "v2": 100}), served, before))  # pyright: ignore[reportPrivateUsage]
    assert len(found) == differences


@pytest.mark.parametrize(
    ("replicas", "says"), [(3, ["version v1 is scaled to 1 and not 3 replicas"]), (None, [])]
)
def test_version_that_was_scaled_by_hand_is_a_difference(replicas: int | None, says: list[str]) -> None:
    pods = {"v1": Pods("app:1", 1, 1, frozenset())}
    now = Live({"v1": 100}, None, frozenset({"v1"}), (), pods)
    found = verify._versions("dev", settings({"v1": 100}, replicas), now)  # pyright: ignore[reportPrivateUsage]
    assert [difference.what for difference in found] == says
