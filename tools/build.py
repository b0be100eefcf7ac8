"""Brings everything up to date: Go tools, files from modules, images, and the links to them."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tools import downloads, gobuild, golang, images, modulefiles, onpath, provider_source, store
from tools.catalogue import CHECKS, EXAMPLES, GO_TOOLS, PART_OF_PULUMI, PROGRAM, PROVIDER_PLUGIN, GoTool
from tools.golang import Go
from tools.modulefiles import ModuleFile
from tools.progress import Pace, Progress

# What one core compiles, of a build with an empty cache on two cores: docs/performance.md.
PACKAGES_A_MINUTE = 230
# README has it too.
FIRST_BUILD_BYTES = 18 * 10**9


def everything(*, for_lab: bool) -> None:
    """Fetch or build what is missing and link `.tools` to it.

    Args:
        for_lab: build also what the lab's cluster is made of, not only what the program runs with; where
            that is on PATH, there is nothing to build.

    Raises:
        ToolsError: something could not be built; what was built before is kept.
    """
    on_path = onpath.fit()
    for name, path in on_path.items():
        print(f"{name}: {path}, from PATH")
    wanted = [
        tool for tool in GO_TOOLS if tool.name in PROGRAM or (for_lab and tool.name not in CHECKS | EXAMPLES)
    ]
    to_have = [tool for tool in wanted if not _is_replaced(tool, on_path)]
    files = modulefiles.FOR_LAB if for_lab else ()
    files += () if "pulumi" in on_path else modulefiles.PULUMI_SCRIPTS
    if missing := _missing([*to_have, *files]):
        for line in onpath.unfit():
            print(line)
        with store.locked():
            _tell_little_room()
            downloads.fetch([what.name for what in missing])
            _make(_missing(missing))
    _link_commands(to_have, on_path)
    if for_lab:
        store.link("charts", {chart.name: chart.kept for chart in modulefiles.CHARTS})
        images.bring_up_to_date()


def _tell_little_room() -> None:
    free = shutil.disk_usage(store.cache()).free
    if free < FIRST_BUILD_BYTES:
        said = (
            f"{free / 10**9:.1f} GB free; a first build of everything takes {FIRST_BUILD_BYTES / 10**9:.0f}"
        )
        print(f"the disk of {store.cache()} has {said}", flush=True)


def _missing(wanted: Sequence[GoTool | ModuleFile]) -> list[GoTool | ModuleFile]:
    return [what for what in wanted if not downloads.kept(what).exists()]


def _make(missing: Sequence[GoTool | ModuleFile]) -> None:
    """Build tools, and take files out of their modules."""
    if not missing:
        return
    go = golang.find()
    print(f"go: {go.version}, from {go.source}")
    for file in missing:
        if isinstance(file, ModuleFile):
            modulefiles.fetch(go, file)
    _compile(go, [tool for tool in missing if isinstance(tool, GoTool)])


def one(name: str) -> Path:
    """Return the path of one tool, and build it first where it is missing, after any other build.

    Raises:
        ToolsError: it could not be built.
    """
    tool = next(tool for tool in GO_TOOLS if tool.name == name)
    if not gobuild.built(tool).exists():
        with store.locked(wait=True):
            # The other build may have been that of this tool.
            if not gobuild.built(tool).exists():
                go = golang.find()
                print(f"go: {go.version}, from {go.source}")
                _compile(go, [tool])
    return gobuild.built(tool)


def _is_replaced(tool: GoTool, on_path: dict[str, Path]) -> bool:
    return tool.name in on_path or (tool.name in PART_OF_PULUMI and "pulumi" in on_path)


def _compile(go: Go, missing: Sequence[GoTool]) -> None:
    """Compile part by part: the tools that share a module, so that Go compiles what they share once."""
    grouped = groupby(missing, key=lambda tool: tool.module)
    parts = [list(tools) for _, tools in grouped]
    counts = _count_packages(go, parts)
    pace = Pace(sum(counts))
    for number, (tools, count) in enumerate(zip(parts, counts, strict=True), 1):
        names = ", ".join(tool.name for tool in tools)
        after = f"; then {parts[number][0].name}" if number < len(parts) else ""
        share = f"part {number} of {len(parts)}, {pace.share(count)} % of the whole{after}"
        with Progress(f"compiling {names} ({share})") as progress:
            started = time.monotonic()

            def compiled(packages: int, count: int = count, progress: Progress = progress) -> None:
                doing = f"{packages} of {count} packages" if packages < count else "linking"
                progress.say(f"{doing}, {pace.left(min(packages, count))}")

            def built(tool: GoTool, started: float = started, progress: Progress = progress) -> None:
                progress.done(tool.name, time.monotonic() - started)

            gobuild.build(go, tools, on_compiled=compiled, on_built=built)
        pace.finish(count)


def _count_packages(go: Go, parts: Sequence[Sequence[GoTool]]) -> list[int]:
    """Return for each part how many packages it compiles that no part before it does."""
    counts: list[int] = []
    seen: set[str] = set()
    with Progress("fetching Go modules, and counting what is to compile") as progress:
        for tools in parts:
            progress.say(tools[0].module)
            provider_source.prepare(go, tools[0].module)
            packages = gobuild.packages_to_compile(go, tools)
            counts.append(len(packages - seen))
            seen |= packages
    cores = os.cpu_count() or 1
    minutes = max(1, round(sum(counts) / cores / PACKAGES_A_MINUTE))
    print(f"to compile: {sum(counts)} packages in {len(parts)} parts, about {minutes} min on {cores} cores")
    return counts


def _link_commands(tools: Sequence[GoTool], on_path: dict[str, Path]) -> None:
    commands = {tool.name: downloads.kept(tool) for tool in tools} | on_path
    if "pulumi" not in on_path:
        # Pulumi looks for its language host beside itself, and that for its script beside itself.
        scripts = {file.name: downloads.kept(file) for file in modulefiles.PULUMI_SCRIPTS}
        names = ("pulumi", *PART_OF_PULUMI)
        commands |= store.bundle("pulumi", scripts | {name: commands[name] for name in names})
        # Not on PATH, where Pulumi would warn of it: `tools.env` puts it among its plugins.
        store.link("plugins", {PROVIDER_PLUGIN: commands.pop(PROVIDER_PLUGIN)})
    commands.setdefault("kubectl", Path(sys.executable).parent / "kubectl")
    store.link("bin", commands)
