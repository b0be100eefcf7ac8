"""What a person types each day, beside the same command on an empty program and on a small one."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bench.figure import Figure, seconds
from bench.place import FOLDER, ROOT
from harness.labs import Lab, Program

EMPTY_UP, EMPTY_PREVIEW = "up of an empty program", "preview of an empty program"
SMALLEST_UP = "up of one object and one dynamic resource"
CHANGED, UNPROVED = "up of changed weights", "up of changed weights, proof left out"
PULUMIS_OWN = (
    "Pulumi starts two providers twice in each run and reads every object before it; "
    "docs/performance.md has the parts, and what was tried"
)
UNASKED, SMALLEST = (Path(__file__).with_name(name) for name in ("unasked.py", "smallest.py"))


def measure(lab: Lab, program: Program, rounds: int) -> list[Figure]:
    """Time the commands by turns, each once a round."""
    empty, unproved = _other(lab, "empty", "import pulumi\n"), _unproved(program)
    smallest = _other(lab, "smallest", SMALLEST.read_text(), "{refresh: always}")
    times: dict[str, list[float]] = {}

    def take(what: str, action: Callable[[], object]) -> None:
        times.setdefault(what, []).append(seconds(action))

    for turn in range(rounds):
        _set(program, 10 * (turn % 5))
        take("preview of changed weights", program.preview)
        take(CHANGED, program.up)
        take("up of nothing changed", program.up)
        take("rollback", lambda: program.run("python", "-m", "rollout", "rollback"))
        take(EMPTY_PREVIEW, empty.preview)
        take(EMPTY_UP, empty.up)
        take(SMALLEST_UP, smallest.up)
        _set(unproved, 10 * (turn % 5) + 5)
        take(UNPROVED, unproved.up)
        _set(program, 100)
        program.up("--skip-preview")

    def figure(what: str, against: str | None = None, goal: float | None = None, held_by: str = "") -> Figure:
        return Figure(what, tuple(times[what]), "s", against, goal, held_by)

    return [
        figure(EMPTY_UP),
        figure(EMPTY_PREVIEW),
        figure(SMALLEST_UP, EMPTY_UP),
        figure(CHANGED, EMPTY_UP, 2, PULUMIS_OWN),
        figure("up of nothing changed", EMPTY_UP, 1.7, PULUMIS_OWN),
        figure("preview of changed weights", EMPTY_PREVIEW, 1.7, PULUMIS_OWN),
        figure(
            "rollback",
            CHANGED,
            0.7,
            "four starts of Pulumi: config, history, write, `up`",
        ),
        figure(UNPROVED, EMPTY_UP),
    ]


def _set(program: Program, weight: int) -> None:
    program.config(weights={"v1": 100 - weight, "v2": weight})


def _other(lab: Lab, name: str, program: str, options: str = "{}") -> Program:
    """Another program of its own project, after its first `up`."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    runtime = f"{{name: python, options: {{virtualenv: {Path(sys.prefix)}}}}}"
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: {runtime}\noptions: {options}\n")
    (folder / "__main__.py").write_text(program)
    made = Program(folder, name, {**lab.environment, "PULUMI_STACK": name})
    made.run("pulumi", "stack", "select", "--create", name)
    made.up()
    return made


def _unproved(program: Program) -> Program:
    """The same stack from a copy of the project whose gateways are never asked."""
    folder = FOLDER / "unproved"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(program.folder, folder, symlinks=True)
    components = folder / "components"
    components.unlink()
    shutil.copytree(ROOT / "components", components, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(UNASKED, components / "gateway" / "convergence.py")
    return Program(folder, program.stack, program.environment)
