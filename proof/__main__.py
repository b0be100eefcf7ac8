"""`python -m proof`: every transition and fault under load, on a lab of its own."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from harness.labs import ROOT, lab_host, project_copy
from proof import accuracy, others, page, picture, rate, report
from proof.faults import FAULTS
from proof.result import Result
from proof.run import under_load
from proof.steps import HALF, to
from proof.transitions import TRANSITIONS

FOLDER = ROOT / ".lab" / "proof"
SUBNET = "192.168.54.0/24"
DOCS = ROOT / "docs"
PICTURE = (
    "![answers by version over time, one row a change, the moments of change marked](zero-drop.svg)\n\n"
    "The figures behind it: [zero-drop.json](zero-drop.json)."
)
SHARES = "measured shares"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@app.command()
def main(
    highest: Annotated[
        float,
        typer.Option("--rate", min=1, help="Requests a second; fewer where the machine does not hold it."),
    ] = 2000,
    only: Annotated[str, typer.Option(help="Only the changes whose name contains this.")] = "",
    write: Annotated[bool, typer.Option(help="Renew docs/zero-drop.md, its picture and figures.")] = False,
) -> None:
    """Prove that no change drops a request. Example: .venv/bin/python -m proof --rate 500 --write."""
    results: list[Result] = []
    shares: list[accuracy.Measured] = []
    with lab_host(FOLDER, SUBNET) as lab:
        program = project_copy(FOLDER / "project", lab)
        program.config(routing={"retries": {"attempts": 0}})
        program.up()
        others.make_older(program)
        held = rate.highest_held(program, highest, FOLDER / "requests", console.print)
        changes = [(one.name, one.steps, 0, "no request fails") for one in TRANSITIONS]
        changes += [(one.name, one.steps(lab), one.allowed(held.usable), one.promise) for one in FAULTS]
        for name, steps, allowed, promise in (one for one in changes if only in one[0]):
            result = under_load(
                program,
                name,
                steps,
                rate=held.usable,
                folder=FOLDER / "requests",
                allowed=allowed,
                promise=promise,
                tell=console.print,
            )
            results.append(result)
            _tell(result)
            if result.error:
                to(HALF, ("v1", "v2"))(program)
        if only in SHARES:
            shares = accuracy.measure(program, held.usable, FOLDER / "requests", console.print)
        program.run("pulumi", "destroy", "--yes", "--non-interactive")
    tables = "\n\n".join(
        text
        for text in (
            f"The rate: {held.usable:.0f} requests/s, half of what was held beside a preview: {held}.",
            report.table(results),
            accuracy.table(shares),
        )
        if text
    )
    print(tables)
    if write:
        _write(results, tables)
    broken = [result.name for result in results if not result.kept]
    broken += [f"{SHARES} {dict(one.weights)}" for one in shares if not one.kept]
    if broken or not (results or shares):
        sys.exit(f"proof: not kept: {', '.join(broken) or 'nothing was run'}")


def _tell(result: Result) -> None:
    mark = "[green]kept[/]" if result.kept else "[bold red]not kept[/]"
    console.print(f"{mark} {result.name}: {len(result.failed)} of {len(result.requests)} failed")
    if result.failed:
        console.print(f"  {report.reasons(result)}", markup=False)
    if result.error:
        console.print(f"  {result.error}", markup=False)


def _write(results: list[Result], tables: str) -> None:
    picture.plot(results, DOCS / "zero-drop.svg")
    (DOCS / "zero-drop.json").write_text(report.raw(results))
    page.renew(DOCS / "zero-drop.md", f"{tables}\n\n{PICTURE}")


if __name__ == "__main__":
    app()
