"""Renews what is derived from the pins: go.sum and links.txt of each module."""

import subprocess
from collections import defaultdict

from tools import pins, provider_source
from tools.catalogue import GO_TOOLS, GoTool
from tools.errors import ToolsError
from tools.golang import Go


def renew(go: Go) -> None:
    """Tidy every module and write which tools link which of its modules.

    Needs the network. Some modules are absent from the checksum database, so it is not asked;
    what go.sum then says is reviewed and committed, and is the pin from then on.
    """
    for module in sorted({tool.module for tool in GO_TOOLS}):
        provider_source.prepare(go, module)
        _run(go, ["mod", "tidy"], module, {"GOFLAGS": "-mod=mod -modcacherw", "GONOSUMDB": "*"})
        tools_by_path: defaultdict[str, list[str]] = defaultdict(list)
        for tool in (tool for tool in GO_TOOLS if tool.module == module):
            for path in links(go, tool):
                tools_by_path[path].append(tool.name)
        lines = (f"{path}: {' '.join(names)}\n" for path, names in sorted(tools_by_path.items()))
        (pins.GO / module / "links.txt").write_text("".join(lines))


def links(go: Go, tool: GoTool) -> list[str]:
    """Return the paths of the modules whose packages the tool links, its own folders left out."""
    provider_source.prepare(go, tool.module)
    ours = "or .Main (and .Replace (not .Replace.Version))"
    template = f"{{{{with .Module}}}}{{{{if not ({ours})}}}}{{{{.Path}}}}{{{{end}}}}{{{{end}}}}"
    out = _run(
        go,
        ["list", "-deps", *pins.FLAGS, "-f", template, tool.package],
        tool.module,
    )
    return sorted(set(out.split()))


def _run(
    go: Go,
    arguments: list[str],
    module: str,
    settings: dict[str, str] | None = None,
) -> str:
    run = subprocess.run(
        [go.command, *arguments],
        cwd=pins.GO / module,
        env=go.environment() | (settings or {}),
        capture_output=True,
        text=True,
    )
    if run.returncode:
        msg = f"go {' '.join(arguments[:2])} failed in tools/go/{module}:\n{run.stderr[-2000:]}"
        raise ToolsError(msg)
    return run.stdout
