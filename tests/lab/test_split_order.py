"""docs/order.md's table of transitions against the engine's event log."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.labs import ROOT, Program

IMAGES = {
    "v1": "janakiramm/myapp:v1",
    "v2": "janakiramm/myapp:v2",
    "v3": "janakiramm/myapp:v2",
}


@dataclass(frozen=True)
class Transition:
    """One row: the weights before and after, and the steps in stages."""

    name: str
    before: dict[str, int]
    after: dict[str, int]
    stages: tuple[frozenset[str], ...]


def _weights(cell: str) -> dict[str, int]:
    return {version: int(weight) for version, weight in re.findall(r"(\w+)=(\d+)", cell)}


def transitions() -> list[Transition]:
    text = (ROOT / "docs" / "order.md").read_text()
    section = text.partition("## Transitions")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if "=" in line]
    found: list[Transition] = []
    for name, before, after, steps in rows:
        stages = [frozenset(stage.split(", ")) for stage in steps.split(" → ") if stage != "nothing"]
        found.append(Transition(name, _weights(before), _weights(after), tuple(stages)))
    return found


def apply(program: Program, weights: dict[str, int], log: Path) -> None:
    program.config(versions={name: {"image": IMAGES[name]} for name in weights}, weights=weights)
    log.unlink(missing_ok=True)
    program.up("--skip-preview", "--event-log", str(log))


def steps(log: Path) -> Iterator[tuple[str, str]]:
    """Pairs of `begin` or `end` and a step, in the order of the events."""
    for line in log.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        for key, moment in (("resourcePreEvent", "begin"), ("resOutputsEvent", "end")):
            if key in event:
                metadata = event[key]["metadata"]
                name = metadata["urn"].rpartition("::")[2]
                if metadata["op"] in {"create", "update", "delete"} and name.startswith("myapp-"):
                    yield moment, f"{metadata['op']} {name.removeprefix('myapp-')}"


@pytest.mark.timeout(600)
def test_every_transition_takes_the_documented_steps(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(program.environment, "PULUMI_DEBUG_COMMANDS", "1")  # pyright: ignore[reportArgumentType]
    rows = transitions()
    for earlier, later in itertools.pairwise(rows):
        assert earlier.after == later.before, f"{earlier.name} does not lead to {later.name}"
    log = tmp_path / "events.json"
    apply(program, rows[0].before, log)
    for row in rows:
        apply(program, row.after, log)
        seen = list(steps(log))
        ended = [step for moment, step in seen if moment == "end"]
        assert sorted(ended) == sorted(itertools.chain(*row.stages)), row.name
        for first, second in itertools.pairwise(row.stages):
            last = max(seen.index(("end", step)) for step in first)
            start = min(seen.index(("begin", step)) for step in second)
            assert last < start, f"{row.name}: {second} began before {first} ended"
