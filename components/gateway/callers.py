"""Whether the sidecars of callers in the mesh follow the split: some are read, and istiod is asked for all.

There may be thousands. istiod numbers the states of the cluster that it makes updates of, and tells the
number of the last routes that each Envoy took. So a sidecar that was read and has the split stands for all of
the same istiod whose number is not lower.
"""

import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..kubernetes.errors import ForbiddenError, GatewayError
from . import chain, envoy, in_front
from .admin import EnvoyAdmin
from .chain import Seen, Split, Wanted
from .control_plane import SYNC, Synced, istiods, synced
from .envoy import Target
from .finding import Finding, Grade, Link, failures, some
from .gateways import Answer, Gateways
from .pods import GatewayPod, pod_of

# So many sidecars are read at random, and with each look so many of those whose number is the lowest.
READ = 5
_LOWEST = 3
_LIST_SECONDS = 1
# Istio's injection gives it to every pod with a sidecar.
_INJECTED = "security.istio.io/tlsMode=istio"
_TEMPLATES = "inject.istio.io/templates"
# By Istio's templates of such names gRPC is the proxy: there is no Envoy to ask.
_WITHOUT_ENVOY = "grpc-"
_SIDECAR = "sidecar"


@dataclass(frozen=True)
class Sampled:
    """What is known of the callers after a look at some of them.

    Attributes:
        read: how many sidecars were read and have the split.
        acknowledged: how many took routes that have it, as istiod says; None: it was not asked.
        total: how many sidecars get the split.
        findings: what those that were read do otherwise.
        behind: the sidecars that have not taken such routes yet.
        notes: what is not known, in sentences.
        kind: of what it was asked.
    """

    read: int
    acknowledged: int | None
    total: int
    findings: tuple[Finding, ...] = ()
    behind: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kind: str = "route"

    def __str__(self) -> str:
        read = f"callers in the mesh, sampled: {self.read} of {self.total} sidecars read"
        if self.acknowledged is None:
            return read
        return f"{read}, {self.acknowledged} of {self.total} acknowledged to istiod"

    @property
    def missing(self) -> tuple[Finding, ...]:
        """The findings, and one for those that are behind."""
        if not self.behind:
            return self.findings
        cause = f"{len(self.behind)} of {self.total} sidecars have not taken the {self.kind}s yet: "
        return (*self.findings, Finding(Link.UPDATE, cause + some(sorted(self.behind), ", ")))


class _NoIstiodError(GatewayError):
    """The control plane is not in the cluster, such as a managed one."""


@dataclass(frozen=True)
class Kind:
    """What the sidecars are to have: routes or clusters.

    Attributes:
        name: as istiod's answer has it.
        types: as istiod's dump takes it.
        text: what stands in that dump for a sidecar that gets something of the app.
        link: which link of the chain is broken in one that has nothing of it.
    """

    name: str
    types: str
    text: str
    link: Link

    def absent(self, seen: Seen) -> bool:
        """Whether an Envoy has nothing of the app."""
        return any(one.link is self.link for one in seen.findings)


