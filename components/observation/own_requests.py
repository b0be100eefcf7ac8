"""The last link of a proof: a few requests of its own through the gateway, and whether the versions got them.

They end before the `up` does, so before whoever counts requests after it begins to.
"""

import itertools
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ..gateway import envoy, in_front
from ..gateway.chain import Split
from ..gateway.envoy import Target
from ..gateway.finding import aimed
from ..gateway.gateways import Gateways
from ..gateway.matcher import Request, UndecidedError, route, source
from ..gateway.waiting import say
from ..kubernetes.errors import GatewayError, NotConvergedError
from .answers import Answer, ask
from .each_version import ask_each, clusters_of_all
from .endpoint import Endpoint

# By this header a log tells them from users' requests.
HEADER = "x-blue-green-proof"
# Of a host: the first few, and where the versions did not get all of these, as many more a little later.
_FIRST, _MOST = 3, 10
_PAUSE_SECONDS = 1.0
# What an Envoy counts of each endpoint: requests that it has, and connections that were tried.
_REQUESTS, _CONNECTIONS = "rq_total", "cx_total"
# By gateway pod, and by name and endpoint.
_Counts = Mapping[str, Mapping[tuple[str, str], int]]
# What Envoy's filter for AuthorizationPolicies answers.
_DENIED = "RBAC: access denied"


class UnreachableError(GatewayError):
    """No request could be sent from here; the message says why."""


def prove(
    split: Split, versions: Collection[str], hosts: Sequence[Endpoint], undecided: tuple[str, ...] = ()
) -> None:
    """Sends the requests of all hosts, for the versions with traffic, and says what is worth knowing.

    What the Envoys' configuration left `undecided` is proved by these requests alone. Raises
    NotConvergedError where something else than these versions answered, or nothing proves it.
    """
    try:
        with Gateways(split.kubeconfig, split.selector) as gateways:
            undecided = tuple(aimed(text, gateways.api.kubectl) for text in undecided)
            found = [_arrive(gateways, split, versions, host, undecided) for host in hosts]
            if found and found[0] is None:
                ask_each(gateways, split.target, versions, _requests(hosts[0]))
    except UnreachableError as error:
        if not undecided:
            say(f"The proof sent no requests of its own: {error}")
            return
        raise NotConvergedError(_not_proved(undecided, str(error))) from error
    if undecided and not hosts:
        raise NotConvergedError(_not_proved(undecided, "the stack knows no address of the gateway"))
    untold = next(filter(None, found), None)
    if undecided and untold:
        raise NotConvergedError(_not_proved(undecided, untold))


def _not_proved(undecided: tuple[str, ...], reason: str) -> str:
    first = f"It is not proved that requests arrive, and no request could tell: {reason}"
    return "\n  ".join((first, *undecided))


def _arrive(
    gateways: Gateways, split: Split, versions: Collection[str], host: Endpoint, undecided: tuple[str, ...]
) -> str | None:
    """Sends one host's requests, at most ten; a text: why they prove nothing, though nothing is wrong.

    Raises UnreachableError, NotConvergedError.
    """
    requests = _requests(host)
    sent = _send(gateways, split, versions, requests, _FIRST)
    if sent.came < len(sent.answers) and not sent.is_unreachable:
        # Envoy's workers may have been a moment behind what it says of itself.
        time.sleep(_PAUSE_SECONDS)
        sent = _send(gateways, split, versions, requests, _MOST - _FIRST)
    if sent.is_unreachable:
        raise UnreachableError(f"{host.url} cannot be reached from here ({sent.answers[0].text})")
    answers = sent.answers
    if sent.came < len(answers):
        owner = _taken_by(gateways, split, host)
        if owner is not None:
            say(
                f"The proof's own requests to {host} are another route's, of {owner}: "
                "set routing.check.path to a page that is the app's alone"
            )
            return "the request of routing.check is another route's"
        if all(_is_login(one) and str(one.status) in host.check.accept for one in answers):
            say(
                f"The gateway itself answers the proof's own requests to {host} by HTTP {answers[0].status}, "
                "as routing.check.accept has it: they tell nothing of the versions. "
                "To have them tell, set routing.check.path to a page without a login"
            )
            return "the gateway itself answers the request of routing.check"
        said = _not_served(host, sent, gateways.api.kubectl, split.target.namespace)
        raise NotConvergedError("\n  ".join((said, *undecided)))
    bad = [answer for answer in answers if not answer.ok]
    if bad:
        where = " in the app" if all(answer.by_app for answer in bad) else ""
        say(
            f"{len(bad)} of the proof's {len(answers)} requests to {host} failed{where}: "
            f"{bad[0].text}. What counts as an answer: routing.check"
        )
    # What the versions got meanwhile may be other people's requests.
    if any(answer.ok or answer.by_app for answer in answers):
        return None
    return f"no answer to the request of routing.check is known to be the app's ({answers[0].text})"


def _requests(host: Endpoint) -> Iterator[Answer]:
    return ask(host.url, {**host.headers, HEADER: "1"}, host.check)


