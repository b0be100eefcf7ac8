"""No page names a command, an option, a make target, a file or an anchor that is not there."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.labs import ROOT
from tests.documented import PAGES, named, typed

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = frozenset(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
# What make hands on is read by its own variables, or by a program from the environment.
READ = "".join(
    file.read_text() for file in (ROOT / "Makefile", ROOT / "tests" / "conftest.py", *ROOT.glob("lab/*.py"))
)
OURS = {
    "bench": "bench.__main__",
    "lab": "lab.commands",
    "proof": "proof.__main__",
    "rollout": "components.commands.main",
    "tools": "tools.commands",
}
# What a sentence leaves open.
OPEN = re.compile(r"…|\.\.\.|\b[A-Z]{2,}\b(?!=)")
FILE = re.compile(r"(?<![\w./-])((?:tests|docs|components|proof|bench|tools|lab|harness)/[\w./-]+)")


def commands(page: Path) -> list[str]:
    """What a page types, and what its sentences name as a whole command."""
    return [*typed(page), *(one for one in named(page) if not OPEN.search(one))]


def of(*programs: str) -> Iterator[tuple[Path, list[str]]]:
    """The commands of some programs, by page, each as its words."""
    for page in PAGES:
        for command in commands(page):
            whole = re.sub(r'^eval "\$\((.*)\)"$', r"\1", command)
            words = shlex.split(re.split(r" [|>] ", whole)[0]) if whole.startswith(programs) else []
            if words and words[0] in programs:
                yield page, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_has_the_targets_and_the_variables(page: Path) -> None:
    for _, words in (one for one in of("make") if one[0] == page):
        for word in words[1:]:
            variable, equals, _ = word.partition("=")
            known = re.search(rf"\b{variable}\b", READ) if equals else variable in TARGETS
            assert word == "-s" or known, f"{page.name}: {words}"


def test_our_commands_take_the_options_that_the_pages_type() -> None:
    wrong: list[str] = []
    for page, words in of("blue-green", "python3", ".venv/bin/python"):
        # The Python alone, as what a machine has to have.
        if words == ["python3"]:
            continue
        name, *rest = words[2:] if words[0] != "blue-green" else ["rollout", *words[1:]]
        app: typer.Typer = importlib.import_module(OURS[name]).app
        # The help comes when the options are known, and before anything is done.
        done = CliRunner().invoke(app, [*rest, "--help"])
        if done.exit_code:
            wrong.append(f"{page.name}: {shlex.join(words)}: {done.output.splitlines()[-2]}")
    assert wrong == []


def test_no_page_types_python_by_a_name_that_a_fresh_debian_does_not_have() -> None:
    assert [(page.name, words) for page, words in of("python")] == []


def test_the_files_and_pages_that_are_named_exist() -> None:
    wrong: list[str] = []
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text())
        for path, anchor in links:
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                wrong.append(f"{page.name}: {path}#{anchor}")
        paths = (path for one in commands(page) for path in FILE.findall(one))
        wrong += [f"{page.name}: {path}" for path in paths if not (ROOT / path).exists()]
    assert wrong == []


def test_each_picture_is_told_in_words_loads_nothing_else_and_is_light() -> None:
    for page in PAGES:
        for words, name in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert len(words.split()) >= 4, f"{page.name}: {name}: {words!r}"
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 150_000, picture.name
        if picture.suffix == ".svg":
            assert not re.search(r"url\(\W?http|href=\W?http", picture.read_text()), picture.name


def anchors(page: Path) -> set[str]:
    """What a link can point to, as GitHub names headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}
