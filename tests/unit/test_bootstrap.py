"""`make setup` where the clone is a copy, was moved, or the machine's Python is another one by now."""

import os
import shutil
import subprocess
from pathlib import Path

from harness.clones import clone
from harness.pace import pace

# A Python that notes what it is asked, and makes a virtual environment of itself.
OTHER_PYTHON = """\
#!/bin/sh
echo "$*" >>"$ASKED"
case $* in
-V) echo Python 3.99.0 ;;
"-m venv --clear .venv")
    rm -rf .venv && mkdir -p .venv/bin .venv/lib/python3.99/site-packages && cp "$0" .venv/bin/python
    ;;
esac
"""


def made(folder: Path) -> Path:
    """A clone whose one command says which folder's code it runs, after `make setup`."""
    clone(folder)
    code = folder / "components" / "commands" / "main.py"
    code.write_text("import sys\n\ndef main():\n    print(__file__, *sys.argv[1:])\n")
    set_up(folder)
    return folder


def set_up(folder: Path, **environment: str) -> str:
    done = subprocess.run(
        ["tools/bootstrap.sh", "dev"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60 * pace(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def says(folder: Path) -> str:
    """What the clone's command says from another folder."""
    command = [folder / ".venv" / "bin" / "blue-green", "one argument"]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout


def test_the_command_of_a_copied_and_of_a_moved_clone_runs_their_own_code(tmp_path: Path) -> None:
    first = made(tmp_path / "the first clone")
    assert says(first) == f"{first}/components/commands/main.py one argument\n"
    copied = shutil.copytree(first, tmp_path / "copied", symlinks=True)
    set_up(copied)
    assert says(copied) == f"{copied}/components/commands/main.py one argument\n"
    moved = first.rename(tmp_path / "moved")
    set_up(moved)
    assert says(moved) == f"{moved}/components/commands/main.py one argument\n"


def test_a_clone_that_shares_an_environment_leaves_it_as_it_is(tmp_path: Path) -> None:
    first = made(tmp_path / "first")
    sharing = tmp_path / "sharing"
    shutil.copytree(first, sharing, ignore=shutil.ignore_patterns(".venv"))
    (sharing / ".venv").symlink_to(first / ".venv")
    set_up(sharing)
    (packages,) = (first / ".venv" / "lib").glob("python3*/site-packages")
    assert (packages / "blue-green.pth").read_text() == f"{first}\n"
    assert says(sharing) == f"{first}/components/commands/main.py one argument\n"


def test_the_packages_are_installed_anew_for_another_python(tmp_path: Path) -> None:
    folder = made(tmp_path / "clone")
    assert "installing" not in set_up(folder)
    # As after an upgrade of the system: the environment's Python is the new one, without its packages.
    asked, commands = tmp_path / "asked", tmp_path / "bin"
    commands.mkdir()
    (commands / "python3").write_text(OTHER_PYTHON)
    (commands / "python3").chmod(0o755)
    (folder / ".venv" / "bin" / "python").unlink()
    (folder / ".venv" / "bin" / "python").write_text("#!/bin/sh\n[ $1 = -V ] && echo Python 3.99.0\n")
    (folder / ".venv" / "bin" / "python").chmod(0o755)
    environment = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "ASKED": str(asked)}
    assert "installing" in set_up(folder, **environment)
    assert "-m venv --clear .venv" in asked.read_text().splitlines()
    assert any(line.startswith("-m pip install ") for line in asked.read_text().splitlines())
    assert "installing" not in set_up(folder, **environment)
