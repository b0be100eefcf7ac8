"""Which split to go back to: pure functions over the splits that an `up` proved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..settings.model import Settings
from ..settings.weights import shown

# How our commands tell the providers of the `up` that they start what it is for.
CAUSE = "BLUE_GREEN_CAUSE"


class Cause(StrEnum):
    """Why an `up` ran. Nobody but our own commands gives a cause: without one it is a whole change."""

    whole = ""
    step = "shift-step"
    last_step = "shift-end"
    back = "shift-back"
    rollback = "rollback"


@dataclass(frozen=True)
class Past:
    """A split that an `up` proved.

    Attributes:
        at: seconds since the epoch.
        cause: why that `up` ran.
        weights: of the versions with traffic.
        images: of the versions with traffic, as the config names them; of the stack's own workloads.
    """

    at: float
    cause: Cause
    weights: Mapping[str, int]
    images: Mapping[str, str]

    def same(self, other: "Past") -> bool:
        """Whether both send the same traffic to the same images."""
        return self.weights == other.weights and self.images == other.images

    def __str__(self) -> str:
        return shown(self.weights)


def present(settings: Settings, at: float = 0.0) -> Past:
    """Return the split that a config asks for."""
    weights = {version: weight for version, weight in settings.weights.items() if weight}
    images = {version: settings.versions[version].image for version in weights}
    images = {version: image for version, image in images.items() if image}
    return Past(at, Cause.whole, weights, images)


def is_rolled_back(proved: Sequence[Past], now: Past) -> bool:
    """Return whether nothing but an `up` of the same has come after a rollback; the oldest split is first."""
    for past in reversed(proved):
        if not past.same(now):
            return False
        if past.cause is Cause.rollback:
            return True
    return False


def targets(proved: Iterable[Past]) -> list[Past]:
    """Return what a rollback may go back to, the newest first.

    Args:
        proved: every split that was proved, the oldest first.

    Returns:
        The whole changes. A shift counts as one, by its last step. Left out are the steps before it,
        a shift that went back, and what a rollback left behind it.
    """
    whole: list[Past] = []
    unjudged = False
    for past in proved:
        if past.cause is Cause.step:
            unjudged = False
        elif past.cause is Cause.back:
            # Of a shift whose first `up` failed, nothing was proved that it could go back from.
            if unjudged and not past.same(whole[-1]):
                whole.pop()
            unjudged = False
        elif past.cause is Cause.rollback:
            if any(past.same(one) for one in whole):
                while not past.same(whole[-1]):
                    whole.pop()
            unjudged = False
        else:
            # The same once more, as by an `up` that changed nothing of it.
            fresh = not whole or not past.same(whole[-1])
            whole += [past] if fresh else []
            # A shift that was resumed proves its last step once more.
            unjudged = past.cause is Cause.last_step and (fresh or unjudged)
    return whole[::-1]
