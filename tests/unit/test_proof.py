"""What the proof of zero loss judges by: shares and their power, the rate that is held, the engine's log."""

import json
import math
from bisect import bisect_left
from functools import cache
from itertools import accumulate
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.observation.statistics import could_be
from harness.labs import ROOT
from proof import faults, sticky
from proof.accuracy import (
    EACH,
    MISS,
    OFF,
    SAMPLES,
    SHARE,
    SPLITS,
    Measured,
    samples_needed,
    seen_from,
)
from proof.rate import trial
from proof.report import table
from proof.result import Result
from proof.signals import under_way
from proof.traffic import Request


def binomial(samples: int, share: float, most: int) -> list[float]:
    """The probabilities of 0 to `most`, each from the one before it."""
    odds = share / (1 - share)
    first = math.exp(samples * math.log1p(-share))
    return list(accumulate(range(most), lambda mass, k: mass * odds * (samples - k) / (k + 1), initial=first))


@cache
def accepted(samples: int, share: float) -> range:
    """The counts that pass as this share's: an interval, as a test below shows."""
    mean = round(samples * share)
    span = range(10 * math.ceil(math.sqrt(mean)))

    def passing(sign: int) -> int:
        return bisect_left(span, True, key=lambda off: not could_be(mean + sign * off, samples, share, EACH))

    return range(mean - passing(-1) + 1, mean + passing(1))


@pytest.mark.parametrize("wrong", [SHARE + OFF, SHARE - OFF])
def test_a_share_of_1_percent_that_is_off_by_half_a_percent_is_seen(wrong: float) -> None:
    """Exact, while the sample's size comes from an approximation."""
    passing = accepted(SAMPLES, SHARE)
    assert sum(binomial(SAMPLES, wrong, passing[-1])[passing[0] :]) <= MISS


def test_a_true_share_of_1_percent_raises_no_alarm() -> None:
    passing = accepted(SAMPLES, SHARE)
    assert 1 - math.fsum(binomial(SAMPLES, SHARE, passing[-1])[passing[0] :]) <= EACH * 1.01


def test_the_alarms_of_all_shares_together_keep_the_bound() -> None:
    assert EACH * sum(len(weights) for weights in SPLITS) <= 1e-6 * (1 + 1e-9)
    assert min(min(weights.values()) for weights in SPLITS) == SHARE * 100


@given(
    share=st.floats(0.01, 0.9),
    off=st.floats(0.001, 0.09),
    alarm=st.floats(1e-9, 1e-2),
    miss=st.floats(1e-6, 0.4),
)
def test_more_samples_are_needed_for_a_smaller_error_or_a_surer_answer(
    share: float, off: float, alarm: float, miss: float
) -> None:
    needed = samples_needed(share, share + off, alarm, miss)
    assert needed > 0
    assert samples_needed(share, share + off / 2, alarm, miss) > needed
    assert samples_needed(share, share + off, alarm / 2, miss) >= needed
    assert samples_needed(share, share + off, alarm, miss / 2) >= needed
    assert seen_from(share, 4 * needed, alarm, miss) == pytest.approx(
        seen_from(share, needed, alarm, miss) / 2
    )


@given(count=st.integers(0, 2000), samples=st.integers(1, 2000), share=st.floats(0.01, 0.99))
def test_the_exact_bound_accepts_an_interval_around_the_share(count: int, samples: int, share: float) -> None:
    count = min(count, samples)
    mean = round(samples * share)
    assert could_be(mean, samples, share, EACH)
    if could_be(count, samples, share, EACH) and count != mean:
        nearer = count + (1 if count < mean else -1)
        assert could_be(nearer, samples, share, EACH)


