"""What the commands decide by: splits, judgement of a step, the proved split, and how sure a share is."""

import dataclasses
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.commands.shift import journal
from components.commands.shift.judge import Limits, Plan, breach, steps_from
from components.commands.shift.report import Report, Sample, Step
from components.errors import NotAskedError
from components.gateway.gateways import Answer, Gateways
from components.gateway.pods import GatewayPod
from components.kubernetes.errors import GatewayError
from components.observation import latency, traffic
from components.observation.latency import Latency, Readings
from components.observation.statistics import could_be, margin, percentile
from components.observation.traffic import Counters, Endpoint, Served, between
from components.settings.model import Settings
from components.settings.parse import parse
from components.settings.weights import moved, same, shown
from tests.unit.fake_cluster import FakeGateway, fake_cluster

SETTINGS = parse(
    {
        "app": {"name": "myapp"},
        "versions": {"v1": {"image": "shop:1"}},
        "weights": {"v1": 100},
        "cluster": {"kind": "kubeconfig"},
        "istio": {"install": False},
    }
)


@st.composite
def splits(draw: st.DrawFn) -> dict[str, int]:
    """Splits of 100 among two to six versions, of which the first has less than all."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=1, max_size=5)))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    weights = {f"v{number}": part for number, part in enumerate(parts)}
    return weights if weights["v0"] < 100 else {**weights, "v0": 0, "v1": 100}


@given(weights=splits(), share=st.integers(0, 100))
def test_moved_split_is_whole_and_gives_the_version_its_share(weights: dict[str, int], share: int) -> None:
    after = moved(weights, "v0", share)
    assert sum(after.values()) == 100
    assert after["v0"] == share
    assert set(after) == set(weights)
    assert all(weight >= 0 for weight in after.values())


@given(weights=splits(), share=st.integers(0, 100))
def test_moved_split_keeps_the_others_in_proportion(weights: dict[str, int], share: int) -> None:
    after = moved(weights, "v0", share)
    rest = 100 - weights["v0"]
    for version, weight in weights.items():
        if version != "v0":
            assert abs(after[version] - (100 - share) * weight / rest) < 1


def test_split_cannot_be_moved_away_when_no_other_version_has_weight() -> None:
    with pytest.raises(ValueError, match="no other version"):
        moved({"v1": 100, "v2": 0}, "v1", 50)


def test_splits_are_the_same_whether_a_zero_is_written_or_not() -> None:
    assert same({"v1": 100}, {"v1": 100, "v2": 0})
    assert not same({"v1": 99, "v2": 1}, {"v1": 100})
    assert shown({"v2": 10, "v1": 90, "v3": 0}) == "v1 90 %, v2 10 %"


LIMITS = Limits(max_error_rate=0.05, min_requests=50)
PLAN = Plan("v2", (50, 100), 30.0, LIMITS)


@pytest.mark.parametrize(
    ("served", "at_end", "reason"),
    [
        (Served(100, 5), True, None),
        (Served(100, 6), False, "6 of 100 requests failed (6.0%); at most 5.0% may"),
        (Served(10, 10), False, None),
        (Served(49, 0), True, "only 49 requests came, of which 0 failed, and 50 are needed to judge"),
        (Served(50, 0), True, None),
        (Served(0, 0), False, None),
    ],
)
def test_breach(served: Served, at_end: bool, reason: str | None) -> None:
    assert breach(served, Latency(), LIMITS, at_end=at_end) == reason


@pytest.mark.parametrize(
    ("bins", "at_end", "reason"),
    [
        ({10.0: 99, 600.0: 1}, True, None),
        ({10.0: 98, 600.0: 2}, False, "p99 of 100 requests was 600 ms; at most 500 ms may be"),
        ({600.0: 49}, False, None),
        (
            {10.0: 49},
            True,
            "only 49 requests were timed, and 50 are needed to judge p99; "
            "Envoy adds up its times every 5 s, so a longer --pause may be enough",
        ),
        ({500.0: 50}, True, None),
    ],
)
def test_breach_of_the_latency(bins: dict[float, int], at_end: bool, reason: str | None) -> None:
    limits = dataclasses.replace(LIMITS, max_p99=500.0)
    assert breach(Served(100, 0), Latency(bins), limits, at_end=at_end) == reason
    # Without the limit, or with failures, it is another matter.
    assert breach(Served(100, 0), Latency(bins), LIMITS, at_end=at_end) is None
    assert "requests failed" in str(breach(Served(100, 100), Latency(bins), limits, at_end=at_end))


def test_steps_below_the_share_that_the_version_has_are_left_out() -> None:
    assert steps_from(25, (10, 25, 50, 100)) == (50, 100)


@pytest.mark.parametrize("steps", [(50, 25), (0, 50), (50, 101), (50, 50)])
def test_steps_that_do_not_rise_from_1_to_100_are_refused(steps: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        steps_from(0, steps)


def test_no_step_left_is_refused() -> None:
    with pytest.raises(ValueError, match="has 100 % already"):
        steps_from(100, (50, 100))


def test_traffic_between_two_readings_counts_new_and_restarted_endpoints() -> None:
    before = {("gw", "v1", "a"): Served(100, 1), ("gw", "v1", "b"): Served(50, 0)}
    after = {
        ("gw", "v1", "a"): Served(110, 2),
        ("gw", "v1", "b"): Served(5, 1),
        ("gw", "v2", "c"): Served(7, 0),
    }
    was, now = (
        Counters({key: Endpoint(served) for key, served in reading.items()}) for reading in (before, after)
    )
    assert between(was, now) == {"v1": Served(15, 2), "v2": Served(7, 0)}


def test_a_gateway_that_counts_its_answers_is_believed_before_the_endpoints() -> None:
    endpoints = {("gw", "v1", "a"): Endpoint(Served(100, 50))}
    before = {"upstream_rq_completed": 70, "upstream_rq_5xx": 57, "upstream_rq_timeout": 3}
    # Envoy has forgotten the 57, as the cluster changed; a repeated try's timeout is no error.
    after = {"upstream_rq_completed": 90, "upstream_rq_5xx": 16, "upstream_rq_timeout": 5}
    fine = {"upstream_rq_completed": 100, "upstream_rq_5xx": 16, "upstream_rq_timeout": 7}
    readings = [Counters(endpoints, {("gw", "v1"): counted}) for counted in (before, after, fine)]
    assert between(readings[0], readings[1]) == {"v1": Served(20, 16, {"timeout": 2})}
    assert between(readings[1], readings[2]) == {"v1": Served(10, 0)}


def test_times_between_two_readings_count_new_and_restarted_gateways() -> None:
    before = {("a", "v1"): {1.0: 5, 2.0: 5}, ("b", "v1"): {1.0: 100}}
    after = {("a", "v1"): {1.0: 5, 2.0: 7, 4.0: 1}, ("b", "v1"): {8.0: 3}, ("c", "v2"): {1.0: 1}}
    assert latency.between(before, after) == {
        "v1": Latency({2.0: 2, 4.0: 1, 8.0: 3}),
        "v2": Latency({1.0: 1}),
    }


@given(values=st.lists(st.integers(1, 50), min_size=1), share=st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_percentile_of_bins_is_that_of_the_values(values: list[int], share: float) -> None:
    bins = {float(value): values.count(value) for value in values}
    assert Latency(bins).percentile(share) == percentile([float(value) for value in values], share)


def test_nothing_timed_has_no_percentile() -> None:
    assert Latency().facts() == {"timed": 0, "p50Ms": None, "p99Ms": None}


@given(share=st.floats(0, 1), samples=st.integers(1, 10**6))
def test_margin_is_a_share_and_shrinks_with_samples(share: float, samples: int) -> None:
    assert 0 < margin(share, samples) < 1
    assert margin(share, samples * 4) < margin(share, samples)


def test_true_share_is_not_called_wrong() -> None:
    chance = random.Random(1)  # noqa: S311
    for share in (0.01, 0.1, 0.5, 0.9):
        for _ in range(200):
            count = sum(chance.random() < share for _ in range(200))
            assert could_be(count, 200, share)


@pytest.mark.parametrize(
    ("count", "samples", "share", "could"),
    [
        (0, 200, 0.5, False),
        (60, 200, 0.5, False),
        (1, 200, 0.0, False),
        (0, 200, 0.0, True),
        (0, 0, 0.5, True),
    ],
)
def test_share_that_chance_cannot_explain(count: int, samples: int, share: float, could: bool) -> None:
    assert could_be(count, samples, share) is could


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile([1.0], 0.99) == 1.0


def test_report_says_why_it_went_back_and_escapes_what_it_quotes() -> None:
    step = Step(50, 2.0, {"v1": Served(10, 0), "v2": Served(10, 3)}, {"v2": Latency({20.0: 9, 640.0: 1})})
    step.samples.append(Sample(3.0, step.served, 640.0))
    limits = Limits(0.01, 50, 500.0)
    report = Report("lab", "v2", {"v1": 100}, limits, 1.0, 4.0, "3 of 10 <failed>", steps=[step])
    page = report.to_html()
    assert "went back" in page
    assert "3 of 10 &lt;failed&gt;" in page
    assert "<td>10 of 20</td><td>50.0% ± 20.1%</td><td>3</td><td>30.0%</td>" in page
    assert "<td>20</td><td>640</td>" in page
    assert "at most 1.0% failed, p99 at most 500 ms, of at least 50 requests" in page
    (written,) = json.loads(report.to_json())["steps"]
    assert written["served"]["v2"] == {"requests": 10, "errors": 3, "by_gateway": {}, "grpc": {}}
    assert written["latency"] == {"v2": {"timed": 10, "p50Ms": 20.0, "p99Ms": 640.0}}


def test_report_of_gateways_that_time_nothing_says_so() -> None:
    report = Report("lab", "v2", {"v1": 100}, LIMITS, 1.0, 2.0, steps=[Step(50, 1.5)])
    assert "The gateways did not time them." in report.to_html()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the working folder."""
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_journal_is_read_as_written_and_leaves_nothing(project: Path) -> None:
    entry = journal.entry(PLAN, {"v1": 100, "v2": 0})
    journal.write("lab", entry)
    assert journal.read("lab") == entry
    assert journal.read("dev") is None
    journal.remove("lab")
    assert journal.read("lab") is None
    assert [file.name for file in project.iterdir()] == ["Pulumi.yaml"]


