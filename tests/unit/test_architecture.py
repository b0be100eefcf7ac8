"""docs/architecture.md says which room may import which: held to what the files import."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSIDE = {path.parent.name for path in (ROOT / "components").glob("*/__init__.py")}
OUTSIDE = ("rollout", "lab", "tools", "harness", "proof", "bench", "tests")


def allowed() -> dict[str, set[str]]:
    """The table of the page: by room, what it may import."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    return {room: set(re.findall(r"`(\w+)`", cells)) for room, cells in rows}


def room(module: list[str]) -> str | None:
    """The room of a module, by its dotted parts; None of what is not ours."""
    if module[0] != "components":
        return module[0] if module[0] in (*OUTSIDE, "__main__") else None
    below = module[1] if len(module) > 1 else ""
    return below if below in INSIDE or below == "errors" else "components"


def imported(file: Path) -> Iterator[list[str]]:
    """Each name that a file imports, by its dotted parts."""
    package = list(file.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            for name in node.names:
                yield [*above, *(node.module.split(".") if node.module else []), name.name]
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.split(".")


FILES = [
    ROOT / "__main__.py",
    *(file for top in ("components", *OUTSIDE[:-1]) for file in (ROOT / top).rglob("*.py")),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_what_the_page_says(file: Path) -> None:
    here = room(list(file.relative_to(ROOT).with_suffix("").parts))
    assert here
    others = {there for name in imported(file) if (there := room(name)) is not None and there != here}
    assert others <= allowed()[here], f"docs/architecture.md: {here} may not import these"


def test_the_page_has_every_room_and_no_circle() -> None:
    table = allowed()
    assert set(table) == {"__main__", "components", "errors", *INSIDE, *OUTSIDE[:-1]}
    left = dict(table)
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in free}
