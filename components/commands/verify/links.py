"""Does every gateway's Envoy send requests by the weights, link by link, to endpoints that it has?"""

from dataclasses import dataclass

from ...gateway.finding import REFRESH, Finding, Grade, Link, aimed, failures
from ...gateway.gateways import Gateways
from ...gateway.pods import label_selector
from ...kubernetes.errors import GatewayError
from ...observation.links import findings
from ...observation.live import not_asked
from ...settings.model import Settings
from .mend import refresh, up
from .verdict import Difference

# What an object or a workload that is not as it should be breaks in the Envoys as well.
_EFFECTS = (Link.HOST, Link.ROUTE, Link.CLUSTER, Link.RULE, Link.ENDPOINTS)


@dataclass(frozen=True)
class Links:
    """What of the chain fails, the first cause first, and what is worth a look."""

    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()


def links(name: str, settings: Settings, asked: Gateways, *, explained: bool) -> Links:
    """Ask every gateway's Envoy for each link between a request and the versions.

    With `explained`, an object or a workload is not as it should be: its effects in the Envoys are left out.

    Raises:
        NotAskedError: the cluster or a gateway cannot be asked.
    """
    try:
        found = findings(asked, settings)
    except GatewayError as error:
        raise not_asked(settings.cluster, error) from error
    if explained:
        found = tuple(one for one in found if not _is_effect(one))
    kubectl = asked.api.kubectl
    notes = dict.fromkeys(one.told(kubectl) for one in found if one.grade is Grade.NOTE)
    differences = tuple(_difference(name, settings, one, kubectl) for one in failures(found))
    return Links(differences, tuple(notes))


def _is_effect(finding: Finding) -> bool:
    return finding.link in _EFFECTS or (finding.link is Link.UPDATE and finding.grade is not Grade.BROKEN)


def _difference(name: str, settings: Settings, finding: Finding, kubectl: str) -> Difference:
    by = f", {finding.owner}" if finding.owner else ""
    cure = aimed(finding.cure.replace(REFRESH, refresh(name)), kubectl) or up(name)
    if finding.link is Link.GATEWAY and not finding.cure:
        cure = f"{kubectl} get pods -A -l {label_selector(settings.routing.gateway_selector)}"
    return Difference(f"{finding.cause}{by}", cure)
