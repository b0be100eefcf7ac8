"""How much real traffic each version serves, and how much of it fails, as the gateways' Envoys count it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RolloutError
from ..gateway import envoy
from ..gateway.gateways import Gateways
from ..kubernetes.errors import GatewayError
from ..settings.model import Settings
from . import live

# Gateway pod, version and address of the version's pod.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Served:
    """Requests that ended: how many, and how many of them with a 5xx, a reset or a timeout."""

    requests: int = 0
    errors: int = 0

    def __add__(self, other: "Served") -> "Served":
        return Served(self.requests + other.requests, self.errors + other.errors)

    @property
    def error_rate(self) -> float:
        """The share of failures; 0 of no requests."""
        return self.errors / self.requests if self.requests else 0.0


Counters = Mapping[Key, Served]


def read(gateways: Gateways, settings: Settings) -> Counters:
    """Read every gateway's counters of each endpoint of each version (Envoy's `/clusters`).

    Raises:
        RolloutError: a gateway that serves cannot be asked.
    """
    found: dict[Key, Served] = {}
    for pod, dump in _clusters(gateways).items():
        found |= _counters(pod, dump, settings)
    return found


def in_flight(gateways: Gateways, settings: Settings) -> Mapping[str, int]:
    """Return by version how many requests the gateways have sent and not heard the end of.

    Raises:
        RolloutError: a gateway that serves cannot be asked.
    """
    target = live.target(settings)
    dumps = _clusters(gateways).values()
    return {
        version: sum(envoy.active_requests(dump, target, version) for dump in dumps)
        for version in settings.versions
    }


def between(before: Counters, after: Counters) -> Mapping[str, Served]:
    """Return what each version served between two readings.

    An endpoint or gateway that is new, or began again from 0, counts with all that it has; what one
    that is gone served after the first reading is not known and not counted.
    """
    totals: dict[str, Served] = {}
    for key, now in after.items():
        was = before.get(key, Served())
        if now.requests < was.requests:
            was = Served()
        _, version, _ = key
        gained = Served(now.requests - was.requests, max(0, now.errors - was.errors))
        totals[version] = totals.get(version, Served()) + gained
    return totals


def _clusters(gateways: Gateways) -> Mapping[str, Mapping[str, Any]]:
    """By gateway pod, what its Envoy says of its clusters; pods that get no traffic may say nothing."""
    found: dict[str, Mapping[str, Any]] = {}
    try:
        for answer in gateways.ask(lambda admin: admin.get(envoy.CLUSTERS)):
            if answer.value is not None:
                found[str(answer.pod)] = answer.value
            elif answer.pod.ready and answer.error:
                raise answer.error
    except GatewayError as error:
        raise RolloutError(str(error)) from error
    return found


def _counters(pod: str, dump: Mapping[str, Any], settings: Settings) -> dict[Key, Served]:
    target = live.target(settings)
    clusters: Sequence[Mapping[str, Any]] = dump.get("cluster_statuses") or []
    found: dict[Key, Served] = {}
    for version in settings.versions:
        name = target.cluster(version)
        for cluster in clusters:
            if name.fullmatch(cluster["name"]):
                hosts: Sequence[Mapping[str, Any]] = cluster.get("host_statuses") or []
                found |= {(pod, version, _address(host)): _served(host["stats"]) for host in hosts}
    return found


def _address(host: Mapping[str, Any]) -> str:
    socket = host["address"]["socket_address"]
    return f"{socket['address']}:{socket['port_value']}"


def _served(stats: Sequence[Mapping[str, Any]]) -> Served:
    """Count what has ended; rq_total has what is in flight as well. Envoy leaves a value of 0 out."""
    values = {stat["name"]: int(stat.get("value", 0)) for stat in stats}
    return Served(values["rq_success"] + values["rq_error"], values["rq_error"])
