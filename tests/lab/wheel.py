"""The wheel, and an environment of another project's that has it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness.labs import ROOT


def build(folder: Path) -> Path:
    """The wheel, as `make dist` builds it: without what an earlier build has left."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    lock = ROOT / ".lab" / "wheel.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        # The other process of the tests may be building it, in the same folder.
        fcntl.flock(held, fcntl.LOCK_EX)
        shutil.rmtree(ROOT / "build", ignore_errors=True)
        subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path) -> Path:
    """A virtual environment that has the wheel, and what it needs from the repository's own."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    wheel = build(folder / "wheel")
    install = [sys.executable, "-m", "pip", "--python", venv, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True)
    # Only what the wheel says that it needs, and that from the lock: nothing is downloaded.
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (site / "locked.pth").write_text("\n".join(theirs))
    return venv
