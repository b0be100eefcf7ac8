"""`python -m bench.since REVISION`: an `up` of changed weights by this code and by a revision's, by turns.

Each has a stack of its own with the same config, for an app of its own on the mesh of one lab.
"""

import io
import shutil
import subprocess
import tarfile
from typing import Annotated

import typer
from rich.console import Console

from bench import report
from bench.figure import Figure, both_seconds
from bench.place import FOLDER, cluster
from harness.labs import LINKED, ROOT, Lab, Program, project_copy

# What of a revision an `up` runs.
CODE = ("__main__.py", "components")
# By so much more an `up` may take.
GOAL = 1.03


def main(
    revision: str, rounds: Annotated[int, typer.Option(min=1, help="Rounds of the two commands.")] = 10
) -> None:
    """Measure and print the figures. Example: .venv/bin/python -m bench.since 3b742de --rounds 20."""
    with cluster() as (lab, program):
        then, now = _stack(lab, program, "then"), _stack(lab, program, "now")
        _put_in_place(then, revision)
        by = {revision: then, "this code": now}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in by}
        # What is made, compiled or cached once counts for neither; nor does what one of them finds warm.
        for turn in range(-1, rounds):
            for name, one in sorted(by.items(), reverse=turn % 2 == 0):
                one.config(weights={"v1": 50 + turn % 2, "v2": 50 - turn % 2})
                took = both_seconds(one.up)
                taken[name] += [took] if turn >= 0 else []
    figures: list[Figure] = []
    for number, what in enumerate(("up of changed weights", "its processor time")):
        old, new = (tuple(one[number] for one in taken[name]) for name in by)
        figures += [
            Figure(f"{what}, {revision}", old),
            Figure(f"{what}, this code", new, against=f"{what}, {revision}", goal=GOAL),
        ]
    Console(width=150, highlight=False).print(report.table(figures))


def _stack(lab: Lab, program: Program, name: str) -> Program:
    made = project_copy(FOLDER / name, lab, name)
    address = program.outputs()["ingressHost"]
    kubeconfig = program.environment["KUBECONFIG"]
    made.config(
        cluster={"kind": "kubeconfig", "path": kubeconfig, "ingressAddress": address},
        istio={"install": False},
        app={"name": name},
        routing={"gateway": f"{name}-gateway", "hosts": [f"{name}.example"]},
    )
    return made


def _put_in_place(program: Program, revision: str) -> None:
    """Give a copy of the project the code of a revision in place of this one."""
    for name in LINKED:
        if not name.startswith("."):
            (program.folder / name).unlink()
    shutil.copy(ROOT / "requirements.txt", program.folder)
    command = ("git", "archive", revision, *CODE)
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(program.folder, filter="data")


if __name__ == "__main__":
    typer.run(main)
