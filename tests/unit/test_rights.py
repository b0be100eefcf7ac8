"""docs/rights: the page names every file of it, and whoever makes an object may read it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from harness.labs import ROOT


def rights(*names: str) -> set[tuple[str, str]]:
    """The resource and the verb of every right that these files have together."""
    files = [yaml.safe_load((ROOT / "docs" / "rights" / f"{name}.yaml").read_text()) for name in names]
    rules: Sequence[Mapping[str, Any]] = [rule for file in files for rule in file["rules"]]
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def test_the_page_names_every_file() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    files = {f"rights/{file.name}" for file in (ROOT / "docs" / "rights").iterdir()}
    assert files - set(re.findall(r"\]\((rights/[^)]+)\)", page)) == set()


@pytest.mark.parametrize("evidence", ["verify", "requests"])
@pytest.mark.parametrize("who", ["up", "preview"])
def test_whatever_is_made_may_be_read_by_up_and_by_a_preview(who: str, evidence: str) -> None:
    """Each is asked for before it is made, and by every refresh."""
    made = {resource for resource, verb in rights("up") if verb == "create"}
    assert {(resource, "get") for resource in made} - rights(evidence, who) == set()
