"""How much real traffic each version serves, and how much of it fails, as the gateways' Envoys count it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..gateway import answered, envoy
from ..gateway.admin import EnvoyAdmin
from ..gateway.gateways import Gateways
from ..kubernetes.errors import GatewayError
from ..settings.model import Settings
from . import live


@dataclass(frozen=True)
class Served:
    """Requests that ended: what the clients got.

    Attributes:
        requests: how many.
        errors: how many of them with a 5xx, a reset or a timeout, or with a gRPC status that means one.
        by_gateway: why the gateways answered some of the errors themselves; not of gateways that do
            not count it.
        grpc: how many of the errors by gRPC status.
    """

    requests: int = 0
    errors: int = 0
    by_gateway: Mapping[str, int] = field(default_factory=dict[str, int])
    grpc: Mapping[str, int] = field(default_factory=dict[str, int])

    def __add__(self, other: "Served") -> "Served":
        reasons = Counter(self.by_gateway) + Counter(other.by_gateway)
        grpc = Counter(self.grpc) + Counter(other.grpc)
        return Served(self.requests + other.requests, self.errors + other.errors, dict(reasons), dict(grpc))

    @property
    def error_rate(self) -> float:
        """The share of failures; 0 of no requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def why(self) -> str:
        """Why the gateways answered themselves, the most frequent reason first; empty where they did not."""
        return _ranked(self.by_gateway)

    @property
    def statuses(self) -> str:
        """The gRPC statuses of the failures, as `why` has its reasons."""
        return _ranked(self.grpc)


def _ranked(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {name}" for name, count in ranked)


@dataclass(frozen=True)
class Endpoint:
    """One pod of a version as a gateway knows it: what it answered, and whether it gets requests."""

    served: Served
    able: bool = True


@dataclass(frozen=True)
class Counters:
    """What the gateways had counted at a time.

    Attributes:
        endpoints: by gateway pod, version and address of the version's pod, as Envoy has it.
        answers: by gateway pod and version, what the gateway's clients got; only of gateways that are
            told to keep these counters.
    """

    endpoints: Mapping[tuple[str, str, str], Endpoint]
    answers: Mapping[tuple[str, str], Mapping[str, int]] = field(
        default_factory=dict[tuple[str, str], Mapping[str, int]]
    )

    def lacking(self, version: str) -> Iterator[str]:
        """A sentence for each gateway that has nobody to send a version's requests to."""
        for gateway in sorted({pod for pod, _, _ in self.endpoints}):
            ours = [
                one for (pod, name, _), one in self.endpoints.items() if (pod, name) == (gateway, version)
            ]
            if not ours:
                yield f"gateway {gateway} has no endpoint of {version}"
            elif not any(one.able for one in ours):
                yield f"gateway {gateway} has every endpoint of {version} ejected"

    def ejected(self, version: str) -> bool:
        """Whether a gateway sends nothing to one of the version's endpoints, for the errors it answered."""
        return any(name == version and not one.able for (_, name, _), one in self.endpoints.items())


def read(gateways: Gateways, settings: Settings) -> Counters:
    """Read what every gateway counted of each version.

    Raises:
        RolloutError: a gateway that serves cannot be asked.
    """
    target = live.target(settings)
    endpoints: dict[tuple[str, str, str], Endpoint] = {}
    answers: dict[tuple[str, str], Mapping[str, int]] = {}

    def ask(admin: EnvoyAdmin) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return admin.get(envoy.CLUSTERS), admin.get(answered.answered_path(target))

    try:
        for answer in gateways.ask(ask):
            pod = str(answer.pod)
            if answer.value is not None:
                clusters, stats = answer.value
                for version in settings.versions:
                    for address, endpoint in _endpoints(clusters, target, version):
                        endpoints[pod, version, address] = endpoint
                    counted = answered.answered(stats, target, version, settings.app.grpc_ports)
                    if counted is not None:
                        answers[pod, version] = counted
            # Pods that get no traffic, or no more of it, may say nothing.
            elif answer.pod.serves and answer.error:
                raise answer.error
    except GatewayError as error:
        raise live.not_asked(settings.cluster, error) from error
    return Counters(endpoints, answers)


def in_flight(gateways: Gateways, settings: Settings) -> Mapping[str, int]:
    """Return by version how many requests the gateways have sent and not heard the end of.

    Raises:
        RolloutError: there is no gateway.
    """
    target = live.target(settings)
    try:
        answers = gateways.ask(lambda admin: admin.get(envoy.CLUSTERS))
    except GatewayError as error:
        raise live.not_asked(settings.cluster, error) from error
    return {
        version: sum(envoy.active_requests(one.value, target, version) for one in answers if one.value)
        for version in settings.versions
    }


def between(before: Counters, after: Counters) -> Mapping[str, Served]:
    """Return what the clients got of each version between two readings.

    An endpoint or gateway that is new, or began again from 0, counts with all that it has; what one
    that is gone served after the first reading is not known and not counted. Where a gateway counts
    its own answers, those of the endpoints are left out: a try that was repeated is no answer.
    """
    totals: dict[str, Served] = {}
    known = {(pod, version) for pod, version, _ in before.endpoints}
    counting = {key for key in after.answers if key in before.answers or key not in known}
    for pod, version in counting:
        now = after.answers[pod, version]
        gained = _answers_gained(before.answers.get((pod, version), {}), now)
        totals[version] = totals.get(version, Served()) + gained
    for key, endpoint in after.endpoints.items():
        pod, version, _ = key
        if (pod, version) not in counting:
            was = before.endpoints.get(key, Endpoint(Served())).served
            totals[version] = totals.get(version, Served()) + _gained(was, endpoint.served)
    return totals


def _answers_gained(was: Mapping[str, int], now: Mapping[str, int]) -> Served:
    """Envoy forgets some of a cluster's counters when the cluster changes: each is compared on its own."""
    more = {name: count - was.get(name, 0) for name, count in now.items()}
    more = {name: now[name] if gained < 0 else gained for name, gained in more.items()}
    errors = more.get(answered.ERRORS, 0)
    # A try that failed and was repeated with success is no error.
    reasons = {text: more[name] for name, text in answered.REASONS.items() if errors and more.get(name)}
    grpc = {text: more[name] for name, text in answered.FAILURES.items() if more.get(name)}
    return Served(more.get(answered.REQUESTS, 0), errors, reasons, grpc)


def _gained(was: Served, now: Served) -> Served:
    if now.requests < was.requests:
        return now
    return Served(now.requests - was.requests, max(0, now.errors - was.errors))


def _endpoints(dump: Mapping[str, Any], target: envoy.Target, version: str) -> Iterator[tuple[str, Endpoint]]:
    name = target.cluster(version)
    clusters: Sequence[Mapping[str, Any]] = dump.get("cluster_statuses") or []
    for cluster in clusters:
        if name.fullmatch(cluster["name"]):
            hosts: Sequence[Mapping[str, Any]] = cluster.get("host_statuses") or []
            for host in hosts:
                health: Mapping[str, Any] = host.get("health_status") or {}
                able = "failed_outlier_check" not in health
                # Of an ambient mesh it is no socket's, but an id behind a listener of the Envoy itself.
                yield str(host["address"]), Endpoint(_served(host["stats"]), able)


def _served(stats: Sequence[Mapping[str, Any]]) -> Served:
    """Count what has ended; rq_total has what is in flight as well. Envoy leaves a value of 0 out."""
    values = {stat["name"]: int(stat.get("value", 0)) for stat in stats}
    return Served(values["rq_success"] + values["rq_error"], values["rq_error"])
