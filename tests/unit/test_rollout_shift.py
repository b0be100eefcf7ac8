"""A shift leaves no traffic between two steps, and no config that nothing accepts."""

import os
from pathlib import Path
from typing import Any

import pytest

from components.commands.shift import journal, observe, run
from components.commands.shift.judge import Limits, Plan
from components.commands.shift.observe import BreachError, MovedByOthersError
from components.commands.shift.report import Step
from components.observation import latency, traffic
from components.observation.latency import Readings
from components.observation.traffic import Counters, Endpoint, Served
from components.pulumi_cli import config, locks, stack

BEFORE = {"v1": 100, "v2": 0}
PLAN = Plan("v2", (50, 100), 1, Limits(0.01, 50))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """The splits that were written to the config of stack `lab`, in a project without a cluster."""
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    found: list[dict[str, int]] = []

    def write(_name: str, weights: dict[str, int]) -> None:
        found.append(dict(weights))

    monkeypatch.setattr(config, "write_weights", write)
    monkeypatch.setattr(stack, "converge", _nothing)
    monkeypatch.setattr(locks, "wait_for_engine", _nothing)
    return found


def _nothing(*_: object, **__: object) -> None:
    pass


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def step(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run, "_step", step)


@pytest.mark.parametrize(
    ("error", "reason"), [(KeyError("route"), "KeyError: 'route'"), (KeyboardInterrupt(), "interrupted")]
)
def test_shift_goes_back_whatever_happened(
    error: BaseException, reason: str, written: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, error)
    report = run._all_steps("lab", PLAN, BEFORE)  # pyright: ignore[reportPrivateUsage]
    assert report.failure == reason
    assert written == [BEFORE]
    assert journal.read("lab") is None


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"v1": 70, "v2": 30}, [{"v1": 70, "v2": 30}]),
        ({"v2": 100}, [{"v1": 0, "v2": 100}]),
        # Proportions, a version that the config does not know, and a route without a subset.
        ({"v1": 1, "v2": 1}, []),
        ({"v1": 50, "v3": 50}, []),
        ({}, []),
        (None, []),
    ],
)
def test_what_others_made_is_written_where_a_config_can_say_it(
    route: dict[str, int] | None,
    expected: list[dict[str, int]],
    written: list[dict[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _failing(monkeypatch, MovedByOthersError("somebody else moved it", route))
    with pytest.raises(MovedByOthersError):
        run._all_steps("lab", PLAN, BEFORE)  # pyright: ignore[reportPrivateUsage]
    assert written == expected


def test_journal_of_a_stack_by_its_full_name_lies_beside_its_config(written: list[dict[str, int]]) -> None:
    assert written == []
    journal.write("organization/blue-green/lab", journal.entry(PLAN, BEFORE))
    found = journal.read("lab")
    assert found is not None
    assert found.pid == os.getpid()


class _Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _counted(**endpoints: Served) -> Counters:
    """What the gateway gw had counted, by the version and address of an endpoint, such as v2_a."""
    keys = {name: ("gw", *name.split("_")) for name in endpoints}
    return Counters({keys[name]: Endpoint(served) for name, served in endpoints.items()})  # pyright: ignore[reportArgumentType]


def _observe(readings: list[Counters], monkeypatch: pytest.MonkeyPatch) -> Step:
    """Judge a step of two seconds by these readings of the gateways' counters."""

    def read(*_: object) -> Counters:
        return readings.pop(0)

    def no_times(*_: object) -> Readings:
        return {}

    monkeypatch.setattr(traffic, "read", read)
    monkeypatch.setattr(latency, "read", no_times)
    monkeypatch.setattr(observe, "must_hold", _nothing)
    monkeypatch.setattr(observe, "time", _Clock())
    step = Step(50, 0)
    plan = Plan("v2", (50,), 2, Limits(0.01, 50))
    nowhere: Any = None
    observe.observe("lab", plan, nowhere, {"v1": 50, "v2": 50}, nowhere, step)
    return step


def test_failures_of_a_pod_that_is_gone_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [_counted(v2_a=Served()), _counted(v2_a=Served(49, 49)), _counted(v2_b=Served(2000, 0))]
    with pytest.raises(BreachError, match="49 of 2049 requests failed"):
        _observe(readings, monkeypatch)


def test_version_without_endpoints_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = [_counted(v1_a=Served(), v2_b=Served()), _counted(v1_a=Served(100, 0))]
    with pytest.raises(BreachError, match="gateway gw has no endpoint of v2"):
        _observe(readings, monkeypatch)


def test_version_whose_endpoints_are_ejected_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    ejected = Counters({("gw", "v2", "b"): Endpoint(Served(1, 1), able=False)})
    with pytest.raises(BreachError, match="gateway gw has every endpoint of v2 ejected"):
        _observe([_counted(v2_b=Served()), ejected], monkeypatch)


def test_what_the_gateway_answers_itself_is_a_breach_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = _counted(v2_b=Served(1, 1)).endpoints
    before = {"upstream_rq_completed": 0, "upstream_cx_none_healthy": 0}
    after = {"upstream_rq_completed": 9, "upstream_rq_5xx": 9, "upstream_cx_none_healthy": 8}
    readings = [Counters(endpoints, {("gw", "v2"): counted}) for counted in (before, after)]
    with pytest.raises(BreachError, match=r"9 of 9 requests failed; .* itself: 8 no healthy endpoint"):
        _observe(readings, monkeypatch)
