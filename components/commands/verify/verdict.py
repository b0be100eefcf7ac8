"""What `verify` found, and the exit status that tells it apart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum

from ...observation.traffic import Served
from ...settings.weights import shown


class Status(IntEnum):
    """What a stack is, as an exit status; 1 is every command's for a refusal, 2 for wrong options."""

    AS_CONFIGURED = 0
    DRIFTED = 3
    NOT_APPLIED = 4
    FAILING = 5


# The worst first.
_RANKED = (Status.FAILING, Status.DRIFTED, Status.NOT_APPLIED)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the config says, and the command that mends it.

    Attributes:
        what: a sentence.
        mend: typable as printed; empty where mending another difference mends it.
        status: what it makes of the stack.
    """

    what: str
    mend: str = ""
    status: Status = Status.DRIFTED

    @property
    def in_one_line(self) -> str:
        """It, for a sentence of another command."""
        return f"{self.what}. Run: {self.mend}" if self.mend else self.what

    def __str__(self) -> str:
        return f"{self.what}\n  to mend it: {self.mend}" if self.mend else self.what


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        stack: the stack's name.
        weights: what the config asks for.
        differences: causes before their effects; none when all is as the config says.
        asked: requests sent.
        failed: how many of them failed.
        served: by version, what the gateways counted meanwhile, other people's requests too.
        images: by version, what the nodes say that its ready pods run.
        warnings: what is no difference, and worth a look.
        copies: by the version that requests are copied to, what it made of them.
        evidence: what the answers tell where requests alone are the evidence; else empty.
    """

    stack: str
    weights: Mapping[str, int]
    differences: tuple[Difference, ...]
    asked: int = 0
    failed: int = 0
    served: Mapping[str, Served] = field(default_factory=dict[str, Served])
    images: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    warnings: tuple[str, ...] = ()
    copies: Mapping[str, Served] = field(default_factory=dict[str, Served])
    evidence: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def status(self) -> Status:
        """The worst of what was found."""
        found = {difference.status for difference in self.differences}
        return next((status for status in _RANKED if status in found), Status.AS_CONFIGURED)

    def facts(self) -> Mapping[str, object]:
        """Return all of it for machines."""
        return {"ok": self.ok, "status": self.status.name.lower().replace("_", "-"), **asdict(self)}

    def __str__(self) -> str:
        lines = [str(difference) for difference in self.differences]
        if self.ok:
            lines = [
                f"{self.stack} is what its config says: {shown(self.weights)}",
                self.evidence or f"{self.asked} requests, none failed",
            ]
        lines += [
            f"{version} answered {one.requests} copies, {one.errors} of them failed"
            for version, one in self.copies.items()
        ]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])