class Callers:
    """The sidecars of the mesh, looked at until they follow.

    One that cannot be asked is waited for during `patience` seconds, and named from then on.
    """

    def __init__(
        self,
        gateways: Gateways,
        target: Target,
        kind: Kind,
        read: Callable[[EnvoyAdmin], Seen],
        patience: float,
    ) -> None:
        self._gateways = gateways
        self._target = target
        self._kind = kind
        self._read = read
        self._patient_until = time.monotonic() + patience
        self._istiods: dict[str, GatewayPod] = {}
        self._synced: tuple[Synced, ...] = ()
        self._unknown: GatewayError | None = None
        self._pods: Mapping[str, Mapping[str, Any]] = {}
        self._listed_at = 0.0
        self._chosen: tuple[str, ...] = ()
        self._read_pods: dict[str, GatewayPod] = {}
        # By istiod, the lowest number of a sidecar that has what it is to have.
        self._enough: dict[str, int] = {}
        # Namespaces to whose sidecars istiod sends nothing of the app, as a Sidecar resource has it.
        self._without: set[str] = set()

    def look(self) -> Sampled:
        """Reads some sidecars, and asks istiod for all. Raises GatewayError."""
        self._list()
        if not self._synced:
            self._ask_istiods()
        answers = self._gateways.ask(self._read, self._to_read())
        # Asked for after the reading: a number of before may be that of routes without the split.
        self._ask_istiods()
        return self._judged(chain.against_ready(self._gateways, self._target, answers))

    def to_drain(self, most: int) -> tuple[tuple[GatewayPod, ...], int]:
        """At most so many of the sidecars, and how many there are. Raises GatewayError."""
        self._list()
        self._ask_istiods()
        names = sorted(self._callers())
        read = names if len(names) <= most else random.sample(names, most)
        return self._found(read), len(names)

    def _list(self) -> None:
        """The pods with a sidecar, but those on their way out, by a list that is at most a second old."""
        if self._pods and time.monotonic() - self._listed_at < _LIST_SECONDS:
            return
        query = {"labelSelector": _INJECTED, "fieldSelector": "status.phase=Running"}
        # An empty list of metadata has null.
        items: Sequence[Mapping[str, Any]] = self._gateways.api.metadata("/api/v1/pods", query)["items"] or ()
        self._pods = {
            f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["metadata"]
            for item in items
            if not _is_without_envoy(item["metadata"].get("annotations") or {})
            and "deletionTimestamp" not in item["metadata"]
        }
        self._listed_at = time.monotonic()

    def _ask_istiods(self) -> None:
        """What each istiod says; where one of them does not, all that is known is that it is not known."""
        self._unknown = None
        pods = istiods(self._gateways.api, self._gateways.pods())
        self._istiods = {str(pod): pod for pod in pods}
        answers = self._gateways.ask(lambda admin: admin.get(SYNC), pods)
        if not pods:
            where = " and ".join(sorted({pod.control_plane for pod in self._gateways.pods()}))
            self._unknown = _NoIstiodError(f"none runs in the namespace {where}")
        for answer in answers:
            self._unknown = answer.error or self._unknown
        self._synced = tuple(
            one for answer in answers for one in synced(answer.pod, answer.value or (), self._kind.name)
        )

    def _connected(self) -> dict[str, Synced]:
        """The sidecars that istiod knows, with routes, of pods that are there."""
        return {
            one.pod: one
            for one in self._synced
            if one.kind == _SIDECAR and one.watches and one.pod in self._pods
        }

    def _callers(self) -> Collection[str]:
        """The sidecars that have routes, as istiod knows them; without its word, all."""
        return self._pods if self._unknown else self._connected()

    def _behind(self) -> list[Synced]:
        """The sidecars of which nothing is proved, those with the lowest number first."""
        behind = [
            one for one in self._connected().values() if one.acked < self._enough.get(one.istiod, 1 << 62)
        ]
        return sorted(behind, key=lambda one: one.acked)

    def _to_read(self) -> tuple[GatewayPod, ...]:
        names = self._callers()
        kept = [name for name in self._chosen if name in names]
        others = [name for name in names if name not in kept and _namespace(name) not in self._without]
        self._chosen = (*kept, *random.sample(others, min(len(others), READ - len(kept))))
        lowest: dict[tuple[str, str], str] = {}
        for one in self._behind():
            if _namespace(one.pod) not in self._without:
                lowest.setdefault((one.istiod, _namespace(one.pod)), one.pod)
        return self._found(dict.fromkeys((*self._chosen, *list(lowest.values())[:_LOWEST])))

    def _found(self, names: Iterable[str]) -> tuple[GatewayPod, ...]:
        """The pods by these names that are there."""
        return tuple(pod for name in names if (pod := self._pod(name)) is not None)

    def _pod(self, name: str) -> GatewayPod | None:
        if name not in self._read_pods:
            namespace, _, pod = name.partition("/")
            query = {"fieldSelector": f"metadata.name={pod}"}
            items = self._gateways.api.get(f"/api/v1/namespaces/{namespace}/pods", query)["items"]
            if not items:
                return None
            self._read_pods[name] = pod_of(items[0])
        return self._read_pods[name]

    def _judged(self, answers: Sequence[Answer[Seen]]) -> Sampled:
        known = self._connected()
        found: list[Finding] = []
        notes: list[str] = []
        silent: set[str] = set()
        right: set[str] = set()
        for answer in answers:
            name, seen = str(answer.pod), answer.value
            if seen is None:
                one = self._silent(answer)
                (found.append(one) if one.grade is Grade.LATE else notes.append(one.cause))
                silent.add(name)
            elif self._kind.absent(seen) and self._unknown:
                # It may be none that is to have it.
                one = self._in_time(f"sidecar {name} {seen.findings[0].cause}", None)
                (found.append(one) if one.grade is Grade.LATE else notes.append(one.cause))
            elif self._kind.absent(seen) and name in known and not self._is_sent(known[name]):
                self._without.add(_namespace(name))
            elif theirs := failures(seen.findings):
                found += (replace(one, cause=f"sidecar {name} {one.cause}") for one in theirs)
            else:
                right.add(name)
                if name in known:
                    istiod, acked = known[name].istiod, known[name].acked
                    self._enough[istiod] = min(acked, self._enough.get(istiod, acked))
        behind = [one.pod for one in self._behind()]
        left_out = {name for name in self._callers() if _namespace(name) in self._without} - right
        total = len(self._callers()) - len(left_out)
        waited_for = tuple(name for name in behind if name not in left_out | silent)
        if self._unknown:
            finding = self._in_time(f"istiod was not asked: {self._unknown}", self._unknown)
            (found.append(finding) if finding.grade is Grade.LATE else notes.append(finding.cause))
            return Sampled(len(right), None, total, tuple(found), (), tuple(notes))
        acknowledged = total - sum(name not in left_out for name in behind)
        return Sampled(
            len(right),
            acknowledged,
            total,
            tuple(found),
            waited_for,
            (*notes, *self._lost()),
            self._kind.name,
        )

    def _silent(self, answer: Answer[Seen]) -> Finding:
        """One that could not be read."""
        return self._in_time(f"sidecar {answer.pod} was not read: {answer.error}", answer.error)

    def _in_time(self, cause: str, error: GatewayError | None) -> Finding:
        """What may come yet; or a note once that has taken too long, or where no waiting helps."""
        hopeless = isinstance(error, ForbiddenError | _NoIstiodError)
        late = not hopeless and time.monotonic() < self._patient_until
        return Finding(Link.GATEWAY, cause, grade=Grade.LATE if late else Grade.NOTE)

    def _lost(self) -> tuple[str, ...]:
        """A sentence for the sidecars that are connected to no istiod that was asked."""
        lost = self._pods.keys() - {one.pod for one in self._synced}
        if not lost:
            return ()
        where = ", ".join(sorted(self._istiods))
        names = some(sorted(lost), ", ")
        return (f"{len(lost)} sidecars are not connected to istiod ({where}), so not proved: {names}",)

    def _is_sent(self, one: Synced) -> bool:
        """Whether istiod would send the sidecar anything of the app; so too where it does not tell."""
        namespace, _, pod = one.pod.partition("/")
        query = f"/debug/config_dump?proxyID={pod}.{namespace}&types={self._kind.types}"
        istiod = self._istiods.get(one.istiod)
        answers = self._gateways.ask(lambda admin: admin.get(query), (istiod,)) if istiod else ()
        values = [answer.value for answer in answers]
        return not values or any(value is None or self._kind.text in json.dumps(value) for value in values)


