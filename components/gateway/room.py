"""Room before traffic: has a version as many ready pods as serve now what it is to get?

Without it a version with one pod gets at once what ten pods served.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..kubernetes import workloads
from ..kubernetes.api import Api
from ..kubernetes.workloads import Workload


@dataclass(frozen=True)
class Room:
    """What a move asks of the ready pods.

    Attributes:
        before: the weights now, by version.
        after: the weights to be, by version.
        percent: how many pods a version needs, of as many as serve the same traffic now.
        workloads: what runs each version's pods.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    percent: int
    workloads: Mapping[str, Workload]


def too_few(api: Api, namespace: str, room: Room) -> Sequence[str]:
    """A sentence for each version that gets more than it has room for. Raises GatewayError."""
    return tuple(_too_few(api, namespace, room))


def _too_few(api: Api, namespace: str, room: Room) -> Iterator[str]:
    gaining = [one for one, weight in room.after.items() if weight > room.before.get(one, 0)]
    if not gaining:
        return
    serving = [one for one, weight in room.before.items() if weight]
    counts = {one: workloads.ready_count(api, namespace, room.workloads[one]) for one in {*serving, *gaining}}
    ready = {one: count or 0 for one, count in counts.items()}
    total = sum(ready[one] for one in serving)
    for version in gaining:
        weight = room.after[version]
        # Pods that a part of is needed are needed whole.
        needed = -(-total * weight * room.percent // 10_000)
        if ready[version] < needed:
            yield (
                f"{version} is to get {weight} % of the traffic with {_pods(ready[version])}, and needs "
                f"{needed}: {total} serve all of it now"
            )


def _pods(count: int) -> str:
    return "1 ready pod" if count == 1 else f"{count} ready pods"
