"""What routing.stickyVersion cannot be combined with, and for whom it does not hold."""

from collections.abc import Iterator, Mapping
from typing import cast

from .mistakes import Mistake
from .model import Routing, Settings

_PATH = ("routing", "stickyVersion")
_ONE = "Take one of them out"


def mistakes(settings: Settings) -> Iterator[Mistake]:
    """What is wrong with it."""
    routing = settings.routing
    sticky = routing.sticky_version
    if sticky is None:
        return
    if (sticky.cookie is None) == (sticky.header is None):
        yield Mistake(_PATH, "it needs a cookie or a header", "Write one of them")
    if sticky.header == "cookie":
        yield Mistake((*_PATH, "header"), "it has all cookies of a user", "Write cookie: NAME")
    if sticky.header in routing.headers:
        wrong = f"routing.headers says that all users have the same {sticky.header}"
        yield Mistake((*_PATH, "header"), wrong, "Take another header")
    if settings.convergence.by_requests:
        wrong = "convergence.evidence: requests cannot tell by what a version is drawn"
        yield Mistake(_PATH, wrong, _ONE)
    # Istio writes that hash onto the same route, once for each version: Envoy would mix all of them.
    if routing.sticky_session is not None:
        yield Mistake(_PATH, "routing.stickySession has a hash of its own on the same route", _ONE)
    policies = {"routing": routing.traffic_policy}
    policies |= {f"versions.{name}": version.traffic_policy for name, version in settings.versions.items()}
    for where, policy in policies.items():
        balancer = policy.get("loadBalancer")
        if isinstance(balancer, Mapping) and "consistentHash" in cast("Mapping[str, object]", balancer):
            hashed = (
                f"{where}.trafficPolicy.loadBalancer.consistentHash is a hash of its own on the same route"
            )
            yield Mistake(_PATH, hashed, _ONE)


def warnings(settings: Settings, project: str) -> Iterator[str]:
    """For whom it does not hold, where that are more than nobody."""
    routing: Routing = settings.routing
    if routing.sticky_version is not None and routing.mesh_callers:
        yield (
            f"{project}:routing.stickyVersion: it holds for requests through the gateway. For callers in the "
            "mesh a version is drawn anew for each request; see docs/sticky-version.md."
        )
