"""Do requests get an answer, by the versions and in the shares that the weights say?"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...gateway.gateways import Gateways
from ...gateway.limits import limits
from ...gateway.suspects import suspects
from ...observation import by_requests, endpoint, live, traffic
from ...observation.answers import Answer, ask
from ...observation.statistics import could_be
from ...observation.traffic import Served
from ...settings.model import Settings
from .verdict import Difference, Status


@dataclass(frozen=True)
class Sent:
    """Requests that were sent, and what the gateways counted meanwhile.

    Attributes:
        answers: to each request.
        served: by version, other people's requests too; where requests alone are the evidence, only these.
        copies: by the version that requests are copied to, the same; its answers reached nobody.
        before: by version, the requests that were in flight when the first one was sent.
    """

    answers: tuple[Answer, ...]
    served: Mapping[str, Served]
    before: Mapping[str, int]
    copies: Mapping[str, Served] = field(default_factory=dict[str, Served])

    @property
    def failed(self) -> list[Answer]:
        """The answers that are failures."""
        return [answer for answer in self.answers if not answer.ok]


def send(name: str, settings: Settings, gateways: Gateways, requests: int) -> Sent:
    """Send requests, one after the other.

    Raises:
        RolloutError: the stack has no address, or a gateway cannot be asked.
    """
    where = endpoint.of(name, settings)
    asked = itertools.islice(ask(where.url, where.headers, where.check), requests)
    if settings.convergence.by_requests:
        answers = tuple(asked)
        return Sent(answers, by_requests.served(settings, answers), {})
    before = traffic.in_flight(gateways, settings)
    counted = traffic.read(gateways, settings)
    answers = tuple(asked)
    since = traffic.between(counted, traffic.read(gateways, settings))
    copies = {version: one for version, one in since.items() if settings.is_mirror(version)}
    served = {version: one for version, one in since.items() if version not in copies}
    return Sent(answers, served, before, copies)


def failures(settings: Settings, sent: Sent, gateways: Gateways, *, explained: bool) -> Iterator[Difference]:
    """Yield the failures, and who answered them: the app, or a gateway itself, where that is told.

    With `explained`, another difference is their cause, and its cure theirs.
    """
    failed = sent.failed
    if not failed:
        return
    what = f"{len(failed)} of {len(sent.answers)} requests failed: {failed[0].text}"
    kubectl, where = gateways.api.kubectl, f"-n {settings.app.namespace} -l app={settings.app.name}"
    logs = f"{kubectl} logs {where} --prefix --tail=20"
    if any(answer.by_app for answer in failed):
        yield Difference(f"{what}; the app answered so", logs, Status.FAILING)
        return
    whys = "; ".join(f"{version}: {one.why}" for version, one in sent.served.items() if one.why)
    if not whys and _is_untold(sent):
        unknown = "whether the app answered so is not known: no answer has Envoy's header for it"
        yield Difference(f"{what}; {unknown}", logs, Status.FAILING)
        return
    named = limits(gateways.api, live.target(settings)) if whys else ""
    what = f"{what}; the gateway answered itself{f' ({whys})' if whys else ''}{named}"
    beside = () if explained or whys else suspects(gateways)
    if beside:
        what += f"; look at {' and '.join(map(str, beside))}"
    cure = f"{kubectl} {beside[0].look}" if beside else f"{kubectl} get pods {where}"
    yield Difference(what, "" if explained else cure, Status.FAILING)


def _is_untold(sent: Sent) -> bool:
    """Whether the mesh hides whose an answer is: good ones do not tell it either."""
    good = [answer for answer in sent.answers if answer.ok]
    return bool(good) and not any(answer.by_app for answer in sent.answers)


def elsewhere(sent: Sent, kubectl: str, *, alone: bool = False) -> Iterator[Difference]:
    """Yield how many requests were answered by anything but the versions, by the gateways' own counts.

    With `alone`, requests alone are the evidence: by the marks of the answers.
    """
    answered = len(sent.answers) - len(sent.failed)
    served = sum(one.requests - (one.errors if alone else 0) for one in sent.served.values())
    if served < answered:
        known = (
            f"{served} have the mark of this split" if alone else f"the gateways sent them {served} requests"
        )
        yield Difference(
            f"{answered - served} of {answered} answers came from elsewhere than the app's versions: {known}",
            f"{kubectl} get virtualservices,gateways.networking.istio.io -A",
            Status.FAILING,
        )


def shares(settings: Settings, sent: Sent, kubectl: str) -> Iterator[Difference]:
    """Do the requests fit the weights, with or without those that an older split had sent before?

    With routing.stickyVersion the weights are shares of users, who send as many as they like.
    """
    if settings.routing.sticky_version is not None:
        return
    counted = {version: sent.served.get(version, Served()).requests for version in settings.weights}
    since = {version: max(0, count - sent.before.get(version, 0)) for version, count in counted.items()}
    for version, weight in settings.weights.items():
        if not any(
            could_be(counts[version], sum(counts.values()), weight / 100) for counts in (counted, since)
        ):
            yield Difference(
                f"version {version} served {counted[version]} of {sum(counted.values())} requests, "
                f"which {weight} % cannot explain",
                f"{kubectl} get virtualservices -A",
            )
