"""What a gateway answered for a version, as its Envoy counts it; pure functions over Envoy's JSON.

Envoy's documentation, "Cluster manager: statistics". An answer that the Envoy gives itself, because no
pod could give it one, is among these; the counters of the endpoints (`/clusters`) lack it.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from .envoy import Target

_GRPC = ".grpc"
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

# Istio's gateways have the filter that counts how gRPC requests ended, by `grpc.NUMBER`.
# https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
GRPC_STATUSES = dict(
    enumerate(
        (
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        )
    )
)
# Those that Envoy takes for a 5xx (source/common/grpc/status.cc); the others are the client's matter.
_FAILURES = ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
FAILURES = {f"grpc.{number}": name for number, name in GRPC_STATUSES.items() if name in _FAILURES}


def answered_path(target: Target) -> str:
    """The path of these counters of the host's clusters alone."""
    names = "|".join((REQUESTS, ERRORS, r"grpc\.[0-9]+", *REASONS))
    pattern = rf"^cluster\.outbound\|.*\|{target.host}\.{target.namespace}\.svc\.[^;]*;?\.({names})$"
    return f"/stats?format=json&type=Counters&filter={quote(pattern)}"


def answered(
    stats: Mapping[str, Any], target: Target, version: str, grpc: Collection[int] = ()
) -> dict[str, int] | None:
    """A version's counters by Envoy's names; None: this Envoy is told to keep none.

    On the ports in `grpc` a request counts when it has ended, and fails by its gRPC status: HTTP's is 200.
    """
    cluster = target.cluster(version)
    clusters: dict[str, dict[str, int]] = {}
    counters: list[Mapping[str, Any]] = stats.get("stats") or []
    for counter in counters:
        name, _, counted = str(counter["name"]).removeprefix("cluster.").rpartition(".")
        if name.endswith(_GRPC):
            name, counted = name.removesuffix(_GRPC), f"grpc.{counted}"
        name = name.rstrip(";")
        if cluster.fullmatch(name):
            clusters.setdefault(name, {})[counted] = int(counter.get("value", 0))
    found: dict[str, int] = {}
    for name, counts in clusters.items():
        ours = _by_status(counts) if int(name.split("|")[1]) in grpc else counts
        if ours is None:
            return None
        for counted, value in ours.items():
            found[counted] = found.get(counted, 0) + value
    return found if found.keys() & REASONS.keys() else None


def _by_status(counts: Mapping[str, int]) -> dict[str, int] | None:
    """A gRPC port's counters; None where requests were answered and this Envoy keeps no statuses."""
    statuses = {name: count for name, count in counts.items() if name.startswith("grpc.")}
    if not statuses and counts.get(REQUESTS):
        return None
    failed = sum(count for name, count in statuses.items() if name in FAILURES)
    return {**counts, REQUESTS: sum(statuses.values()), ERRORS: failed}