@given(moved=st.integers(-300, 300))
def test_a_split_is_kept_only_by_enough_answers_of_the_right_versions(moved: int) -> None:
    answers = {"v1": 990 + moved, "v2": 10 - moved if moved < 10 else 0}
    one = Measured({"v1": 99, "v2": 1}, answers, failed=0, needed=1000, false_alarm=EACH)
    assert one.kept == (one.samples >= 1000 and not one.wrong)
    assert not Measured(one.weights, {**answers, "v9": 1}, 0, 1000, EACH).kept
    assert not Measured(one.weights, answers, 1, 1000, EACH).kept
    assert not Measured(one.weights, {"v1": 99, "v2": 1}, 0, 1000, EACH).kept


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        ({"v1": 90, "v2": 10}, {"v1": 90, "v2": 10}, 0),
        ({"v1": 90, "v2": 10}, {"v1": 75, "v2": 25}, 15),
        ({"v1": 50, "v2": 50}, {"v2": 100}, 50),
        # v2 stands between giver and taker, and its place is shifted.
        ({"v1": 60, "v2": 30, "v3": 10}, {"v1": 40, "v2": 30, "v3": 30}, 40),
        ({"v1": 90, "v2": 10}, {"v1": 90, "v3": 10}, 10),
    ],
)
def test_how_many_users_have_to_move(before: dict[str, int], now: dict[str, int], percent: int) -> None:
    assert sticky.needed(before, now) == percent / 100
    assert sticky.needed(now, before) == percent / 100


def requests(rate: float, late: float = 0.0, seconds: float = 0.001, failure: str = "") -> list[Request]:
    return [Request(n / rate + late, late, seconds, False, "v1", failure) for n in range(1000)]


def test_a_rate_is_held_only_where_it_is_sent_in_time_answered_in_time_and_nothing_fails() -> None:
    assert trial(500, requests(500)).held
    assert trial(500, requests(500)).usable == 250  # what is left is the changes' own
    assert not trial(500, requests(400)).held
    assert not trial(500, requests(500, late=0.2)).held
    assert not trial(500, requests(500, seconds=0.5)).held
    assert not trial(500, requests(500, failure="timeout")).held
    assert not trial(500, []).held


def test_what_was_under_way_is_read_from_a_log_that_breaks_off(tmp_path: Path) -> None:
    def step(event: str, op: str, name: str) -> dict[str, object]:
        return {event: {"metadata": {"op": op, "urn": f"urn:pulumi:lab::blue-green::type::{name}"}}}

    events: tuple[dict[str, object], ...] = (
        {"preludeEvent": {}},
        step("resourcePreEvent", "update", "a"),
        {"preludeEvent": {}},
        step("resourcePreEvent", "create", "b"),
        step("resOutputsEvent", "create", "b"),
        step("resourcePreEvent", "same", "c"),
        step("resourcePreEvent", "update", "myapp-ready"),
    )
    log = tmp_path / "events.json"
    assert under_way(log) == "before the engine"
    lines = [json.dumps(event) for event in events]
    log.write_text("\n".join(lines) + '\n{"resOutputsEv')
    assert under_way(log) == "update: update myapp-ready"
    log.write_text("\n".join(lines[:2]) + "\n")
    assert under_way(log) == "preview: update a"


@pytest.mark.parametrize("stack", ["dev", "lab"])
def test_no_outage_of_the_proof_is_longer_than_a_node_may_be_silent(stack: str) -> None:
    """Else Kubernetes takes every pod of the only node out of its Service, and the gateways answer 503."""
    cluster = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]["blue-green:cluster"]
    settings = dict(one.split("=") for one in cluster["extraConfig"])
    minutes = settings["controller-manager.node-monitor-grace-period"].removesuffix("m")
    # What is away needs as long again until it answers.
    assert int(minutes) * 60 > 2 * faults.AWAY_SECONDS


def test_what_fails_beside_another_teams_objects_is_counted_apart() -> None:
    requests = tuple(Request(float(second), 0, 0.1, False, "", "status 503") for second in range(10))
    whole = Result("beside others", 2, "no more than two", requests, (), theirs=((0.0, 2.5), (5.0, 8.0)))
    assert [request.sent for request in whole.failed] == [3, 4, 9]
    assert whole.failed_by_theirs == 7
    assert "| **3**, and 7 by the other team's objects |" in table([whole])
