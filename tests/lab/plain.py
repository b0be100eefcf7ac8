"""A fresh checkout on a machine with nothing on PATH but pulumi and python3, beside the session's cluster."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from harness.labs import ROOT, Program


@contextmanager
def checkout(program: Program, at: Path, stack: str) -> Generator[Program]:
    """A clone of the project below a folder; what its stack has made goes at the end."""
    folder, path = at / "clone", at / "bin"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, files.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    path.mkdir()
    # Pulumi looks for its language host beside itself.
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        (path / name).symlink_to((ROOT / ".tools" / "bin" / "pulumi").resolve().parent / name)
    # The interpreter itself: what PATH has may be a script of a version manager.
    (path / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    kept = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "HOME", "KUBECONFIG", "TMPDIR")
    pip = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))
    }
    environment = {
        **{name: program.environment[name] for name in kept if name in program.environment},
        **pip,
        "PATH": str(path),
        # Its plugin is in Pulumi's home already; the makers' server may be out of reach.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    made = Program(folder, stack, environment)
    try:
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--remove", "--stack", stack, check=False)
