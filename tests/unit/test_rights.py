"""docs/rights: the page names every file of it."""

import re

from harness.labs import ROOT


def test_the_page_names_every_file() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    files = {f"rights/{file.name}" for file in (ROOT / "docs" / "rights").iterdir()}
    assert files - set(re.findall(r"\]\((rights/[^)]+)\)", page)) == set()
