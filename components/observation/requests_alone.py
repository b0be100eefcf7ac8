"""The proof where port-forwards are forbidden: requests alone, by a header that the split gives its answers.

Weaker than what the gateways say: it knows only the gateways that answered, and the path that was asked.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing

from ..gateway.chain import Split
from ..gateway.convergence import Proof
from ..gateway.waiting import say, wait_until
from ..kubernetes import kubeconfig as kubeconfigs
from ..kubernetes.errors import NotConvergedError
from .answers import ask
from .endpoint import Endpoint
from .own_requests import HEADER

# Of each host, every one on a connection of its own, so that each of several gateways may get some.
REQUESTS = 10
_NO_ADDRESS = (
    "Requests alone prove nothing here: the stack knows no address of the gateway. "
    "Set cluster.ingressAddress, which is blue-green:cluster.ingressAddress in the stack config."
)


def all_arrive(marks: Mapping[str, str], hosts: Sequence[Endpoint]) -> bool:
    """Whether a few requests to each host are all answered by this very split now; then it says so."""
    looks = [_look(marks, host) for host in hosts]
    if not looks or not all(arrived for arrived, _ in looks):
        return False
    for _, sentence in looks:
        say(sentence)
    return True


def wait_for_answers(
    split: Split, marks: Mapping[str, str], hosts: Sequence[Endpoint], seconds: float
) -> None:
    """Waits until all of a few requests to each host are answered by this very split, and says so.

    `marks` is, by version with traffic, what the header of its answers has. Raises NotConvergedError with
    what answered instead.
    """
    if not hosts:
        raise NotConvergedError(_NO_ADDRESS)
    proved: list[str] = []

    def check() -> tuple[str, ...]:
        looks = [_look(marks, host) for host in hosts]
        proved[:] = [sentence for arrived, sentence in looks if arrived]
        return tuple(sentence for arrived, sentence in looks if not arrived)

    try:
        wait_until(check, seconds, list)
    except NotConvergedError as error:
        kubectl = kubeconfigs.kubectl(split.kubeconfig)
        lines = (
            f"Requests alone do not prove the split, after {seconds:g} s:",
            *str(error).splitlines(),
            f"Look at: {kubectl} get virtualservices,gateways.networking.istio.io -A",
            "To try again, run pulumi up; to go back, set the config back before it.",
        )
        raise type(error)("\n  ".join(lines)) from error
    for sentence in proved:
        say(sentence)


def proofs(weights: Mapping[str, int], hosts: Sequence[Endpoint]) -> tuple[Proof, ...]:
    """The proof of the answers from these hosts, which stand for the gateways."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return tuple(Proof(f"requests alone, {host}", weights, now) for host in hosts)


def _look(marks: Mapping[str, str], host: Endpoint) -> tuple[bool, str]:
    """Whether all of a host's requests are answered by the split, up to the first that is not; in words."""
    versions = {mark: version for version, mark in marks.items()}
    counts = Counter[str]()
    for _ in range(REQUESTS):
        with closing(ask(host.url, {**host.headers, HEADER: "1"}, host.check)) as answers:
            answer = next(answers)
        if not answer.ok:
            return False, f"{host} answers: {answer.text}"
        if answer.mark not in versions:
            whose = f"another split ({answer.mark})" if answer.mark else "a route that is not the split's"
            return False, f"{host} is answered by {whose}: {answer.text}"
        counts[versions[answer.mark]] += 1
    seen = ", ".join(f"{version} {count}" for version, count in sorted(counts.items()))
    return True, (
        f"requests alone: {REQUESTS} of {REQUESTS} answers from {host} came by this split ({seen}); "
        "no gateway was asked"
    )
