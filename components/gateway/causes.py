"""Why a link of the chain is not as it should be: whose objects and which settings are in the way."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..kubernetes import istio
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.writers import last_written, writer
from . import mesh, rules
from .control_plane import Rejection, rejections
from .envoy import Target
from .finding import REFRESH, Finding, Grade, Link, failures
from .gateways import Gateways
from .serving import not_rolled_out
from .suspects import suspects

# The links that a rejected update of this kind keeps as they are; of any other kind, those behind a listener.
_HELD = {
    "Cluster": {Link.CLUSTER},
    "ClusterLoadAssignment": {Link.ENDPOINTS},
    "RouteConfiguration": {Link.HOST, Link.ROUTE, Link.UPDATE},
}
_BY_LISTENER = {Link.LISTENER, Link.HOST}
# Fields of a VirtualService's rule that keep requests from the app, or change what it is asked for.
_DEEDS = ("fault", "redirect", "rewrite", "directResponse", "delegate")


def causes(
    gateways: Gateways, target: Target, versions: Sequence[str], found: Iterable[Finding]
) -> tuple[Finding, ...]:
    """What the API server and istiod know of the links that fail; what cannot be read is a note."""
    links = {finding.link for finding in failures(found)}
    api = gateways.api
    questions: list[Callable[[], tuple[Finding, ...]]] = []
    if links & {Link.HOST, Link.ROUTE, Link.UPDATE}:
        questions.append(lambda: deeds(api, target))
    if Link.ROUTE in links:
        questions.append(lambda: route_filters(gateways))
    if links & {Link.HOST, Link.ROUTE, Link.UPDATE, Link.LISTENER, Link.CLUSTER}:
        questions.append(lambda: updates(gateways, target, links))
    if links & {Link.CLUSTER, Link.RULE}:
        questions.append(lambda: rules.in_the_way(api, target, versions, gateways.pods()))
    if links & {Link.CLUSTER, Link.ENDPOINTS}:
        questions.append(lambda: deployments(api, target, versions))
    if links & {Link.HOST, Link.CLUSTER}:
        questions.append(lambda: mesh.out_of_sight(api, target, gateways.pods()))
    return tuple(finding for question in questions for finding in _asked(question))


def virtual_service(api: Api, target: Target) -> Mapping[str, Any] | None:
    """The split's VirtualService as the API server has it. Raises GatewayError."""
    return api.find(istio.virtual_service(target.namespace, target.virtual_service))


def deeds(api: Api, target: Target) -> tuple[Finding, ...]:
    """What the VirtualService itself does to requests beside the split. Raises GatewayError."""
    name = f"VirtualService {target.namespace}/{target.virtual_service}"
    item = virtual_service(api, target)
    if item is None:
        return (Finding(Link.HOST, f"{name} is not there", REFRESH, grade=Grade.BROKEN),)
    http: list[Mapping[str, Any]] = item["spec"].get("http") or []
    return (
        *_behind(item, http, name),
        *(
            Finding(
                Link.ROUTE,
                f"{name} has a {deed}",
                _without(target, f"/spec/http/{index}/{deed}"),
                writer(item, "http"),
                Grade.BROKEN,
            )
            for index, rule in enumerate(http)
            for deed in _DEEDS
            if deed in rule
        ),
    )


def _behind(item: Mapping[str, Any], http: Sequence[Mapping[str, Any]], name: str) -> Iterable[Finding]:
    """A finding where what belongs in front of the split stands behind it, so that no Envoy gets it."""
    beside = ["/" in str(rule.get("name")) for rule in http]
    if beside != sorted(beside, reverse=True):
        cause = f"{name} has a test route or the mirror behind the split"
        yield Finding(Link.ROUTE, cause, REFRESH, writer(item, "http"), Grade.BROKEN)


def route_filters(gateways: Gateways) -> tuple[Finding, ...]:
    """The EnvoyFilters of the gateways, which may change routes and stand in no VirtualService."""
    return tuple(
        Finding(Link.ROUTE, f"{one} acts on the gateways", f"kubectl {one.look}")
        for one in suspects(gateways, ("EnvoyFilter",))
    )


def deployments(api: Api, target: Target, versions: Iterable[str]) -> tuple[Finding, ...]:
    """The versions whose Deployment is not rolled out, and why. Raises GatewayError."""
    reasons = not_rolled_out(api, target, versions).values()
    return tuple(Finding(Link.ENDPOINTS, reason) for reason in reasons)


def updates(gateways: Gateways, target: Target, links: set[Link]) -> tuple[Finding, ...]:
    """The updates that Envoys rejected, and which object has what they quote. Raises GatewayError.

    One that was sent before the VirtualService was written may be mended by that write, and one that holds
    none of the `links` that fail may be of somebody else's objects, and there for years.
    """
    api = gateways.api
    rejected = rejections(api, gateways.pods())
    if not rejected:
        return ()
    item = virtual_service(api, target)
    written = last_written(item) if item else ""
    services: list[Mapping[str, Any]] = api.get(f"{istio.GROUP}/virtualservices")["items"]
    return tuple(_rejection(one, written, services, links) for one in rejected)


def _without(target: Target, path: str) -> str:
    """The command that takes a field out; Pulumi's refresh sees none that the program does not write."""
    patch = json.dumps([{"op": "remove", "path": path}])
    service = f"-n {target.namespace} patch virtualservice {target.virtual_service}"
    return f"kubectl {service} --type=json -p '{patch}'"


def _asked(question: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    try:
        return question()
    except GatewayError as error:
        return (Finding(Link.GATEWAY, f"not read: {error}", grade=Grade.NOTE),)


def _rejection(
    one: Rejection, written: str, services: Iterable[Mapping[str, Any]], links: set[Link]
) -> Finding:
    cause = f"the Envoy of gateway {one.pod} rejected the last {one.kind}: {one.reason}"
    # Both begin with the date and whole seconds in UTC.
    holds = one.sent[:19] >= written[:19] and links & _HELD.get(one.kind, _BY_LISTENER)
    grade = Grade.BROKEN if holds else Grade.LATE
    quoted = next((item for item in services if _is_quoted(item["spec"], one.reason)), None)
    if quoted is None:
        cure = "look for what it quotes in: kubectl get virtualservices,envoyfilters -A -o yaml"
        return Finding(Link.UPDATE, cause, cure, grade=grade)
    namespace, name = quoted["metadata"]["namespace"], quoted["metadata"]["name"]
    by = writer(quoted, "http")
    owner = f"VirtualService {namespace}/{name}" + (f", {by}" if by else "")
    cure = f"write each % of the header as %%: kubectl -n {namespace} edit virtualservice {name}"
    return Finding(Link.UPDATE, cause, cure, owner, grade)


def _is_quoted(spec: Mapping[str, Any], reason: str) -> bool:
    """Whether a text of the spec with a %, the only thing that Istio lets through, stands in the reason."""
    texts: list[str] = re.findall(r'"[^"]*%[^"]*"', json.dumps(spec, ensure_ascii=False))
    return any(text.strip('"') in reason for text in texts)
