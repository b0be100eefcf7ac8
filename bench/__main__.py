"""`python -m bench`: measure on labs of its own, print one table and keep the run's figures."""

import datetime
import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import commands, convergence, growth, memory, start, toolchain
from bench.figure import Figure, ratios
from bench.place import cluster
from gateway.errors import GatewayError

HISTORY = Path(__file__).parent / "history.jsonl"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each timed command.")] = 5,
    cold: Annotated[bool, typer.Option(help="Build every tool in an empty cache too: half an hour.")] = False,
    keep: Annotated[bool, typer.Option(help="Add the figures to bench/history.jsonl.")] = False,
) -> None:
    """Measure and print the figures. Example: python -m bench --rounds 5 --keep."""
    figures: list[Figure] = []
    if cold:
        with tempfile.TemporaryDirectory(prefix="blue-green-bench-") as folder:
            figures.append(toolchain.cold_build(Path(folder)))
    figures += _measured(lambda: start.measure(rounds))
    with cluster() as (lab, program):
        for measure in (
            lambda: commands.measure(lab, program, rounds),
            lambda: convergence.measure(program, rounds),
            lambda: memory.measure(lab, program, rounds),
            lambda: growth.measure(program, rounds),
        ):
            figures += _measured(measure)
    Console(width=150).print(_table(figures))
    if keep:
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with HISTORY.open("a") as history:
            for figure in figures:
                history.write(json.dumps({"at": at, **figure.__dict__}) + "\n")


def _measured(measure: Callable[[], list[Figure]]) -> list[Figure]:
    """The figures; none, and the reason on the terminal, where a command failed: the others still count."""
    try:
        return measure()
    except (AssertionError, GatewayError, subprocess.SubprocessError) as error:
        Console(stderr=True).print(f"not measured: {error}", markup=False)
        return []


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("what", "median", "least to most", "against", "ratio", "least to most", "goal", "rounds")
    for figure in figures:
        table.add_row(
            figure.what,
            f"{statistics.median(figure.samples):.4g} {figure.unit}",
            _spread(figure.samples),
            figure.against or "",
            *_ratio(ratios(figure, figures)),
            figure.goal,
            str(len(figure.samples)),
        )
    return table


def _ratio(found: Sequence[float]) -> tuple[str, str]:
    return (f"{statistics.median(found):.2f} : 1", _spread(found)) if found else ("", "")


def _spread(samples: Sequence[float]) -> str:
    return f"{min(samples):.3g} to {max(samples):.3g}" if len(samples) > 1 else ""


if __name__ == "__main__":
    app()
