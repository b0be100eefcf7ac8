"""A clone of the project with an environment of its own, so that what is typed in it changes nothing here."""

import subprocess
import sys
from pathlib import Path

from harness.labs import ROOT


def clone(folder: Path) -> None:
    """Copy the files that Git knows into a new folder, and give it the Python packages that are here."""
    folder.mkdir(parents=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["cp", "--parents", "-t", folder, *listed.split(b"\0")[:-1]], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv" / "lib").glob("python3*/site-packages")
    here = [path for path in sys.path if path.endswith("-packages")]
    (packages / "packages.pth").write_text("".join(f"{path}\n" for path in here))
    # `make setup` then finds nothing to install.
    made_from = "cat requirements.lock tools/bootstrap.sh | cksum >.venv/.made-from"
    subprocess.run(["sh", "-c", made_from], cwd=folder, check=True)