def test_journal_tells_how_far_a_shift_is(project: Path) -> None:
    assert project
    entry = journal.entry(dataclasses.replace(PLAN, steps=(10, 50, 100)), {"v1": 100, "v2": 0})
    journal.write("lab", entry)
    version = PLAN.version
    assert entry.progress(1000.0) == f"a shift moves {version} to 10 %; then 50 %, 100 %"

    journal.note("lab", judged_until=1011.5)
    judged = journal.read("lab")
    assert judged
    assert judged.progress(1000.0) == f"a shift judges {version} at 10 %, 12 s left; then 50 %, 100 %"
    assert judged.progress(2000.0) == f"a shift judges {version} at 10 %, 0 s left; then 50 %, 100 %"

    journal.note("lab", failure="5 of 60 requests failed")
    back = journal.read("lab")
    assert back
    assert back.progress(1000.0) == "a shift goes back to v1 100 %: 5 of 60 requests failed"
    of_one = dataclasses.replace(back, split="cart")
    assert of_one.progress(1000.0) == "a shift of cart goes back to v1 100 %: 5 of 60 requests failed"


def test_journal_of_an_earlier_version_is_read(project: Path) -> None:
    entry = journal.entry(PLAN, {"v1": 100, "v2": 0})
    journal.write("lab", entry)
    (file,) = project.glob(".rollout-*.json")
    fields = json.loads(file.read_text())
    del fields["judged_until"], fields["failure"], fields["split"]
    file.write_text(json.dumps(fields))
    assert journal.read("lab") == entry


