"""The last link of a proof: a few requests of its own through the gateway, and whether the versions got them.

They end before the `up` does, so before whoever counts requests after it begins to.
"""

import itertools
import time
from collections.abc import Collection, Mapping, Sequence

from ..gateway import envoy
from ..gateway.envoy import Target
from ..gateway.gateways import Gateways
from ..gateway.waiting import say
from ..kubernetes.errors import GatewayError, NotConvergedError
from .answers import Answer, ask
from .endpoint import Endpoint

# By this header a log tells them from users' requests.
HEADER = "x-blue-green-proof"
# Of a host: the first few, and where the versions did not get all of these, as many more a little later.
_FIRST, _MOST = 3, 10
_PAUSE_SECONDS = 1.0
# What Envoy's filter for AuthorizationPolicies answers.
_DENIED = "RBAC: access denied"

_LOOK = "Look at: kubectl get"


class UnreachableError(GatewayError):
    """No request could be sent from here; the message says why."""


def prove(
    kubeconfig: str,
    selector: Mapping[str, str],
    target: Target,
    versions: Collection[str],
    hosts: Sequence[Endpoint],
    undecided: tuple[str, ...] = (),
) -> None:
    """Sends the requests of all hosts, for the versions with traffic, and says what is worth knowing.

    What the Envoys' configuration left `undecided` is proved by these requests alone. Raises
    NotConvergedError where something else than these versions answered, or nothing proves it.
    """
    try:
        with Gateways(kubeconfig, selector) as gateways:
            for host in hosts:
                _prove(gateways, target, versions, host)
    except UnreachableError as error:
        if not undecided:
            say(f"The proof sent no requests of its own: {error}")
            return
        raise NotConvergedError(_not_proved(undecided, str(error))) from error
    if undecided and not hosts:
        raise NotConvergedError(_not_proved(undecided, "the stack knows no address of the gateway"))


def _not_proved(undecided: tuple[str, ...], reason: str) -> str:
    first = f"It is not proved that requests arrive, and none was sent to tell: {reason}"
    return "\n  ".join((first, *undecided))


def _prove(gateways: Gateways, target: Target, versions: Collection[str], host: Endpoint) -> None:
    """Sends one host's requests, at most ten. Raises UnreachableError, NotConvergedError."""
    requests = ask(host.url, {**host.headers, HEADER: "1"}, host.check)
    before = _sent(gateways, target, versions)
    answers = [next(requests)]
    if answers[0].status is not None:
        answers += itertools.islice(requests, _FIRST - 1)
    got = _gained(before, _sent(gateways, target, versions))
    if answers[0].status is None and not got:
        raise UnreachableError(f"{host.url} cannot be reached from here ({answers[0].text})")
    if got < len(answers):
        # Envoy's workers may have been a moment behind what it says of itself.
        time.sleep(_PAUSE_SECONDS)
        before = _sent(gateways, target, versions)
        answers = list(itertools.islice(requests, _MOST - _FIRST))
        got = _gained(before, _sent(gateways, target, versions))
    if got < len(answers):
        raise NotConvergedError(_not_served(host, answers, got))
    bad = [answer.text for answer in answers if not answer.ok]
    if bad:
        say(
            f"{len(bad)} of the proof's {len(answers)} requests to {_shown(host)} failed in the app: "
            f"{bad[0]}. What counts as an answer: blue-green:routing.check"
        )


def _sent(gateways: Gateways, target: Target, versions: Collection[str]) -> Mapping[tuple[str, str], int]:
    """By gateway pod and endpoint, the requests sent to the versions. Raises GatewayError."""
    answers = gateways.ask(lambda admin: envoy.requests(admin.get(envoy.CLUSTERS), target, versions))
    return {
        (str(answer.pod), endpoint): count
        for answer in answers
        for endpoint, count in (answer.value or {}).items()
    }


def _gained(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> int:
    """How many requests the versions got between two readings, other people's too."""
    return sum(max(0, count - before.get(key, 0)) for key, count in after.items())


def _not_served(host: Endpoint, answers: Sequence[Answer], got: int) -> str:
    strange = next((answer for answer in answers if not answer.ok), answers[0])
    lines = [
        f"The gateways route by the weights, but of {len(answers)} requests to {_shown(host)} only {got} "
        f"came to the versions with traffic; the answer was: {strange.text}",
    ]
    if strange.status == 403 and strange.text.endswith(_DENIED):
        lines += ["The gateway itself refuses them, not the app.", f"{_LOOK} authorizationpolicies -A"]
    else:
        lines += [f"{_LOOK} virtualservices,gateways,envoyfilters -A"]
    return "\n  ".join(lines)


def _shown(host: Endpoint) -> str:
    name = host.headers.get("Host")
    return f"{host.url} (Host: {name})" if name else host.url