@dataclass(frozen=True)
class _Sent:
    """A few requests of one host, and what the gateways counted meanwhile.

    Attributes:
        came: how many of them came to the versions; with other people's requests beside, at most.
        tried: whether a gateway tried connections to the versions' pods.
        unread: the gateways of which that is not known.
    """

    answers: Sequence[Answer]
    came: int
    tried: bool
    unread: tuple[str, ...]

    @property
    def is_unreachable(self) -> bool:
        """Whether nothing answered, and no gateway of which that is known had anything to send on."""
        return self.answers[0].status is None and not (self.came or self.tried or self.unread)


def _send(
    gateways: Gateways, split: Split, versions: Collection[str], requests: Iterator[Answer], most: int
) -> _Sent:
    """Sends that many requests, or the first alone where no answer comes. Raises GatewayError."""
    before = _counted(gateways, split.target, versions)
    answers = [next(requests)]
    # Each that is not answered takes seconds.
    if answers[0].status is not None:
        answers += itertools.islice(requests, most - 1)
    after = _counted(gateways, split.target, versions)
    passed = sum(not _is_denied(answer) for answer in answers)
    serving = {str(pod) for pod in gateways.pods() if pod.serves}
    return _Sent(
        answers,
        min(_gained(before, after, _REQUESTS), passed),
        _gained(before, after, _CONNECTIONS) > 0,
        tuple(sorted(serving - (before.keys() & after.keys()))),
    )


def _is_denied(answer: Answer) -> bool:
    """Whether an AuthorizationPolicy of the gateway itself refused it; gRPC has that in a status of 200."""
    return not answer.by_app and answer.text.endswith(_DENIED)


def _is_login(answer: Answer) -> bool:
    """Whether a login at the gateway may have answered, such as an external authorizer."""
    return not answer.by_app and (answer.status in {401, 403} or (answer.status or 0) // 100 == 3)


def _counted(gateways: Gateways, target: Target, versions: Collection[str]) -> _Counts:
    """What each gateway that could be asked has counted of the versions. Raises GatewayError."""
    return {
        pod: {
            (name, endpoint): count
            for name in (_REQUESTS, _CONNECTIONS)
            for endpoint, count in envoy.counted(clusters, target, versions, name).items()
        }
        for pod, clusters in clusters_of_all(gateways).items()
    }


def _taken_by(gateways: Gateways, split: Split, host: Endpoint) -> str | None:
    """Whose route takes the host's request, by a gateway's own table; None: it is ours, or cannot be told."""
    parts = urlsplit(host.url)
    headers = {name.lower(): value for name, value in host.headers.items()}
    request = Request(
        headers.pop("host", parts.netloc),
        parts.path or "/",
        {**headers, ":method": "GET", HEADER: "1"},
        dict(parse_qsl(parts.query)),
    )
    ours = f"{split.target.namespace}/{split.target.virtual_service}"
    for answer in gateways.ask(lambda admin: admin.get(split.routes_path)):
        for table in in_front.tables(answer.value or {}, ours):
            with suppress(UndecidedError):
                found = route(table, request)
                if found is not None and (owner := source(found)) != ours:
                    return in_front.named(owner) if owner else "no VirtualService"
    return None


def _gained(before: _Counts, after: _Counts, name: str) -> int:
    """How much was counted between two readings, other people's too, by the gateways that both have."""
    return sum(
        max(0, count - before[pod].get(key, 0))
        for pod in before.keys() & after.keys()
        for key, count in after[pod].items()
        if key[0] == name
    )


def _not_served(host: Endpoint, sent: _Sent, kubectl: str, namespace: str) -> str:
    if sent.unread:
        return (
            f"Whether the proof's own requests to {host} came to the versions is not known: "
            f"what came through {', '.join(sent.unread)} could not be asked. To try again, run pulumi up."
        )
    strange = next((answer for answer in sent.answers if not answer.ok), sent.answers[0])
    answer = f"HTTP {strange.status}: {strange.text}" if strange.ok else strange.text
    lines = [
        f"The gateways route by the weights, but of {len(sent.answers)} requests to {host} only {sent.came} "
        f"came to the versions with traffic; the answer was: {answer}",
    ]
    if _is_denied(strange):
        lines += [
            "The gateway itself refuses them, not the app.",
            f"Look at: {kubectl} get authorizationpolicies -A",
        ]
    elif strange.status is None:
        lines += [
            "The gateway gets no connection to their pods.",
            f"Look at: {kubectl} -n {namespace} get networkpolicies",
        ]
    else:
        kinds = "virtualservices,gateways.networking.istio.io,envoyfilters,authorizationpolicies"
        lines += [f"Look at: {kubectl} get {kinds} -A"]
    if _is_login(strange):
        lines += [
            "If that is a login at the gateway: set routing.check.path to a page without one, "
            f"or routing.check.headers to what it asks for, or add {strange.status} to routing.check.accept."
        ]
    return "\n  ".join(lines)
