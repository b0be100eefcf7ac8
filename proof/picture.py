# matplotlib's own types leave keyword arguments open.
# pyright: reportUnknownMemberType=false
"""The picture of `docs/zero-drop.md`: answers by version over time, one row a change."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from proof.result import Result

BIN_SECONDS = 0.25
FAILED, BY_THEIRS = "failed", "failed by theirs"
FAILED_COLOUR = "#dc2626"
COLOURS = {
    "v1": "#2563eb",
    "v2": "#16a34a",
    "v3": "#9333ea",
    "v4": "#ea580c",
    FAILED: FAILED_COLOUR,
    BY_THEIRS: "#cbd5e1",
}
# Of the layers, which are pixels: as lines they would be two megabytes.
DOTS_PER_INCH = 120


def plot(results: Sequence[Result], output: Path) -> None:
    """Draw the answers by version over time, one row a change, with the moments of change marked."""
    figure = Figure(figsize=(11, 1.5 * len(results)), layout="constrained")
    for row, result in enumerate(results):
        _draw(figure.add_subplot(len(results), 1, row + 1), result)
    figure.supxlabel(
        "seconds; a step begins at a full line and ends at a dotted one; a red triangle is a failed request",
        fontsize="small",
    )
    figure.savefig(output, dpi=DOTS_PER_INCH, metadata={"Date": None})


def _draw(axes: Axes, result: Result) -> None:
    started = min((request.sent for request in result.requests), default=0.0)
    answers: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for request in result.requests:
        failed = BY_THEIRS if result.is_theirs(request) else FAILED
        name = failed if request.failure else request.version
        answers[name][int((request.sent - started) / BIN_SECONDS)] += 1
    last = max((max(bins) for bins in answers.values()), default=0)
    times = [index * BIN_SECONDS for index in range(last + 1)]
    names = sorted(answers)
    series = [[answers[name][index] / BIN_SECONDS for index in range(last + 1)] for name in names]
    colours = [COLOURS.get(name, "#64748b") for name in names]
    if series:
        axes.stackplot(times, *series, labels=names, colors=colours, step="post", rasterized=True)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small")
    for mark in result.marks:
        begins = mark.what == "begins"
        axes.axvline(mark.at - started, color="black", linewidth=0.8, linestyle="-" if begins else ":")
    # One failed request among thousands is too thin a layer to see.
    failures = [request.sent - started for request in result.failed]
    top = [0.92] * len(failures)
    axes.plot(failures, top, "v", color=FAILED_COLOUR, transform=axes.get_xaxis_transform())
    axes.set_title(
        f"{result.name}: {len(result.failed)} of {len(result.requests)} failed", fontsize="small", loc="left"
    )
    axes.set_ylabel("answers/s", fontsize="small")
    axes.tick_params(labelsize="small")
    axes.margins(x=0)
