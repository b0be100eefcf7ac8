"""How long each version's real requests take, as the gateways' Envoys time them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import RolloutError
from ..gateway import histogram
from ..gateway.gateways import Gateways
from ..gateway.histogram import MERGE_SECONDS
from ..gateway.waiting import wait_until
from ..kubernetes.errors import GatewayError, NotConvergedError
from ..manifests.charts import STATS_ANNOTATION, STATS_CONFIG
from ..settings.model import Settings
from . import live, traffic

# Gateway pod and version; for each, requests by the upper bound of how long they took, in milliseconds.
Readings = Mapping[tuple[str, str], Mapping[float, int]]


@dataclass(frozen=True)
class Latency:
    """Requests by how long they took, in bins of two significant digits: upper bound in milliseconds."""

    bins: Mapping[float, int] = field(default_factory=dict[float, int])

    @property
    def requests(self) -> int:
        """How many requests were timed."""
        return sum(self.bins.values())

    def percentile(self, share: float) -> float | None:
        """Return the milliseconds that at least this share of the requests did not exceed; None of none."""
        left = math.ceil(share * self.requests)
        for bound, count in sorted(self.bins.items()):
            left -= count
            if left <= 0:
                return bound
        return None

    def shown(self, share: float) -> str:
        """Return a percentile as people read it; Envoy times in whole milliseconds."""
        milliseconds = self.percentile(share)
        if milliseconds is None:
            return "-"
        return f"{milliseconds:g}" if milliseconds else "<1"

    def facts(self) -> Mapping[str, float | None]:
        """Return what people and machines are told of it."""
        return {"timed": self.requests, "p50Ms": self.percentile(0.5), "p99Ms": self.percentile(0.99)}


def read(gateways: Gateways, settings: Settings) -> Readings:
    """Read every gateway's histogram of each version that it has one of.

    Raises:
        RolloutError: a gateway that serves cannot be asked.
    """
    target = live.target(settings)
    found: dict[tuple[str, str], Mapping[float, int]] = {}
    try:
        for answer in gateways.ask(lambda admin: admin.get(histogram.times_path(target))):
            if answer.value is not None:
                for version in settings.versions:
                    bins = histogram.times(answer.value, target, version)
                    if bins is not None:
                        found[str(answer.pod), version] = bins
            elif answer.pod.serves and answer.error:
                raise answer.error
    except GatewayError as error:
        raise live.not_asked(settings.cluster, error) from error
    return found


def between(before: Readings, after: Readings) -> Mapping[str, Latency]:
    """Return how long each version's requests took between two readings.

    A gateway that is new, or began again from 0, counts with all that it has.
    """
    totals: dict[str, Counter[float]] = {}
    for (pod, version), now in after.items():
        was: Counter[float] = Counter(before.get((pod, version), {}))
        if sum(now.values()) < was.total():
            was.clear()
        totals.setdefault(version, Counter()).update(Counter(now) - was)
    return {version: Latency(dict(bins)) for version, bins in totals.items()}


def must_be_timed(gateways: Gateways, settings: Settings) -> None:
    """Refuse where a gateway has sent requests to the app and timed none, for longer than Envoy adds up.

    Raises:
        RolloutError: so it is; the text says what to set.
    """
    try:
        wait_until(lambda: _untimed(gateways, settings), MERGE_SECONDS + 1)
    except NotConvergedError as error:
        msg = (
            f"--max-p99 has nothing to judge by: {error}. "
            f"Give the gateway's pods the annotation {STATS_ANNOTATION}: '{STATS_CONFIG}' "
            "(`up` does it where the stack installs the mesh), or leave --max-p99 out"
        )
        raise RolloutError(msg) from error


def _untimed(gateways: Gateways, settings: Settings) -> tuple[str, ...]:
    counters = traffic.read(gateways, settings)
    timed = {pod for pod, _ in read(gateways, settings)}
    busy = {pod for (pod, _, _), endpoint in counters.endpoints.items() if endpoint.served.requests}
    return tuple(f"gateway {pod} does not time its requests" for pod in sorted(busy - timed))
