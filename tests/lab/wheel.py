"""The wheel, and an environment of another project's that has it."""

import subprocess
import sys
from pathlib import Path

from tools.release import build_wheel

WHEN = 1_700_000_000


def environment(folder: Path) -> Path:
    """A virtual environment that has the wheel, and what it needs from the repository's own."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    wheel = build_wheel(folder / "wheel", WHEN)
    install = [sys.executable, "-m", "pip", "--python", venv, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    # Only what the wheel says that it needs, and that from the lock: nothing is downloaded.
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (site / "locked.pth").write_text("\n".join(theirs))
    return venv
