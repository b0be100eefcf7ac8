"""What is wrong with one link of the way that a request takes through a gateway."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

# Puts back what others changed or deleted by hand.
REFRESH = "pulumi up --refresh"

# So many of a kind are named in one finding; the others are counted.
_SHOWN = 3


class Link(StrEnum):
    """The links of the chain, in the order in which a request needs them."""

    GATEWAY = "gateway"
    UPDATE = "update"
    LISTENER = "listener"
    HOST = "virtual host"
    ROUTE = "route"
    CLUSTER = "cluster"
    RULE = "rule"
    ENDPOINTS = "endpoints"


class Grade(StrEnum):
    """What a finding means for the proof."""

    LATE = "late"
    """Not so yet: Envoys and pods may still follow, so a wait goes on."""
    BROKEN = "broken"
    """No waiting mends it: a wait ends at once."""
    UNDECIDED = "undecided"
    """No configuration tells: only a request that arrives is proof."""
    NOTE = "note"
    """Said, and no failure."""


@dataclass(frozen=True)
class Finding:
    """One link that does not do what the split says.

    Attributes:
        link: which link it is.
        cause: a sentence with what is wrong and where, such as the gateway's pod.
        cure: the command or the edit that mends it, with a plain `kubectl`; empty where waiting does.
        owner: whose doing it is, such as a field manager with a time, or another object; None: not known.
    """

    link: Link
    cause: str
    cure: str = ""
    owner: str | None = None
    grade: Grade = Grade.LATE

    def __str__(self) -> str:
        by = f" ({self.owner})" if self.owner else ""
        return f"{self.cause}{by}" + (f". To mend it: {self.cure}" if self.cure else "")

    def told(self, kubectl: str) -> str:
        """The finding as a user reads it: the cure is for the cluster that `kubectl` names."""
        return str(replace(self, cure=aimed(self.cure, kubectl)))


def aimed(text: str, kubectl: str) -> str:
    """A text of ours with each plain `kubectl` made the command for a cluster."""
    return text.replace("kubectl ", f"{kubectl} ")


def some(texts: Sequence[str], between: str = "; ") -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{between.join(texts[:_SHOWN])}{more}"


def failures(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that fail a proof, without repetitions, in the order of the chain: the first cause first."""
    order = list(Link)
    failing = dict.fromkeys(one for one in findings if one.grade in (Grade.LATE, Grade.BROKEN))
    return tuple(sorted(failing, key=lambda one: (one.grade is not Grade.BROKEN, order.index(one.link))))