def test_journal_of_a_pid_that_was_given_anew_is_not_running() -> None:
    entry = journal.entry(PLAN, {"v1": 100})
    assert entry.is_running
    assert not dataclasses.replace(entry, started=entry.started - 100).is_running


@dataclass
class Ambient(FakeGateway):
    """A gateway that sends to the pods of an ambient mesh: through a listener of the Envoy itself."""

    def answer(self, target: str) -> dict[str, Any]:
        found = super().answer(target)
        for cluster in found.get("cluster_statuses", ()):
            (host,) = cluster["host_statuses"]
            host["address"] = {
                "envoy_internal_address": {"server_listener_name": "connect_originate", "endpoint_id": "a"}
            }
            host["stats"] = [{"name": "rq_success", "value": "7"}, {"name": "rq_error"}]
        return found


def test_pods_of_an_ambient_mesh_are_counted_too() -> None:
    with (
        fake_cluster(Ambient("a", {}, sent={"v1": 7})) as cluster,
        Gateways(cluster.kubeconfig, {"istio": "x"}) as gateways,
    ):
        (endpoint,) = traffic.read(gateways, SETTINGS).endpoints.values()
    assert endpoint.served == Served(7, 0)


@pytest.mark.parametrize("read", [traffic.read, latency.read])
def test_a_gateway_on_its_way_out_may_say_nothing_any_more(
    read: Callable[[Gateways, Settings], Counters | Readings],
) -> None:
    pod = GatewayPod("mesh", "a", ready=True, terminating=True)
    gateways = Mock(ask=Mock(return_value=(Answer(pod, error=GatewayError("its Envoy has ended")),)))
    assert read(gateways, SETTINGS) in (Counters({}), {})
    gateways.ask.return_value = (
        Answer(dataclasses.replace(pod, terminating=False), error=GatewayError("it is lost")),
    )
    with pytest.raises(NotAskedError, match="it is lost"):
        read(gateways, SETTINGS)
