"""Is one version reached by its test route? Asks every gateway's Envoy, then sends requests with the mark."""

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..gateway.finding import failures
from ..kubernetes.errors import GatewayError
from ..observation import endpoint, links, live, traffic
from ..observation.answers import ask
from ..observation.traffic import Served
from ..pulumi_cli import config
from .verify.verdict import Status


@dataclass(frozen=True)
class Reached:
    """What was found.

    Attributes:
        stack: the stack's name.
        version: the version that was asked for.
        mark: what the requests carried, in words.
        differences: a sentence for each thing that is not as it should be.
        asked: requests sent.
        failed: how many of them failed.
        served: what the gateways counted of the version meanwhile, other people's requests too.
    """

    stack: str
    version: str
    mark: str
    differences: tuple[str, ...]
    asked: int
    failed: int
    served: Served

    @property
    def status(self) -> Status:
        """The exit status; that requests fail is worse than a route that is not as it should be."""
        if self.failed or self.served.requests < self.asked:
            return Status.FAILING
        return Status.DRIFTED if self.differences else Status.AS_CONFIGURED

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def facts(self) -> Mapping[str, object]:
        """Return all of it for machines."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        if self.differences:
            return "\n".join(self.differences)
        return (
            f"every gateway sends requests with {self.mark} to {self.version}\n"
            f"{self.asked} requests, none failed"
        )


def verify_version(name: str, version: str, requests: int) -> Reached:
    """Prove a version's test route, and send it requests.

    Raises:
        RolloutError: there is no test route to it, or the cluster cannot be read.
    """
    settings = config.settings(name)
    mark = endpoint.mark_of(name, settings, version)
    where = endpoint.marked(endpoint.of(name, settings), mark)
    with live.connect(settings) as gateways:
        try:
            kubectl = gateways.api.kubectl
            found = [one.told(kubectl) for one in failures(links.findings(gateways, settings))]
        except GatewayError as error:
            raise live.not_asked(settings.cluster, error) from error
        before = traffic.read(gateways, settings)
        answers = list(itertools.islice(ask(where.url, where.headers, where.check), requests))
        served = traffic.between(before, traffic.read(gateways, settings)).get(version, Served())
    bad = [answer.text for answer in answers if not answer.ok]
    if bad:
        app = settings.app
        found.append(
            f"{len(bad)} of {len(answers)} requests with {mark} failed: {bad[0]}\n"
            f"  look at: {kubectl} logs -n {app.namespace} -l app={app.name},version={version}"
        )
    if served.requests < len(answers):
        found.append(
            f"of {len(answers)} requests with {mark} only {served.requests} came to {version}\n"
            f"  look at: {kubectl} get virtualservices,envoyfilters -A"
        )
    return Reached(name, version, str(mark), tuple(found), len(answers), len(bad), served)
