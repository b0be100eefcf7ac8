"""The commands that the pages name: those of their shell blocks, and those within a sentence."""

import re
from pathlib import Path

from harness.labs import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^( *)```(?:sh|console)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_ANY_BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def typed(page: Path) -> list[str]:
    """Every command of a page's shell blocks, without its prompt and its comment."""
    blocks = (block.replace("\\\n", " ") for _, block in _BLOCK.findall(page.read_text()))
    lines = (line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines())
    return [command for line in lines if (command := re.sub(r"(^|\s+)#\s.*", "", line))]


def named(page: Path) -> list[str]:
    """Every piece of code within a sentence."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _ANY_BLOCK.sub("", page.read_text()))
