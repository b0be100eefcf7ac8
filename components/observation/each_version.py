"""More of the proof's own requests where nobody has told yet that a version's pods answer the gateways.

Of a version with a small share the first few requests tell nothing: a NetworkPolicy or a firewall may keep
the gateways from its pods alone.
"""

import itertools
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..gateway import envoy
from ..gateway.envoy import Target
from ..gateway.gateways import Gateways
from ..gateway.waiting import say
from ..kubernetes.errors import NotConvergedError
from .answers import Answer

_MOST = 100
_BATCH = 10
_SECONDS = 3.0
# What a gateway says in the place of a pod that it has no connection to.
_NO_CONNECTION = {503, 504}
# And in the place of one that ended the connection.
_ENDED = 503


class _Counts(NamedTuple):
    """Of a version's pods, summed over the gateways: the requests that were sent on, and the connections."""

    answered: int
    failed: int
    sent_on: int
    connections: int


def ask_each(
    gateways: Gateways, target: Target, versions: Collection[str], requests: Iterator[Answer]
) -> None:
    """Sends requests until each version has answered somebody, at most a hundred or for three seconds.

    Says which version got none of them, or answered none. Raises NotConvergedError where the gateways get no
    connection to one, GatewayError.
    """
    counts = _counts(gateways, target, versions)
    silent = {version for version in versions if not counts[version].answered}
    sent, until, told = 0, time.monotonic() + _SECONDS, False
    while silent and sent < _MOST and time.monotonic() < until:
        answers = list(_batch(requests))
        sent += len(answers)
        before, counts = counts, _counts(gateways, target, versions)
        silent = {version for version in silent if not counts[version].answered}
        # A mesh may hide the header by which the app's answers are told (proxyHeaders.envoyDebugHeaders).
        told = told or any(one.by_app for one in answers)
        failed = [one for one in answers if _is_without_connection(one, told=told)]
        tried = sorted(one for one in silent if _is_in_vain(before[one], counts[one], failed))
        if tried:
            raise NotConvergedError(_cut_off(tried, failed, sent, gateways.api.kubectl, target.namespace))
        if any(one.by_app and not one.ok for one in answers):
            # What the app answers badly it has got.
            silent -= {one for one in silent if counts[one].sent_on > before[one].sent_on}
    slow = {one for one in silent if counts[one].sent_on}
    if slow:
        say(
            f"None of the requests that the gateways sent on to {' and '.join(sorted(slow))} got a good "
            "answer yet: that its pods answer is not proved by requests"
        )
    if silent - slow:
        say(
            f"None of the proof's own {sent} requests came to {' and '.join(sorted(silent - slow))}: "
            "that the gateways reach its pods is not proved by requests"
        )


def clusters_of_all(gateways: Gateways) -> Mapping[str, Mapping[str, Any]]:
    """By gateway that can be asked, what it says of its clusters. Raises GatewayError."""
    answers = gateways.ask(lambda admin: admin.get(envoy.CLUSTERS))
    return {str(one.pod): one.value for one in answers if one.value is not None}


def _batch(requests: Iterable[Answer]) -> Iterator[Answer]:
    """A few answers, up to the first request that is not answered: each of these takes seconds."""
    for answer in itertools.islice(requests, _BATCH):
        yield answer
        if answer.status is None:
            return


def _is_without_connection(answer: Answer, *, told: bool) -> bool:
    """Whether a gateway may have had no connection; unless it is `told` whose an answer is, silence alone."""
    return answer.status is None or (told and not answer.by_app and answer.status in _NO_CONNECTION)


def _is_in_vain(before: _Counts, now: _Counts, failed: Sequence[Answer]) -> bool:
    """Whether a version's connections brought no request an answer: none came about, or they ended.

    Envoy counts a request as sent on only once it has a connection; a slow pod has both, and no failure.
    """
    if now.sent_on == before.sent_on:
        # One that an earlier request waited for, the proof's first few too, is not counted anew.
        known = before.connections if before.sent_on else 0
        return bool(failed) and now.connections > known
    return now.failed > before.failed and any(one.status == _ENDED for one in failed)


def _counts(gateways: Gateways, target: Target, versions: Collection[str]) -> Mapping[str, _Counts]:
    """By version, what the gateways that can be asked have counted. Raises GatewayError."""
    dumps = clusters_of_all(gateways).values()

    def total(version: str, name: str) -> int:
        counted = (envoy.counted(dump, target, [version], name) for dump in dumps)
        return sum(sum(one.values()) for one in counted)

    names = ("rq_success", "rq_error", "rq_total", "cx_total")
    return {one: _Counts(*(total(one, name) for name in names)) for one in versions}


def _cut_off(tried: Sequence[str], failed: Sequence[Answer], sent: int, kubectl: str, namespace: str) -> str:
    return "\n  ".join(
        (
            f"The gateways route by the weights, but {len(failed)} of the proof's {sent} more requests "
            f"failed: {failed[0].text}",
            f"The gateway gets no connection to the pods of {' and '.join(tried)}.",
            f"Look at: {kubectl} -n {namespace} get networkpolicies",
        )
    )
