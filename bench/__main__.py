"""`python -m bench`: measure on labs of its own, print one table and keep the run's figures."""

import datetime
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import commands, convergence, dashboard, docker, growth, memory, mesh, report, start, toolchain
from bench.figure import Figure
from bench.place import cluster
from components.kubernetes.errors import GatewayError
from proof import page

HISTORY = Path(__file__).parent / "history.jsonl"
PAGE = HISTORY.parents[1] / "docs" / "performance.md"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each timed command.")] = 5,
    cold: Annotated[bool, typer.Option(help="Build every tool in an empty cache too: half an hour.")] = False,
    only: Annotated[str, typer.Option(help="Only the parts whose name contains this.")] = "",
    minutes: Annotated[int, typer.Option(min=1, help="How long one page of the dashboard stays open.")] = 5,
    keep: Annotated[
        bool, typer.Option(help="Add the figures to bench/history.jsonl, the table to docs/performance.md.")
    ] = False,
) -> None:
    """Measure and print the figures. Example: .venv/bin/python -m bench --rounds 5 --keep."""
    figures: list[Figure] = []
    if cold:
        with tempfile.TemporaryDirectory(prefix="blue-green-bench-") as folder:
            figures.append(toolchain.cold_build(Path(folder)))
    if only in "start":
        figures += _measured(lambda: start.measure(rounds))
    if only in "docker":
        figures += _measured(lambda: docker.measure(rounds))
    if only in "mesh":
        figures += _measured(lambda: mesh.measure(rounds))
    with cluster() as (lab, program):
        parts = {
            "commands": lambda: commands.measure(lab, program, rounds),
            "convergence": lambda: convergence.measure(program, rounds),
            "rollback": lambda: convergence.measure_rollback(program, rounds),
            "memory": lambda: memory.measure(lab, program, rounds),
            "dashboard": lambda: dashboard.measure(program, minutes),
            "growth": lambda: growth.measure(program, rounds),
        }
        for measure in (measure for name, measure in parts.items() if only in name):
            figures += _measured(measure)
    console = Console(width=150, highlight=False)
    console.print(report.table(figures))
    console.print(*report.reasons(figures), sep="\n")
    if keep:
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with HISTORY.open("a") as history:
            for figure in figures:
                line = {"what": figure.what, "samples": figure.samples, "unit": figure.unit}
                history.write(json.dumps({"at": at, **line, "against": figure.against}) + "\n")
        if not only:
            page.renew(PAGE, report.markdown(figures))


def _measured(measure: Callable[[], list[Figure]]) -> list[Figure]:
    """The figures; none, and the reason on the terminal, where a command failed: the others still count."""
    try:
        return measure()
    except (AssertionError, GatewayError, subprocess.SubprocessError) as error:
        Console(stderr=True).print(f"not measured: {error}", markup=False)
        return []


if __name__ == "__main__":
    app()
