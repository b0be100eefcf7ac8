"""What the proof found, line by line."""

from dataclasses import dataclass

from proof.traffic import Request


@dataclass(frozen=True)
class Mark:
    """A moment of the plot: seconds since the epoch, and that a step began or ended then, or its note."""

    at: float
    what: str


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        name: the transition or fault.
        allowed: how many failures its promise allows; 0 for a transition.
        promise: the promise in words.
        requests: every request of the load meanwhile.
        marks: when each step began and ended.
        error: what went wrong with the steps themselves, or None.
        theirs: from when to when another team's objects stood; what failed then is not ours.
    """

    name: str
    allowed: int
    promise: str
    requests: tuple[Request, ...]
    marks: tuple[Mark, ...]
    error: str | None = None
    theirs: tuple[tuple[float, float], ...] = ()

    @property
    def failed(self) -> tuple[Request, ...]:
        """The requests that failed by what we do."""
        return tuple(request for request in self.requests if request.failure and not self.is_theirs(request))

    @property
    def failed_by_theirs(self) -> int:
        """How many requests failed while another team's objects stood in the way."""
        return sum(1 for request in self.requests if request.failure and self.is_theirs(request))

    def is_theirs(self, request: Request) -> bool:
        """Whether another team's objects stood when the request was sent."""
        return any(began <= request.sent <= ended for began, ended in self.theirs)

    @property
    def longest(self) -> float:
        """The longest answer, in seconds."""
        return max((request.seconds for request in self.requests), default=0.0)

    @property
    def failing(self) -> float:
        """Seconds from the first request that failed until the last one had; 0 if none did."""
        times = [(request.sent, request.sent + request.seconds) for request in self.failed]
        return max(end for _, end in times) - min(begin for begin, _ in times) if times else 0.0

    @property
    def latest(self) -> float:
        """By how much the latest request was sent after its time, in seconds."""
        return max((request.late for request in self.requests), default=0.0)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the steps noted."""
        return tuple(mark.what for mark in self.marks if mark.what not in {"begins", "ends"})

    @property
    def rate(self) -> float:
        """Requests a second that the load really sent."""
        times = [request.sent for request in self.requests]
        seconds = max(times) - min(times) if times else 0.0
        return (len(times) - 1) / seconds if seconds else 0.0

    @property
    def kept(self) -> bool:
        """Whether the promise was kept, by load that was really there."""
        return self.error is None and bool(self.requests) and len(self.failed) <= self.allowed
