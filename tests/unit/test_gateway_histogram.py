"""How long requests took, as it is read out of Envoy's histograms."""

from typing import Any
from urllib.parse import unquote

from components.gateway.envoy import Target
from components.gateway.histogram import times, times_path

TARGET = Target("default", "myapp", "myapp")


def stats(*histograms: tuple[str, list[tuple[float, float, int]]]) -> dict[str, Any]:
    """What Envoy 1.37 answers, without what is not read."""
    details = [
        {
            "name": f"cluster.outbound|80|{name};.upstream_rq_time",
            "totals": [{"lower_bound": low, "width": width, "count": count} for low, width, count in bins],
        }
        for name, bins in histograms
    ]
    return {"stats": [{"histograms": {"supported_percentiles": [50], "details": details}}]}


V2 = ("v2|myapp.default.svc.cluster.local", [(5.0, 0.1, 3), (110.00000000000001, 10.0, 2)])


def test_bins_are_counted_by_their_upper_bound() -> None:
    assert times(stats(V2), TARGET, "v2") == {5.1: 3, 120.0: 2}


def test_other_versions_and_hosts_are_not_counted() -> None:
    other = ("v2|myapp.other.svc.cluster.local", [(1.0, 0.1, 9)])
    assert times(stats(other), TARGET, "v2") is None
    assert times(stats(V2), TARGET, "v1") is None


def test_no_histogram_is_none_and_an_empty_one_is_empty() -> None:
    assert times({"stats": []}, TARGET, "v2") is None
    assert times(stats((V2[0], [])), TARGET, "v2") == {}


def test_envoy_is_asked_for_the_hosts_histograms_alone() -> None:
    assert unquote(times_path(TARGET)).endswith(
        r"filter=^cluster\.outbound\|.*\|myapp\.default\.svc\..*\.upstream_rq_time$"
    )
