"""Brings everything up to date: Go tools, files from modules, images, and the links to them."""

import sys
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from tools import gobuild, golang, images, modulefiles, onpath, provider_source, store
from tools.catalogue import CHECKS, GO_TOOLS, PART_OF_PULUMI, PROGRAM, PROVIDER_PLUGIN, GoTool
from tools.golang import Go
from tools.progress import Progress


def everything(*, for_lab: bool) -> None:
    """Build what is missing and link `.tools/bin`, `.tools/charts` and `.tools/images` to it.

    Args:
        for_lab: build also what the lab's cluster is made of, not only what the program runs with.

    Raises:
        ToolsError: something could not be built; what was built before is kept.
    """
    on_path = onpath.fit()
    for name, path in on_path.items():
        print(f"{name}: {path}, from PATH")
    wanted = [tool for tool in GO_TOOLS if tool.name in PROGRAM or (for_lab and tool.name not in CHECKS)]
    to_have = [tool for tool in wanted if not _is_replaced(tool, on_path)]
    missing = [tool for tool in to_have if not gobuild.built(tool).exists()]
    missing_files = [file for file in modulefiles.MODULE_FILES if not file.kept.exists()]
    if missing or missing_files:
        with store.locked():
            go = golang.find()
            print(f"go: {go.version}, from {go.source}")
            for file in missing_files:
                modulefiles.fetch(go, file)
            _compile(go, missing)
    _link_commands(to_have, on_path)
    store.link("charts", {chart.name: chart.kept for chart in modulefiles.CHARTS})
    if for_lab:
        images.bring_up_to_date()


def one(name: str) -> Path:
    """Return the path of one tool, and build it first where it is missing.

    Raises:
        ToolsError: it could not be built.
    """
    tool = next(tool for tool in GO_TOOLS if tool.name == name)
    if not gobuild.built(tool).exists():
        with store.locked():
            go = golang.find()
            print(f"go: {go.version}, from {go.source}")
            _compile(go, [tool])
    return gobuild.built(tool)


def _is_replaced(tool: GoTool, on_path: dict[str, Path]) -> bool:
    return tool.name in on_path or (tool.name in PART_OF_PULUMI and "pulumi" in on_path)


def _compile(go: Go, missing: Sequence[GoTool]) -> None:
    for (module, _cgo, _tags), group in groupby(missing, key=lambda t: (t.module, t.cgo, t.tags)):
        tools = list(group)
        provider_source.prepare(go, module)
        with Progress(f"compiling {', '.join(tool.name for tool in tools)}") as progress:
            started = time.monotonic()
            gobuild.build(
                go,
                tools,
                on_compiled=lambda n, p=progress: p.say(f"{n} packages compiled"),
                on_built=lambda tool, p=progress, t=started: p.done(tool.name, time.monotonic() - t),
            )


def _link_commands(tools: Sequence[GoTool], on_path: dict[str, Path]) -> None:
    commands = {tool.name: gobuild.built(tool) for tool in tools} | on_path
    if "pulumi" not in on_path:
        # Pulumi looks for its language host beside itself, and that for its script beside itself.
        scripts = {file.name: file.kept for file in modulefiles.PULUMI_SCRIPTS}
        names = ("pulumi", *PART_OF_PULUMI)
        commands |= store.bundle("pulumi", scripts | {name: commands[name] for name in names})
        # Not on PATH, where Pulumi would warn of it: `tools.env` puts it among its plugins.
        store.link("plugins", {PROVIDER_PLUGIN: commands.pop(PROVIDER_PLUGIN)})
    commands.setdefault("kubectl", Path(sys.executable).parent / "kubectl")
    store.link("bin", commands)
