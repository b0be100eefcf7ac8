"""The way of a request through a gateway's Envoy, link by link: does it end at the versions, by the weights?

Everything here is asked of the Envoys. Why a link is not as it should be, as the API server and
istiod know it, is in causes.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..kubernetes.errors import ForbiddenError, GatewayError
from ..kubernetes.kubeconfig import Kubeconfig
from . import beside, envoy, in_front, version_pods
from .admin import EnvoyAdmin
from .beside import Beside
from .envoy import Route, Target
from .finding import REFRESH, Finding, Grade, Link, failures
from .gateways import Answer, Gateways
from .listeners import CERTS, in_use, listeners_path, listening, secrets_path, taken
from .version_pods import VersionPods


@dataclass(frozen=True)
class Entrance:
    """The Gateway's server: where requests come in.

    Attributes:
        gateway: the Gateway's name; it stands in the split's namespace.
        hosts: as the Gateway has them, wildcards too.
        tls_secret: the Secret with the certificate; None: plain HTTP.
    """

    gateway: str
    hosts: tuple[str, ...]
    tls_secret: str | None = None


@dataclass(frozen=True)
class Split:
    """What the gateways are asked about: who they are, and whose split it is.

    `selector` is the Gateway's, for its pods; `target` names the VirtualService and the host.
    An `up` of the first releases wrote no `entrance` into the state. With `by_requests` nobody may ask
    the Envoys: requests alone tell. With `callers` the sidecars of callers in the mesh follow it too.
    """

    kubeconfig: Kubeconfig
    selector: Mapping[str, str]
    target: Target
    entrance: Entrance | None = None
    by_requests: bool = False
    callers: bool = False

    @property
    def routes_path(self) -> str:
        """The path of the dump of the entrance's route tables alone, where it is known."""
        if self.entrance is None:
            return envoy.ROUTES
        if self.entrance.tls_secret is None:
            return envoy.routes_path(r"http\.\d+.*")
        names = re.escape(f"{self.entrance.gateway}.{self.target.namespace}")
        return envoy.routes_path(rf"https\.\d+\..*{names}")


@dataclass(frozen=True)
class Wanted:
    """What each Envoy is to do.

    Attributes:
        weights: by version; those at 0 may be left out.
        route: the name of the split's rule in the VirtualService; None: any, and any test routes.
        beside: the rules in front of the split, in their order.
        for_callers: the same rules, as the callers in the mesh get them.
        port: the Service's port that the split leads to; None: any.
        drawn_by: of what the version is drawn by a hash, where several have weight, as envoy.Route has it.
    """

    weights: Mapping[str, int]
    route: str | None = None
    beside: tuple[Beside, ...] = ()
    port: int | None = None
    for_callers: tuple[Beside, ...] = ()
    drawn_by: str = ""

    @property
    def served(self) -> dict[str, int]:
        """The versions that get requests."""
        return {version: weight for version, weight in self.weights.items() if weight}


@dataclass(frozen=True)
class Seen:
    """What one Envoy does: its routes of the split, and what of the chain is not as wanted.

    `healthy` are the addresses that it sends requests to, by version.
    """

    routes: tuple[Route, ...]
    findings: tuple[Finding, ...]
    healthy: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])


def look(admin: EnvoyAdmin, split: Split, wanted: Wanted) -> Seen:
    """Asks one Envoy for each link, and for those behind a broken one no more. Raises GatewayError."""
    dump = admin.get(split.routes_path)
    routes = envoy.routes(dump, split.target)
    found = routing(routes, wanted)
    healthy: dict[str, frozenset[str]] = {}
    if not routes and split.entrance is not None and split.entrance.tls_secret is not None:
        # Istio drops a Gateway's server whose name an older one has, and its table with it.
        found += taken(admin.get(listeners_path([""])), (), split.entrance.hosts)
    if not found:
        tables = {route.table for route in routes}
        clusters = envoy.endpoints(admin.get(envoy.endpoints_target(split.target)))
        found = serving(routes, clusters)
        healthy = addresses(routes, clusters)
        if split.entrance is not None:
            ours = f"{split.target.namespace}/{split.target.virtual_service}"
            listeners = admin.get(listeners_path(tables))
            found += listening(listeners, tables)
            if split.entrance.tls_secret is not None:
                secret = split.entrance.tls_secret
                found += in_use(admin.get(secrets_path(secret)), admin.get(CERTS), secret)
            found += taken(listeners, tables, split.entrance.hosts)
            found += in_front.findings(dump, ours, split.entrance.hosts)
    return Seen(routes, found, healthy)


