"""Builds Go tools: one `go build` for all of a module, so that shared packages compile once."""

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from tools import pins
from tools.catalogue import GoTool
from tools.errors import ToolsError
from tools.golang import Go
from tools.store import cache, keep, place

# So many compilers more than there are processors: beside other work each of them gets a share of its own.
MORE_COMPILERS = 4
POLL_SECONDS = 0.25
TAIL_LINES = 25


def built(tool: GoTool) -> Path:
    """Return where the tool's binary is kept, whether it is there yet or not."""
    return place("bin", tool.name, pins.key(tool))


def command(go: Go, tools: Sequence[GoTool], into: Path) -> list[str]:
    """Return the `go build` of tools that share a module."""
    stamps = (
        f"-ldflags={tool.package}=-s -w {' '.join(f'-X {stamp}' for stamp in tool.stamps)}".rstrip()
        for tool in tools
    )
    packages = [tool.package for tool in tools]
    return [
        str(go.command),
        "build",
        "-v",
        f"-p={(os.cpu_count() or 1) + MORE_COMPILERS}",
        *pins.FLAGS,
        *stamps,
        "-o",
        f"{into}/",
        *packages,
    ]


def packages_to_compile(go: Go, tools: Sequence[GoTool]) -> set[str]:
    """Return the packages of tools that share a module which Go's cache does not hold; fetches their modules.

    Raises:
        ToolsError: Go cannot tell, mostly because a module could not be fetched.
    """
    listed = subprocess.run(
        [
            str(go.command),
            "list",
            "-deps",
            *pins.FLAGS,
            "-f",
            "{{if .Stale}}{{.ImportPath}}{{end}}",
            *(tool.package for tool in tools),
        ],
        cwd=pins.GO / tools[0].module,
        env=go.environment(toolchain=tools[0].toolchain),
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        msg = f"`go list` failed in tools/go/{tools[0].module}:\n{listed.stderr.strip()[-2000:]}"
        raise ToolsError(msg)
    return set(listed.stdout.split())


def build(
    go: Go,
    tools: Sequence[GoTool],
    *,
    on_compiled: Callable[[int], None],
    on_built: Callable[[GoTool], None],
) -> None:
    """Build tools of one module and keep each as soon as it is linked.

    An interrupted build loses nothing: Go's own cache has the packages compiled so far.

    Args:
        go: the toolchain.
        tools: what to build, all of one module.
        on_compiled: called with the number of packages compiled so far, several times a second.
        on_built: called with each tool when it is in its place.

    Raises:
        ToolsError: the build failed; the text holds the compiler's last lines.
        OSError: its log cannot be written, as on a full disk.
    """
    module = tools[0].module
    # Whoever holds the cache may remove what a killed build left.
    into = cache() / "go" / "out" / module
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    log = cache() / "log" / f"go-build-{module}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    waiting = {_output_name(tool): tool for tool in tools}

    def keep_linked() -> None:
        # The go command renames a linked binary into place, so what is visible is whole.
        for name in [name for name in waiting if (into / name).exists()]:
            tool = waiting.pop(name)
            keep(into / name, built(tool))
            on_built(tool)

    process = subprocess.Popen(
        command(go, tools, into),
        cwd=pins.GO / module,
        env=go.environment(toolchain=tools[0].toolchain),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Not a session: of that the kernel makes one group, with one share for all (sched(7), autogroup).
        process_group=0,
    )
    try:
        compiled = 0
        for line in _lines(cast("IO[str]", process.stderr), log):
            if line is not None and not line.startswith(("go: downloading", "#")):
                compiled += 1
            on_compiled(compiled)
            keep_linked()
        status = process.wait()
        keep_linked()
    except BaseException:
        _stop(process)
        raise
    finally:
        shutil.rmtree(into, ignore_errors=True)
    if status:
        msg = (
            f"building {', '.join(t.name for t in waiting.values())} failed:\n{_tail(log)}\nAll of it: {log}"
        )
        raise ToolsError(msg)


def _output_name(tool: GoTool) -> str:
    """Return the file name that `go build -o folder/` gives: the last path element that is no version."""
    if tool.package == ".":
        return tool.module
    parts = tool.package.split("/")
    return parts[-2] if parts[-1].startswith("v") and parts[-1][1:].isdigit() else parts[-1]


def _lines(stream: IO[str], log: Path) -> Iterator[str | None]:
    """Yield the stream's lines as they come, None now and then while there is none; copy all to the log.

    Raises:
        OSError: the log cannot be written.
    """
    lines: queue.Queue[str | OSError | None] = queue.Queue()

    def drain() -> None:
        try:
            with log.open("w") as file:
                for line in stream:
                    file.write(line)
                    file.flush()
                    lines.put(line)
            lines.put(None)
        except OSError as error:
            lines.put(error)
            # Else it could not end: nobody would read what it still has to say.
            for _ in stream:
                pass

    threading.Thread(target=drain, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        if isinstance(line, OSError):
            raise line
        yield line


def _stop(process: subprocess.Popen[str]) -> None:
    """End our own `go build` and the compilers that it started: they are a process group of their own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tail(log: Path) -> str:
    """Return the log's last lines that are not merely names of compiled packages."""
    said = [line for line in log.read_text().splitlines() if " " in line]
    return "\n".join(said[-TAIL_LINES:])
