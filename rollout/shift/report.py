"""What a shift did: as JSON for machines, and as one HTML file with plots for people."""

import datetime
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rollout.statistics import margin
from rollout.traffic import Served
from rollout.weights import Weights, shown

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 860, 220, 46, 26


@dataclass(frozen=True)
class Sample:
    """What each version served since the sample before.

    Attributes:
        at: seconds since the epoch.
        served: by version.
    """

    at: float
    served: Mapping[str, Served]


@dataclass
class Step:
    """One percentage that was asked for.

    Attributes:
        share: the version's percentage.
        at: seconds since the epoch when every gateway routed by it.
        served: by version, since then.
        samples: readings in between.
    """

    share: int
    at: float
    served: dict[str, Served] = field(default_factory=dict[str, Served])
    samples: list[Sample] = field(default_factory=list[Sample])


@dataclass
class Report:
    """A whole shift.

    Attributes:
        stack: the stack's name.
        version: the version that got the traffic.
        before: the split from before the first step.
        began: seconds since the epoch; so is `ended`.
        failure: why traffic was moved back; None when all steps stand.
        interrupted: whether a person or a pipeline stopped it.
    """

    stack: str
    version: str
    before: Weights
    began: float
    ended: float = 0.0
    failure: str | None = None
    interrupted: bool = False
    steps: list[Step] = field(default_factory=list[Step])

    def to_json(self) -> str:
        """Return the report as JSON; times are seconds since the epoch."""
        return json.dumps(asdict(self), indent=2)

    def to_html(self) -> str:
        """Return the report as one HTML page that loads nothing else."""
        verdict = "went back" if self.failure else "all steps stand"
        title = f"Shift of {self.version} on stack {self.stack}: {verdict}"
        reason = f'<p class="bad">{html.escape(self.failure)}</p>' if self.failure else ""
        return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 900px; margin: 2em auto; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .3em .9em; text-align: right; }}
tr {{ border-bottom: 1px solid #d1d9e0; }} svg {{ width: 100%; }}
svg text {{ font-size: 12px; fill: #59636e; }}
.bad {{ color: #b3261e; font-weight: 600; }} h1 {{ font-size: 1.4em; }} h2 {{ font-size: 1.1em; }}
</style>
<h1>{html.escape(title)}</h1>{reason}
<p>Before: {html.escape(shown(self.before))}. From {_time(self.began)} to {_time(self.ended)}.</p>
<h2>Share of {html.escape(self.version)}: asked for (line) and measured (dots), %</h2>
{self._share_plot()}
<h2>Failed requests of {html.escape(self.version)}, %</h2>
{self._error_plot()}
<h2>Steps</h2>
{self._table()}
</html>
"""

    def write(self, folder: Path) -> Path:
        """Write both files into a folder, and return the HTML one."""
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.datetime.fromtimestamp(self.began, datetime.UTC).strftime("%Y%m%d-%H%M%S")
        page = folder / f"shift-{self.stack}-{self.version}-{stamp}.html"
        page.write_text(self.to_html())
        page.with_suffix(".json").write_text(self.to_json())
        return page

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
            for sample in self._samples()
            if (total := sum(version.requests for version in sample.served.values()))
        ]
        return self._plot(asked, measured, 100.0)

    def _error_plot(self) -> str:
        rates = [
            (sample.at, 100 * self._ours(sample).error_rate)
            for sample in self._samples()
            if self._ours(sample).requests
        ]
        highest = max([0.0, *(rate for _, rate in rates)])
        return self._plot([], rates, max(10.0, 10.0 * math.ceil(highest / 10)))

    def _samples(self) -> Iterator[Sample]:
        return (sample for step in self.steps for sample in step.samples)

    def _ours(self, sample: Sample) -> Served:
        return sample.served.get(self.version, Served())

    def _last(self) -> float:
        return max([self.began + 1, *(sample.at for sample in self._samples()), *(s.at for s in self.steps)])

    def _plot(
        self, line: Sequence[tuple[float, float]], dots: Sequence[tuple[float, float]], top: float
    ) -> str:
        span = self._last() - self.began

        def x(at: float) -> float:
            return _LEFT + (at - self.began) / span * (_WIDTH - _LEFT - 16)

        def y(value: float) -> float:
            return (_HEIGHT - _BOTTOM) - value / top * (_HEIGHT - _BOTTOM - 12)

        grid = "".join(
            f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#d1d9e0"/>'
            f'<text x="{_LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
            for v in (0.0, top / 2, top)
        )
        times = "".join(
            f'<text x="{x(self.began + part * span):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">'
            f"{part * span:.0f} s</text>"
            for part in (0.0, 0.25, 0.5, 0.75, 0.97)
        )
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line)
        path = f'<polyline points="{points}" fill="none" stroke="#1a7f37" stroke-width="2"/>' if line else ""
        marks = "".join(
            f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="3" fill="#0969da"/>' for at, value in dots
        )
        return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{grid}{times}{path}{marks}</svg>'

    def _table(self) -> str:
        rows = "".join(self._row(step) for step in self.steps)
        head = "<th>asked</th><th>requests</th><th>measured</th><th>failed</th><th>failed, %</th>"
        return f"<table><tr>{head}</tr>{rows}</table>"

    def _row(self, step: Step) -> str:
        total = sum(version.requests for version in step.served.values())
        ours = step.served.get(self.version, Served())
        share = ours.requests / total if total else 0.0
        measured = f"{share:.1%} ± {margin(share, total):.1%}" if total else "-"
        return (
            f"<tr><td>{step.share} %</td><td>{ours.requests} of {total}</td><td>{measured}</td>"
            f"<td>{ours.errors}</td><td>{ours.error_rate:.1%}</td></tr>"
        )


def _time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