def routing(routes: tuple[Route, ...], wanted: Wanted) -> tuple[Finding, ...]:
    """What the routes of the VirtualService do otherwise, in this Envoy."""
    if not routes:
        return (Finding(Link.HOST, "has no route of the VirtualService"),)
    found = [
        Finding(Link.ROUTE, f"has a {deed} on its route of the VirtualService")
        for deed in sorted({deed for route in routes for deed in route.deeds})
    ]
    # An EnvoyFilter can have a header of the request name it.
    if not all(route.weights or route.deeds for route in routes):
        found.append(Finding(Link.ROUTE, "has a route of the VirtualService that names no cluster"))
    split = envoy.splits(routes)
    if split != (wanted.served,) and split:
        found.append(Finding(Link.ROUTE, f"still routes by {' and '.join(shown(one) for one in split)}"))
    elif wanted.route is not None:
        found += beside.findings(routes, wanted.beside, wanted.route, wanted.port)
        found += [
            Finding(Link.ROUTE, f"draws the version {drawn}", _STICKY)
            for drawn in sorted({_drawn(one.drawn_by, wanted.drawn_by) for one in routes if _divides(one)})
            if drawn
        ]
    return tuple(found)


# What an `up` writes anew may not be what is in the way.
_STICKY = f"{REFRESH}, or see docs/sticky-version.md"


def _divides(route: Route) -> bool:
    return len(route.weights) > 1 and not route.is_test


def _drawn(found: str, wanted: str) -> str:
    """How the version is drawn, where that is not as wanted."""
    if found == wanted:
        return ""
    instead = f"by {wanted}" if wanted else "anew for each request"
    return f"{f'by {found}' if found else 'anew for each request'}, and not {instead}"


def serving(routes: tuple[Route, ...], clusters: Mapping[str, frozenset[str]]) -> tuple[Finding, ...]:
    """Which clusters that the routes name are missing in this Envoy, or have nobody to send to.

    Nobody to send a test route's or mirrored requests to is a note: traffic can be moved all the same.
    """
    named = {cluster: version for route in routes for version, cluster in route.clusters.items()}
    split = {route.clusters[one] for route in routes if not route.is_test for one in route.weights}
    found = {cluster: missing(version, clusters.get(cluster)) for cluster, version in named.items()}
    return tuple(
        one if cluster in split or one.link is not Link.ENDPOINTS else _beside_the_split(one)
        for cluster, one in found.items()
        if one is not None
    )


def _beside_the_split(one: Finding) -> Finding:
    return replace(one, cause=f"{one.cause}, which has no share of the split", grade=Grade.NOTE)


