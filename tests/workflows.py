"""The GitHub workflows as data."""

from pathlib import Path
from typing import Any, cast

import yaml

FOLDER = Path(__file__).resolve().parents[1] / ".github" / "workflows"


def load(name: str) -> dict[str, Any]:
    """Return the workflow in the file of that name."""
    # YAML 1.1 reads the key `on` as true.
    text = (FOLDER / name).read_text().replace("\non:", '\n"on":')
    return cast("dict[str, Any]", yaml.safe_load(text))


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of all its jobs."""
    return [step for job in load(name)["jobs"].values() for step in job["steps"]]
