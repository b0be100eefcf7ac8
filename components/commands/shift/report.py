"""What a shift did: as JSON for machines, and as one HTML file with plots for people."""

import datetime
import html
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from ...observation.latency import Latency
from ...observation.traffic import Served
from ...pulumi_cli.project import short
from ...settings.weights import Weights, shown
from .. import look
from .judge import Limits, Plan
from .plot import plot


@dataclass(frozen=True)
class Sample:
    """What each version served since the sample before.

    Attributes:
        at: seconds since the epoch.
        served: by version.
        p99: milliseconds, of the version that gets the traffic, since the step; None: not known.
    """

    at: float
    served: Mapping[str, Served]
    p99: float | None


@dataclass
class Step:
    """One percentage that was asked for.

    Attributes:
        share: the version's percentage; 0 while it gets copies of requests.
        at: seconds since the epoch when every gateway routed by it.
        served: by version, since then.
        latency: by version, since then.
        samples: readings in between.
    """

    share: int
    at: float
    served: dict[str, Served] = field(default_factory=dict[str, Served])
    latency: dict[str, Latency] = field(default_factory=dict[str, Latency])
    samples: list[Sample] = field(default_factory=list[Sample])

    @property
    def name(self) -> str:
        """The percentage in words."""
        return f"at {self.share} %" if self.share else "mirrored"


@dataclass
class Report:
    """A whole shift.

    Attributes:
        stack: the stack's name.
        version: the version that got the traffic.
        before: the split from before the first step.
        limits: what the version had to hold.
        began: seconds since the epoch; so is `ended`.
        failure: why traffic was moved back; None when all steps stand.
        interrupted: whether a person or a pipeline stopped it.
        own_traffic: requests a second that the shift sent itself; None: it judged those of others alone.
    """

    stack: str
    version: str
    before: Weights
    limits: Limits
    began: float
    ended: float = 0.0
    failure: str | None = None
    interrupted: bool = False
    own_traffic: int | None = None
    steps: list[Step] = field(default_factory=list[Step])

    @classmethod
    def begin(cls, stack: str, plan: Plan, before: Weights) -> Self:
        """Return the report of a shift that begins now."""
        return cls(stack, plan.version, before, plan.limits, time.time(), own_traffic=plan.traffic)

    def to_json(self) -> str:
        """Return the report as JSON; times are seconds since the epoch, latencies milliseconds."""
        fields = asdict(self)
        for step, written in zip(self.steps, fields["steps"], strict=True):
            written["latency"] = {version: times.facts() for version, times in step.latency.items()}
        return json.dumps(fields, indent=2)

    def to_html(self) -> str:
        """Return the report as one HTML page that loads nothing else."""
        verdict = "went back" if self.failure else "all steps stand"
        title = f"Shift of {self.version} on stack {self.stack}: {verdict}"
        reason = f'<p class="bad">{html.escape(self.failure)}</p>' if self.failure else ""
        return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 900px; margin: 2em auto; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .3em .9em; text-align: right; }}
.table {{ overflow-x: auto; }} tr {{ border-bottom: 1px solid #d1d9e0; }} svg {{ width: 100%; }}
svg text {{ font-size: 12px; fill: #59636e; }}
.bad {{ color: {look.INKS[look.Tone.BAD].light}; font-weight: 600; }}
h1 {{ font-size: 1.4em; }} h2 {{ font-size: 1.1em; }}
</style>
<h1>{html.escape(title)}</h1>{reason}
<p>Before: {html.escape(shown(self.before))}. From {look.when(self.began)} to {look.when(self.ended)}.<br>
Each step had to hold: {html.escape(str(self.limits))}.{self._traffic()}</p>
<h2>Share of {html.escape(self.version)}: asked for (line) and measured (dots), %</h2>
{self._share_plot()}
<h2>Failed requests of {html.escape(self.version)}, %</h2>
{self._error_plot()}
<h2>p99 of {html.escape(self.version)} since each step began, ms</h2>
{self._latency_plot()}
<h2>Steps</h2>
{self._table()}
</html>
"""

    def write(self, folder: Path) -> Path:
        """Write both files into a folder, and return the HTML one."""
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.datetime.fromtimestamp(self.began, datetime.UTC).strftime("%Y%m%d-%H%M%S")
        page = folder / f"shift-{short(self.stack)}-{self.version}-{stamp}.html"
        page.write_text(self.to_html())
        page.with_suffix(".json").write_text(self.to_json())
        return page

    def _traffic(self) -> str:
        if self.own_traffic is None:
            return ""
        return f"<br>Not only users' requests: the shift itself sent {self.own_traffic} a second (--traffic)."

    def _share_plot(self) -> str:
        asked: list[tuple[float, float]] = []
        share = float(self.before.get(self.version, 0))
        for step in self.steps:
            asked += [(step.at, share), (step.at, float(step.share))]
            share = float(step.share)
        if self.steps:
            asked.insert(0, (self.began, asked[0][1]))
            asked.append((self._last(), share))
        measured = [
            (sample.at, 100 * self._ours(sample).requests / total)
            for step in self.steps
            if step.share
            for sample in step.samples
            if (total := sum(version.requests for version in sample.served.values()))
        ]
        return plot((self.began, self._last()), measured, 100.0, self._fill, line=asked)

    def _error_plot(self) -> str:
        rates = [
            (sample.at, 100 * self._ours(sample).error_rate)
            for sample in self._samples()
            if self._ours(sample).requests
        ]
        return self._limited(rates, 100 * self.limits.max_error_rate)

    def _latency_plot(self) -> str:
        times = [(sample.at, sample.p99) for sample in self._samples() if sample.p99 is not None]
        return (
            self._limited(times, self.limits.max_p99) if times else "<p>The gateways did not time them.</p>"
        )

    @property
    def _fill(self) -> str:
        """The version's colour, as the dashboard has it."""
        return look.colour(list({**self.before, self.version: 0}).index(self.version)).fill

    def _limited(self, dots: list[tuple[float, float]], limit: float | None) -> str:
        """A plot that has room for every dot and for the limit, which is dashed."""
        highest = max([1.0, limit or 0.0, *(value for _, value in dots)])
        unit = 10 ** math.floor(math.log10(highest))
        return plot(
            (self.began, self._last()), dots, unit * math.ceil(highest / unit), self._fill, limit=limit
        )

    def _samples(self) -> Iterator[Sample]:
        return (sample for step in self.steps for sample in step.samples)

    def _ours(self, sample: Sample) -> Served:
        return sample.served.get(self.version, Served())

    def _last(self) -> float:
        return max([self.began + 1, *(sample.at for sample in self._samples()), *(s.at for s in self.steps)])

    def _table(self) -> str:
        rows = "".join(self._row(step) for step in self.steps)
        names = ("asked", "requests", "measured", "failed", "failed, %", "p50, ms", "p99, ms")
        head = "".join(f"<th>{name}</th>" for name in names)
        return f'<div class="table"><table><tr>{head}</tr>{rows}</table></div>'

    def _row(self, step: Step) -> str:
        total = sum(version.requests for version in step.served.values())
        ours = step.served.get(self.version, Served())
        times = step.latency.get(self.version, Latency())
        cells = (
            look.weight(step.share) if step.share else step.name,
            f"{ours.requests} of {total}" if step.share else str(ours.requests),
            look.measured(ours.requests, total if step.share else 0),
            str(ours.errors),
            look.failed(ours.requests, ours.errors),
            *(html.escape(times.shown(part)) for part in (0.5, 0.99)),
        )
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
