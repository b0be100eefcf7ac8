"""What the live view shows: config, VirtualService, Envoys and measured traffic side by side."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ...observation import by_requests, latency, live, traffic
from ...observation.answers import Answer
from ...observation.latency import Latency, Readings
from ...observation.statistics import percentile
from ...observation.traffic import Counters, Served
from ...settings.model import MinikubeCluster, Settings
from .. import look
from ..verify.applied import Applied
from ..verify.fields import fields
from ..verify.verdict import Status
from ..verify.workloads import scaled

# Measured shares are those of the last so many seconds, and of no time before the last change.
WINDOW_SECONDS = 30.0


@dataclass(frozen=True)
class Reading:
    """What the gateways' Envoys had counted and timed at a time, in seconds since the epoch."""

    at: float
    counters: Counters
    times: Readings


@dataclass
class Board:
    """What is known at one moment, and the readings that the measured columns come from.

    Attributes:
        window: how many seconds old a reading or an answer may be.
        lost: why there is no newer reading; empty where the last one was not lost.
    """

    stack: str
    settings: Settings
    now: live.Live
    applied: Applied = field(default_factory=dict[tuple[str, str], Mapping[str, Any]])
    readings: deque[Reading] = field(default_factory=deque[Reading])
    answers: deque[Answer] = field(default_factory=deque[Answer])
    window: float = WINDOW_SECONDS
    lost: str = ""

    def add(self, settings: Settings, now: live.Live, reading: Reading) -> None:
        """Take in a new reading; a change of what the Envoys do begins the measuring anew."""
        before = self.now
        routed = [gateway.splits for gateway in now.gateways] != [
            gateway.splits for gateway in before.gateways
        ]
        if routed or (settings.convergence.by_requests and now.route != before.route):
            self.readings.clear()
            self.answers.clear()
        self.settings, self.now, self.lost = settings, now, ""
        self.readings.append(reading)
        while self.readings[0].at < reading.at - self.window:
            self.readings.popleft()
        while self.answers and self.answers[0].at < reading.at - self.window:
            self.answers.popleft()

    @property
    def verdict(self) -> tuple[str, str]:
        """The verdict and its reason: the cause where one is known."""
        if self.lost:
            return "no news", f"for {time.time() - self.readings[-1].at:.0f} s: {self.lost}"
        found = [
            *scaled(self.stack, self.settings, self.now),
            *fields(self.stack, self.settings, self.now, self.applied),
        ]
        causes = [one.what for one in found if one.status is Status.DRIFTED]
        edits = [one.what.removeprefix("not applied: ") for one in found if one.status is Status.NOT_APPLIED]
        failing = self._failing()
        gateways = self.now.gateways
        behind = [str(gateway.pod) for gateway in gateways if not gateway.holds(self.settings.weights)]
        if failing:
            return "failing", "; ".join((*causes[:1], failing))
        if causes:
            return "drifted", f"{causes[0]}; run up, or verify for more"
        if edits:
            return "not applied", f"{edits[0]}; run up"
        if self.settings.convergence.by_requests:
            return self._by_requests()
        if not gateways:
            return "drifted", "no gateway serves"
        if behind:
            return "converging", f"{len(behind)} of {len(gateways)} gateways are behind: {behind[0]}"
        return "converged", f"{len(gateways)} of {len(gateways)} gateways route as the config says"

    def _by_requests(self) -> tuple[str, str]:
        """The verdict of the window's own requests: whether all of them came by the split of the config."""
        served, asked = self.served, len(self.answers)
        arrived = asked and sum(one.requests for one in served.values()) == asked
        return "converged" if arrived else "converging", by_requests.evidence(served, asked)

    def _failing(self) -> str:
        """What failed in the window: by the gateways' counts, else of the requests of this command."""
        total = sum(self.answered.values(), Served())
        if total.errors:
            why = f" (the gateways themselves: {total.why})" if total.why else ""
            why += f", by gRPC status {total.statuses}" if total.grpc else ""
            return f"{total.errors} of {total.requests} requests failed{why}"
        failed = [answer for answer in self.answers if not answer.ok]
        return f"{len(failed)} of {len(self.answers)} requests failed: {failed[-1].text}" if failed else ""

    @property
    def served(self) -> Mapping[str, Served]:
        """What each version served in the window."""
        if self.settings.convergence.by_requests:
            return by_requests.served(self.settings, self.answers)
        if not self.readings:
            return {}
        return traffic.between(self.readings[0].counters, self.readings[-1].counters)

    @property
    def answered(self) -> Mapping[str, Served]:
        """The same without copies of requests, whose answers no client gets."""
        return {version: one for version, one in self.served.items() if not self.settings.is_mirror(version)}

    @property
    def latency(self) -> Mapping[str, Latency]:
        """How long the requests of the window took; empty where the gateways do not time them."""
        if not self.readings:
            return {}
        return latency.between(self.readings[0].times, self.readings[-1].times)

    def is_timed_by(self, reading: Reading) -> bool:
        """Whether each request that the reading counts is timed in it as well."""
        served = traffic.between(self.readings[0].counters, reading.counters)
        times = latency.between(self.readings[0].times, reading.times)
        return all(
            times.get(version, Latency()).requests >= ours.requests - sum(ours.by_gateway.values())
            for version, ours in served.items()
        )

    @property
    def seconds(self) -> float:
        """How long the window is."""
        return max(0.1, self.readings[-1].at - self.readings[0].at) if self.readings else 0.1

    def facts(self) -> Mapping[str, object]:
        """Return what the board shows, for machines; shares are 0 to 1, the window is in seconds."""
        verdict, reason = self.verdict
        served, answered, times = self.served, self.answered, self.latency
        total = sum(version.requests for version in answered.values())
        return {
            "stack": self.stack,
            "verdict": verdict,
            "reason": reason,
            "seconds": self.seconds,
            "requests": total,
            "versions": {
                version: {
                    "config": self.settings.weights[version],
                    "virtualService": (self.now.route or {}).get(version, 0),
                    "envoys": [self._routed(gateway, version) for gateway in self.now.gateways],
                    "requests": served.get(version, Served()).requests,
                    "errors": served.get(version, Served()).errors,
                    "mirror": self.settings.is_mirror(version),
                    "share": answered[version].requests / total if total and version in answered else None,
                    **times.get(version, Latency()).facts(),
                    "ready": pods.ready if (pods := self.now.pods.get(version)) else 0,
                    "wanted": pods.wanted if pods else 0,
                }
                for version in self.settings.versions
            },
        }

    def view(self) -> Group:
        """Return the board for a terminal of any width from 80 columns on."""
        verdict, reason = self.verdict
        cluster = self.settings.cluster
        context = cluster.profile if isinstance(cluster, MinikubeCluster) else cluster.context or "current"
        title = Text.assemble(
            (self.stack, "bold"),
            f" on {context}: ",
            (verdict, look.INKS[look.TONES[verdict]].terminal),
            f", {reason}",
        )
        return Group(title, self._table(), Text(self._own(), style="dim"))

    def _table(self) -> Table:
        served, times = self.served, self.latency
        total = sum(version.requests for version in self.answered.values())
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
        table.add_column("version", no_wrap=True)
        measured = f"measured\nof {total}"
        for name in (
            *("config", "Virtual\nService", "Envoys", measured),
            *("req/s", "success", "p50\nms", "p99\nms", "ready"),
        ):
            table.add_column(name, justify="right", no_wrap=True)
        for number, version in enumerate(self.settings.versions):
            ours = served.get(version, Served())
            pods = self.now.pods.get(version)
            table.add_row(
                version,
                f"{self.settings.weights[version]} %",
                f"{self.now.route.get(version, 0)} %" if self.now.route else "-",
                self._envoys(version),
                "mirror" if self.settings.is_mirror(version) else look.measured(ours.requests, total),
                f"{ours.requests / self.seconds:.0f}",
                f"{1 - ours.error_rate:.2%}" if ours.requests else "-",
                *(times.get(version, Latency()).shown(part) for part in (0.5, 0.99)),
                f"{pods.ready}/{pods.wanted}" if pods else "-",
                style=look.colour(number).terminal,
            )
        return table

    def _envoys(self, version: str) -> str:
        shares = sorted({share for gateway in self.now.gateways for share in self._routed(gateway, version)})
        return " / ".join(f"{share} %" for share in shares) or "-"

    def _routed(self, gateway: live.Gateway, version: str) -> list[int]:
        return [split.get(version, 0) for split in gateway.splits]

    def _own(self) -> str:
        """What this command's own requests met, and for how long all of it was measured."""
        if not self.answers or len(self.readings) < 2:
            return "measuring…"
        times = [1000 * answer.seconds for answer in self.answers]
        failed = sum(not answer.ok for answer in self.answers)
        return (
            f"the last {self.seconds:.0f} s; {len(times)} requests were ours: {failed} failed, "
            f"p50 {percentile(times, 0.5):.0f} ms, p99 {percentile(times, 0.99):.0f} ms"
        )
