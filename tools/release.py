"""What a release is made of: wheel, plugin and SDKs; the same bytes from the same commit."""

import fcntl
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from components.plugin.component import Components
from components.version import VERSION
from tools import build
from tools.catalogue import EXAMPLES
from tools.errors import ToolsError
from tools.store import LINKS, ROOT

# Those whose hosts are built here; Pulumi generates the others from the schema, where it has their hosts.
LANGUAGES = ("go", "nodejs", "python")
# Where Pulumi looks for a plugin's archive by these names; ours is the same on all.
PLATFORMS = ("darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64", "windows-amd64")


def make(into: Path) -> list[Path]:
    """Make everything in a folder, and return what was made.

    Raises:
        ToolsError: a part could not be made; the text has what was said.
    """
    into.mkdir(parents=True, exist_ok=True)
    when = int(_run("git", "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory() as scratch:
        return [
            wheel := build_wheel(into, when),
            *plugins(into, wheel, Path(scratch) / "plugin", when),
            schema := _schema(into),
            *(_sdk(into, schema, language, Path(scratch), when) for language in LANGUAGES),
        ]


def build_wheel(into: Path, when: int) -> Path:
    """Build the wheel in a folder; `when`, in seconds since the epoch, is the time that its files have.

    Raises:
        ToolsError: it could not be built.
    """
    command = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(into),
        str(ROOT),
    )
    # Every build of this checkout has the same scratch folder.
    with (ROOT / "pyproject.toml").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Else modules that are no more would be in the wheel.
        shutil.rmtree(ROOT / "build", ignore_errors=True)
        _run(*command, SOURCE_DATE_EPOCH=str(when))
    return into / f"blue_green-{VERSION}-py3-none-any.whl"


def plugins(into: Path, wheel: Path, folder: Path, when: int) -> list[Path]:
    """Make the plugin as Pulumi installs it: it makes a virtual environment of the wheel."""
    # `pulumi package add` has made one in the folder itself.
    shutil.copytree(ROOT / "plugin", folder, ignore=shutil.ignore_patterns("venv", "__pycache__"))
    shutil.copy(wheel, folder)
    (folder / "requirements.txt").write_text(f"./{wheel.name}\n")
    names = (f"pulumi-resource-blue-green-v{VERSION}-{platform}.tar.gz" for platform in PLATFORMS)
    return [_archive(folder, into / name, when) for name in names]


def _schema(into: Path) -> Path:
    file = into / "schema.json"
    file.write_text(json.dumps(json.loads(Components().schema or ""), indent=2) + "\n")
    return file


def _sdk(into: Path, schema: Path, language: str, scratch: Path, when: int) -> Path:
    host = f"pulumi-language-{language}"
    own = [str(build.one(host).parent)] if host in EXAMPLES else []
    path = os.pathsep.join([*own, str(LINKS / "bin"), os.environ["PATH"]])
    command = ("pulumi", "package", "gen-sdk", str(schema), "--language", language, "--out", str(scratch))
    _run(*command, PATH=path, PULUMI_HOME=str(scratch / "home"))
    return _archive(scratch / language, into / f"blue-green-sdk-{language}-{VERSION}.tar.gz", when)


def _archive(folder: Path, archive: Path, when: int) -> Path:
    """The folder's files as a tar file that says nothing of when and by whom it was made."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(str(file.relative_to(folder)))
            member.size, member.mtime, member.mode = file.stat().st_size, when, 0o644
            with file.open("rb") as content:
                tar.addfile(member, content)
    archive.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return archive


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise ToolsError(f"`{' '.join(command[:3])}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
