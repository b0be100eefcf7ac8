"""How long `up` waits, and what proves a split."""

from dataclasses import dataclass
from typing import Annotated, Literal

from .. import rules
from ..forms import Key, OneOf, Section, Whole


@dataclass(frozen=True)
class Convergence(Section):
    """How long `up` waits for gateways to follow, and for requests in flight to end.

    `evidence` is what proves a split: what the gateways' Envoys say, or, where nobody may open a
    port-forward to them, requests alone.
    """

    timeout_seconds: Annotated[
        int, rules.SECONDS, Key("Seconds for versions to be ready and gateways to follow.", example=300)
    ] = 60
    drain_seconds: Annotated[
        int, Whole(0, 3600, 30), Key("Seconds for requests in flight to a version that is taken out.")
    ] = 30
    check: Annotated[
        Literal["request", "none"],
        OneOf(("request", "none")),
        Key("Whether a version is asked for an answer before it gets more traffic.", example="none"),
    ] = "request"
    room: Annotated[
        int,
        Whole(0, 100, 100),
        Key("How many ready pods a version needs before it gets more, in percent of as many as serve the "
            "same traffic now; 0: any number (docs/order.md)."),
    ] = 0  # fmt: skip
    evidence: Annotated[
        Literal["gateways", "requests"],
        OneOf(("gateways", "requests")),
        Key("What proves a split: the gateways' Envoys, or, weaker, requests alone.", "route", "requests"),
    ] = "gateways"

    @property
    def by_requests(self) -> bool:
        """Whether requests alone are the evidence, and no gateway may be asked."""
        return self.evidence == "requests"
