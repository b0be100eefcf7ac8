"""The last link of a proof: a few requests of its own through the gateway, and whether the versions got them.

They end before the `up` does, so before whoever counts requests after it begins to.
"""

import itertools
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
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
from .endpoint import Endpoint

# By this header a log tells them from users' requests.
HEADER = "x-blue-green-proof"
# Of a host: the first few, and where the versions did not get all of these, as many more a little later.
_FIRST, _MOST = 3, 10
_PAUSE_SECONDS = 1.0
# What an Envoy counts of each endpoint: requests that it has, and connections that were tried.
_REQUESTS, _CONNECTIONS = "rq_total", "cx_total"
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
            arrived = [_arrive(gateways, split, versions, host, undecided) for host in hosts]
    except UnreachableError as error:
        if not undecided:
            say(f"The proof sent no requests of its own: {error}")
            return
        raise NotConvergedError(_not_proved(undecided, str(error))) from error
    if undecided and not hosts:
        raise NotConvergedError(_not_proved(undecided, "the stack knows no address of the gateway"))
    if undecided and not all(arrived):
        raise NotConvergedError(_not_proved(undecided, "the request of routing.check is another route's"))


def _not_proved(undecided: tuple[str, ...], reason: str) -> str:
    first = f"It is not proved that requests arrive, and no request could tell: {reason}"
    return "\n  ".join((first, *undecided))


def _arrive(
    gateways: Gateways, split: Split, versions: Collection[str], host: Endpoint, undecided: tuple[str, ...]
) -> bool:
    """Sends one host's requests, at most ten; False: another route takes just these.

    Raises UnreachableError, NotConvergedError.
    """
    target = split.target
    requests = ask(host.url, {**host.headers, HEADER: "1"}, host.check)
    before = _counted(gateways, target, versions)
    answers = [next(requests)]
    if answers[0].status is not None:
        answers += itertools.islice(requests, _FIRST - 1)
    after = _counted(gateways, target, versions)
    got, is_silent = _gained(before, after), answers[0].status is None
    if is_silent and not got and not _gained(before, after, _CONNECTIONS):
        raise UnreachableError(f"{host.url} cannot be reached from here ({answers[0].text})")
    if got < len(answers):
        # Envoy's workers may have been a moment behind what it says of itself.
        time.sleep(_PAUSE_SECONDS)
        before = _counted(gateways, target, versions)
        # Each that is not answered takes seconds.
        answers = list(itertools.islice(requests, 1 if is_silent else _MOST - _FIRST))
        got = _gained(before, _counted(gateways, target, versions))
    if got < len(answers):
        owner = _taken_by(gateways, split, host)
        if owner is None:
            said = _not_served(host, answers, got, gateways.api.kubectl, target.namespace)
            raise NotConvergedError("\n  ".join((said, *undecided)))
        say(
            f"The proof's own requests to {host} are another route's, of {owner}: "
            "set routing.check.path to a page that is the app's alone"
        )
        return False
    bad = [answer.text for answer in answers if not answer.ok]
    if bad:
        say(
            f"{len(bad)} of the proof's {len(answers)} requests to {host} failed in the app: "
            f"{bad[0]}. What counts as an answer: routing.check"
        )
    return True


def _counted(
    gateways: Gateways, target: Target, versions: Collection[str]
) -> Mapping[tuple[str, str, str], int]:
    """What was counted of the versions, by its name, gateway pod and endpoint. Raises GatewayError."""
    return {
        (name, str(answer.pod), endpoint): count
        for answer in gateways.ask(lambda admin: admin.get(envoy.CLUSTERS))
        for name in (_REQUESTS, _CONNECTIONS)
        for endpoint, count in envoy.counted(answer.value or {}, target, versions, name).items()
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
                if found is not None and source(found) != ours:
                    return f"the VirtualService {source(found)}" if source(found) else "no VirtualService"
    return None


def _gained(
    before: Mapping[tuple[str, str, str], int],
    after: Mapping[tuple[str, str, str], int],
    name: str = _REQUESTS,
) -> int:
    """How many requests the versions got between two readings, other people's too."""
    return sum(max(0, count - before.get(key, 0)) for key, count in after.items() if key[0] == name)


def _not_served(host: Endpoint, answers: Sequence[Answer], got: int, kubectl: str, namespace: str) -> str:
    strange = next((answer for answer in answers if not answer.ok), answers[0])
    lines = [
        f"The gateways route by the weights, but of {len(answers)} requests to {host} only {got} "
        f"came to the versions with traffic; the answer was: {strange.text}",
    ]
    if strange.status == 403 and strange.text.endswith(_DENIED):
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
        lines += [f"Look at: {kubectl} get virtualservices,gateways,envoyfilters -A"]
    return "\n  ".join(lines)
