"""Where built things are kept: the user's cache directory, linked at `.tools/`."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.errors import ToolsError

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".tools"


def cache() -> Path:
    """Return the cache directory of this project, below `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "blue-green"


def debian_packages() -> list[str]:
    """Return the packages that `tools/bootstrap.sh` has installed on this machine."""
    noted = cache() / "debian-packages"
    return sorted(set(noted.read_text().split())) if noted.exists() else []


def place(kind: str, name: str, key: str) -> Path:
    """Return where the thing of that kind (`bin`, `image`, `charts`), name and pin hash is kept."""
    return cache() / kind / f"{name}-{key}" / name


def keep(built: Path, where: Path) -> None:
    """Move a finished file or folder to its place, whole or not at all."""
    where.parent.mkdir(parents=True, exist_ok=True)
    if where.exists():
        _remove(built)
        return
    built.rename(where)


def bundle(name: str, files: Mapping[str, Path]) -> dict[str, Path]:
    """Put kept files into one folder, as hard links, and return where each one stands in it."""
    key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    folder = place("bundle", name, key)
    if not folder.exists():
        fresh = folder.with_name(f".{name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        for file, path in files.items():
            (fresh / file).hardlink_to(path)
        keep(fresh, folder)
    return {file: folder / file for file in files}


def link(folder: str, wanted: Mapping[str, Path]) -> None:
    """Make `.tools/<folder>` hold exactly a link of each name to its path."""
    links = LINKS / folder
    links.mkdir(parents=True, exist_ok=True)
    for old in links.iterdir():
        if old.name not in wanted:
            _remove(old)
    for name, path in wanted.items():
        at = links / name
        if at.is_symlink() and at.readlink() == path:
            continue
        fresh = links / f".{name}.{os.getpid()}"
        fresh.symlink_to(path)
        fresh.replace(at)


@contextmanager
def locked(*, wait: bool = False) -> Generator[None]:
    """Hold the cache for this process; while another one is building, `wait` for it or raise `ToolsError`."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            another = f"another build (process {owner}) uses {cache()}"
            if not wait:
                raise ToolsError(f"{another}: wait for it, then run it again") from None
            print(f"{another}: waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