def addresses(routes: tuple[Route, ...], clusters: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Where the routes send requests by the split, by version."""
    return {
        version: clusters.get(route.clusters[version], frozenset())
        for route in routes
        if not route.is_test
        for version in route.weights
    }


def missing(version: str, healthy: frozenset[str] | None) -> Finding | None:
    """What a version lacks in an Envoy that has these healthy endpoints of it; None: no cluster at all."""
    if healthy:
        return None
    if healthy is None:
        return Finding(Link.CLUSTER, f"has no cluster of {version}")
    return Finding(Link.ENDPOINTS, f"has no healthy endpoint of {version}")


def shown(weights: Mapping[str, int]) -> str:
    """A split in words, such as `v1 90 %, v2 10 %`."""
    return ", ".join(f"{version} {weight} %" for version, weight in sorted(weights.items()) if weight)


def look_at_all(gateways: Gateways, split: Split, wanted: Wanted) -> tuple[Answer[Seen], ...]:
    """Asks every gateway. Raises GatewayError where there is none."""
    return gateways.ask(lambda admin: look(admin, split, wanted))


def judged(gateways: Gateways, split: Split, answers: tuple[Answer[Seen], ...]) -> tuple[Finding, ...]:
    """The findings of all gateways that count, and where none fails, whether their endpoints are of now.

    An Envoy that has no news from istiod goes on with what it had: the same routes, to pods that are gone.
    Raises GatewayError.
    """
    found = broken(answers)
    return found if failures(found) else broken(against_ready(gateways, split.target, answers))


def against_ready(
    gateways: Gateways, target: Target, answers: tuple[Answer[Seen], ...]
) -> tuple[Answer[Seen], ...]:
    """The answers with a finding where an Envoy's endpoints are not of now, or not the version's.

    Raises GatewayError.
    """
    versions = {version for answer in answers if answer.value for version in answer.value.healthy}
    if not versions:
        return answers
    pods = version_pods.of(gateways.api, target, versions)
    return tuple(_against(answer, target, pods) for answer in answers)


def _against(answer: Answer[Seen], target: Target, pods: Mapping[str, VersionPods]) -> Answer[Seen]:
    """The answer with a finding for each version that its Envoy leads to no pod of it, or to others too."""
    seen = answer.value
    if seen is None:
        return answer
    found = tuple(
        finding
        for version, addresses in seen.healthy.items()
        for finding in _of_endpoints(addresses, target, pods[version])
    )
    return replace(answer, value=replace(seen, findings=(*seen.findings, *found)))


def _of_endpoints(addresses: frozenset[str], target: Target, pods: VersionPods) -> tuple[Finding, ...]:
    if envoy.WAYPOINT in addresses:
        cause = f"sends requests of {pods.version} to a waypoint, which does not tell the versions apart"
        label = f"label service {target.host} istio.io/ingress-use-waypoint=false --overwrite"
        cure = f"kubectl -n {target.namespace} {label}"
        return (Finding(Link.ENDPOINTS, cause, cure, grade=Grade.BROKEN),)
    # Of an endpoint without an address nothing is known.
    return () if envoy.NO_ADDRESS in addresses else tuple(pods.findings(addresses))


def broken(answers: tuple[Answer[Seen], ...]) -> tuple[Finding, ...]:
    """The findings of all gateways that count; without one that fails, the split is proved."""
    found = [finding for answer in answers for finding in _counting(answer)]
    if not failures(found) and not any(answer.pod.serves and answer.value for answer in answers):
        found.append(Finding(Link.GATEWAY, "no gateway is ready"))
    return tuple(found)


def _counting(answer: Answer[Seen]) -> tuple[Finding, ...]:
    """A pod that is not ready gets no traffic, so it counts only once its Envoy has the route.

    One that terminates must follow, for the requests that it still has, and listens for none to come.
    """
    pod, seen = answer.pod, answer.value
    if seen is None:
        return (unasked(f"gateway {pod}: {answer.error}", answer.error),) if pod.ready else ()
    idle = {Link.HOST, Link.CLUSTER, Link.ENDPOINTS, Link.LISTENER}
    left_out: set[Link] = set() if pod.serves else {Link.LISTENER} if pod.ready else idle
    return tuple(_at(answer, one) for one in seen.findings if one.link not in left_out)


def unasked(sentence: str, error: GatewayError | None) -> Finding:
    """The finding for what could not be asked; a missing right is there to stay."""
    grade = Grade.BROKEN if isinstance(error, ForbiddenError) else Grade.LATE
    return Finding(Link.GATEWAY, sentence, grade=grade)


def _at(answer: Answer[Seen], finding: Finding) -> Finding:
    """The finding with its gateway."""
    return replace(finding, cause=f"gateway {answer.pod} {finding.cause}")
