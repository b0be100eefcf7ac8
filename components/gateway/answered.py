"""What a gateway answered for a version, as its Envoy counts it; pure functions over Envoy's JSON.

Envoy's documentation, "Cluster manager: statistics". An answer that the Envoy gives itself, because no
pod could give it one, is among these; the counters of the endpoints (`/clusters`) lack it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .envoy import Target

REQUESTS, ERRORS = "upstream_rq_completed", "upstream_rq_5xx"
# Why the Envoy answered itself, by its counter. Each of these is there before the first request.
REASONS = {
    "upstream_cx_none_healthy": "no healthy endpoint",
    "upstream_rq_pending_overflow": "over the limit of connections or requests",
    "upstream_rq_timeout": "timeout",
    "upstream_rq_per_try_timeout": "timeout of one try",
    "upstream_rq_rx_reset": "reset by the pod",
    "upstream_cx_connect_fail": "connection refused",
}


def answered_path(target: Target) -> str:
    """The path of these counters of the host's clusters alone."""
    names = "|".join((REQUESTS, ERRORS, *REASONS))
    pattern = rf"^cluster\.outbound\|.*\|{target.host}\.{target.namespace}\.svc\.[^;]*;?\.({names})$"
    return f"/stats?format=json&type=Counters&filter={quote(pattern)}"


def answered(stats: Mapping[str, Any], target: Target, version: str) -> dict[str, int] | None:
    """A version's counters by Envoy's names; None: this Envoy is told to keep none."""
    cluster = target.cluster(version)
    found: dict[str, int] = {}
    counters: list[Mapping[str, Any]] = stats.get("stats") or []
    for counter in counters:
        name, _, counted = str(counter["name"]).removeprefix("cluster.").rpartition(".")
        if cluster.fullmatch(name.rstrip(";")):
            found[counted] = found.get(counted, 0) + int(counter.get("value", 0))
    return found if found.keys() & REASONS.keys() else None
