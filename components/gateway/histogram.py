"""How long requests took, by Envoy's own histograms; pure functions over its JSON.

Envoy's documentation, "Administration interface", `/stats`: with `histogram_buckets=detailed` a
histogram is a list of bins, two significant digits each, counted since Envoy started. Envoy adds
what its threads counted every 5 s (`stats_flush_interval`).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from .envoy import Target

# Milliseconds from a request's end to its answer's ("Cluster manager: statistics").
TIMES = "upstream_rq_time"
MERGE_SECONDS = 5


def times_path(target: Target) -> str:
    """The path of the histograms of the host's clusters alone."""
    pattern = rf"^cluster\.outbound\|.*\|{target.host}\.{target.namespace}\.svc\..*\.{TIMES}$"
    return f"/stats?format=json&type=Histograms&histogram_buckets=detailed&filter={quote(pattern)}"


def times(stats: Mapping[str, Any], target: Target, version: str) -> dict[float, int] | None:
    """Requests to a version by how long they took: the upper bound of each bin in milliseconds.

    None: this Envoy has no such histogram, as no request came yet, or as it is told to keep none.
    """
    name = target.cluster(version)
    found: dict[float, int] | None = None
    for histogram in _histograms(stats):
        cluster = str(histogram["name"]).removeprefix("cluster.").removesuffix(f".{TIMES}").rstrip(";")
        if name.fullmatch(cluster):
            found = found or {}
            bins: list[Mapping[str, float]] = histogram.get("totals") or []
            for item in bins:
                bound = round(item["lower_bound"] + item["width"], 3)
                found[bound] = found.get(bound, 0) + int(item["count"])
    return found


def _histograms(stats: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    parts: list[Mapping[str, Any]] = stats.get("stats") or []
    for part in parts:
        histograms: Mapping[str, Any] = part.get("histograms") or {}
        yield from histograms.get("details") or []