def of_split(gateways: Gateways, split: Split, wanted: Wanted, patience: float) -> Callers:
    """The callers, whose sidecars are to have the split and what stands beside it."""
    # The EnvoyFilter of routing.stickyVersion is the gateways'.
    wanted = replace(wanted, beside=wanted.for_callers, drawn_by="")
    # Some of the app's ports may have callers in the mesh alone.
    more = {*split.target.ports, *(one.port for one in wanted.for_callers if one.port)}
    target = replace(split.target, ports=tuple(sorted(more)))
    ours = f"{target.namespace}/{target.virtual_service}"
    ports = "|".join(map(str, target.ports))

    def read(admin: EnvoyAdmin) -> Seen:
        dump = admin.get(envoy.routes_path(rf"(.*:)?({ports})" if ports else None))
        routes = envoy.routes(dump, target)
        if not routes and ports:
            # A Sidecar resource may have listeners of its own.
            dump = admin.get(envoy.ROUTES)
            routes = envoy.routes(dump, target)
        found = chain.routing(routes, wanted)
        if found:
            return Seen(routes, found)
        clusters = envoy.endpoints(admin.get(envoy.endpoints_target(target)))
        found = chain.serving(routes, clusters)
        found += in_front.findings(dump, ours, in_front.domains(dump, ours))
        return Seen(routes, found, chain.addresses(routes, clusters))

    text = f'/namespaces/{target.namespace}/virtual-service/{target.virtual_service}"'
    return Callers(gateways, target, Kind("route", "rds", text, Link.HOST), read, patience)


def of_versions(gateways: Gateways, split: Split, versions: Sequence[str], patience: float) -> Callers:
    """The callers, whose sidecars are to have healthy endpoints of the versions."""
    target = split.target

    def read(admin: EnvoyAdmin) -> Seen:
        dump = admin.get(envoy.endpoints_target(target))
        healthy = {version: envoy.healthy_endpoints(dump, target, version) for version in versions}
        return Seen((), tuple(found for one in versions if (found := chain.missing(one, healthy[one]))))

    text = f"|{target.host}.{target.namespace}.svc."
    return Callers(gateways, target, Kind("cluster", "cds", text, Link.CLUSTER), read, patience)


def _is_without_envoy(annotations: Mapping[str, str]) -> bool:
    names = annotations.get(_TEMPLATES, "").split(",")
    return any(name.strip().startswith(_WITHOUT_ENVOY) for name in names)


def _namespace(name: str) -> str:
    return name.partition("/")[0]


def refuse_ambient(gateways: Gateways, namespace: str) -> Finding | None:
    """A finding where the app's namespace is in an ambient mesh, whose ztunnels follow no VirtualService.

    Where nobody may read the namespace, none.
    """
    try:
        item = gateways.api.find(f"/api/v1/namespaces/{namespace}") or {}
    except GatewayError:
        return None
    labels: Mapping[str, str] = item.get("metadata", {}).get("labels") or {}
    if labels.get("istio.io/dataplane-mode") != "ambient":
        return None
    cause = f"routing.meshCallers needs sidecars, and the namespace {namespace} is in an ambient mesh"
    return Finding(Link.HOST, cause, "take routing.meshCallers out, or use sidecars", grade=Grade.BROKEN)
