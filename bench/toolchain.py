"""How long the tools take to build where nothing is cached."""

import os
import subprocess
from pathlib import Path

from bench.figure import Figure, seconds
from harness.labs import ROOT


def cold_build(folder: Path) -> Figure:
    """Clone the project and run `make tools` with an empty cache directory."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "BUILD": "source"}
    took = seconds(lambda: subprocess.run(["make", "tools"], cwd=clone, env=environment, check=True))
    return Figure("make tools, nothing cached", (took,), goal=1200)
