"""The pin of a built tool: a hash of what decides its bytes, but for Go's own version.

A module's go.mod pins more than one tool links. `links.txt` beside it says which tools link
which modules, so that a changed version rebuilds only the tools that hold it. `python -m tools
lock` writes it.
"""

import hashlib
import re
from functools import cache as memoized
from pathlib import Path

from tools.catalogue import GoTool
from tools.errors import ToolsError
from tools.store import ROOT

GO = ROOT / "tools" / "go"
# Debug information is stripped of every binary (-s -w): nothing compiles it either.
FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false")

_REQUIRE = re.compile(r"^(?:require\s+)?(\S+) (v\S+)$")
_REPLACE = re.compile(r"^(?:replace\s+)?(\S+)(?: v\S+)? => (\S+) (v\S+)$")


def key(tool: GoTool) -> str:
    """Return the tool's pin: 16 hex digits.

    Raises:
        ToolsError: links.txt names a module that go.mod or go.sum does not pin.
    """
    folder = GO / tool.module
    versions, sums = _versions(folder), _sums(folder)
    digest = hashlib.sha256()
    digest.update(repr((tool.package, tool.stamps, FLAGS)).encode())
    digest.update((tool.toolchain or "").encode())
    for module in linked(folder).get(tool.name, ()):
        if module not in versions or versions[module] not in sums:
            msg = f"{folder}/links.txt is out of step with go.mod: run `python3 -m tools lock`"
            raise ToolsError(msg)
        digest.update(f"{module} {versions[module]} {sums[versions[module]]}\n".encode())
    for source in own_sources(tool):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def module_key(folder_name: str, module: str, path: str) -> str:
    """Return the pin of a file of a module: 16 hex digits of the module's sum and the path in it."""
    folder = GO / folder_name
    version = _versions(folder)[module]
    text = f"{version} {_sums(folder)[version]} {path}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def version(folder_name: str, module: str) -> str:
    """Return the version of a module that is pinned in a folder below `tools/go`, such as v1.2.3."""
    return _versions(GO / folder_name)[module].split()[1]


def own_sources(tool: GoTool) -> list[Path]:
    """Return the committed files of a tool whose main, or a part of it, is ours, else none."""
    further = [file for source in tool.sources for file in _files(GO / source)]
    if not tool.package.startswith("."):
        return further
    return [*sorted((GO / tool.module / tool.package).glob("*.go")), *further]


def _files(source: Path) -> list[Path]:
    return sorted(file for file in source.rglob("*") if file.is_file()) if source.is_dir() else [source]


@memoized
def linked(folder: Path) -> dict[str, list[str]]:
    """Read links.txt: the modules that each tool links."""
    tools: dict[str, list[str]] = {}
    links = folder / "links.txt"
    for line in links.read_text().splitlines() if links.exists() else ():
        module, _, names = line.partition(": ")
        for name in names.split():
            tools.setdefault(name, []).append(module)
    return tools


@memoized
def _versions(folder: Path) -> dict[str, str]:
    """Map each module of go.mod to the `path version` that is built, replacements applied."""
    versions: dict[str, str] = {}
    replaced: dict[str, str] = {}
    for line in (folder / "go.mod").read_text().splitlines():
        text = line.partition("//")[0].strip()
        if match := _REPLACE.match(text):
            replaced[match[1]] = f"{match[2]} {match[3]}"
        elif match := _REQUIRE.match(text):
            versions[match[1]] = f"{match[1]} {match[2]}"
    return versions | {path: to for path, to in replaced.items() if path in versions}


@memoized
def _sums(folder: Path) -> dict[str, str]:
    sums: dict[str, str] = {}
    go_sum = folder / "go.sum"
    for line in go_sum.read_text().splitlines() if go_sum.exists() else ():
        path, version, digest = line.split()
        sums[f"{path} {version}"] = digest
    return sums
