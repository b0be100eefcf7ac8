"""The table of the figures."""

import statistics
from collections.abc import Sequence

from rich.table import Table

from bench.figure import Figure, missed, ratios

COLUMNS = ("what", "median", "least to most", "against", "ratio", "least to most", "goal", "rounds")


def table(figures: Sequence[Figure]) -> Table:
    """Return the table for a terminal."""
    made = Table(*COLUMNS)
    for figure in figures:
        made.add_row(*_row(figure, figures))
    return made


def markdown(figures: Sequence[Figure]) -> str:
    """Return the table for a page, and under it what holds each goal that was missed."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(figure, figures) for figure in figures)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"- {reason}" for reason in reasons(figures))]).rstrip()


def reasons(figures: Sequence[Figure]) -> list[str]:
    """Return what holds each goal that was missed, a sentence each."""
    return [
        f"{figure.what}: {figure.held_by or 'what holds it is not known yet'}."
        for figure in figures
        if missed(figure, figures)
    ]


def _row(figure: Figure, figures: Sequence[Figure]) -> tuple[str, ...]:
    return (
        figure.what,
        f"{statistics.median(figure.samples):.4g} {figure.unit}",
        _spread(figure.samples),
        figure.against or "",
        *_ratio(ratios(figure, figures)),
        _goal(figure, figures),
        str(len(figure.samples)),
    )


def _goal(figure: Figure, figures: Sequence[Figure]) -> str:
    if figure.goal is None:
        return ""
    goal = f"{figure.goal:g} {': 1' if figure.against else figure.unit}"
    return f"{goal}, missed" if missed(figure, figures) else goal


def _ratio(found: Sequence[float]) -> tuple[str, str]:
    return (f"{statistics.median(found):.2f} : 1", _spread(found)) if found else ("", "")


def _spread(samples: Sequence[float]) -> str:
    return f"{min(samples):.3g} to {max(samples):.3g}" if len(samples) > 1 else ""
