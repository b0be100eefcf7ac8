"""`python -m bench`: measure on a lab of its own, print one table and keep the run's figures."""

import datetime
import json
import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import cluster, toolchain
from bench.figure import Figure

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
    figures += cluster.measure(rounds)
    Console().print(_table(figures))
    if keep:
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with HISTORY.open("a") as history:
            for figure in figures:
                history.write(json.dumps({"at": at, **figure.__dict__}) + "\n")


def _table(figures: list[Figure]) -> Table:
    table = Table("what", "against", "median", "least", "most", "ratio", "rounds")
    against = {figure.what: statistics.median(figure.samples) for figure in figures}
    for figure in figures:
        middle = statistics.median(figure.samples)
        ratio = f"{middle / against[figure.against]:.2f} : 1" if figure.against else ""
        spread = (
            f"{value:.1f} {figure.unit}" for value in (middle, min(figure.samples), max(figure.samples))
        )
        table.add_row(figure.what, figure.against or "", *spread, ratio, str(len(figure.samples)))
    return table


if __name__ == "__main__":
    app()
