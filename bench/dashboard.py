"""What an open page costs the gateways, beside `watch`, and what twenty pages cost."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Generator

import httpx
import psutil

from bench.figure import Figure
from harness.dashboard import ROLLOUT, dashboard
from harness.labs import Program

# The kubelet reads a container's clock every ten seconds or so: a window of a minute has a small edge.
_SECONDS = 60
WATCH, PAGE, PAGES = (f"CPU of a gateway, {what} open" for what in ("watch", "one page", "twenty pages"))
_GATEWAY = "istio-ingressgateway"


def measure(program: Program, minutes: int) -> list[Figure]:
    """Let each of them be open for a minute, once, and one page for so many more."""
    with _watch(program):
        watched = _cost(program)
    with dashboard(program.folder, program.environment) as started:
        process = psutil.Process(started.pid)
        with _pages(started.address, 1):
            one = _cost(program)
            memory = process.memory_info().rss
            time.sleep(minutes * 60)
            later = (process.memory_info().rss - memory) / 2**20
        memory = process.memory_info().rss
        with _pages(started.address, 20):
            twenty = _cost(program)
        grown = (process.memory_info().rss - memory) / 2**20
    return [
        Figure(WATCH, (watched,), "ms"),
        Figure(PAGE, (one,), "ms", WATCH, 1),
        Figure(PAGES, (twenty,), "ms", PAGE, 1.2),
        Figure("memory of the dashboard", (memory / 2**20,), "MiB"),
        Figure(f"memory that it grows by in {minutes} minutes of one page", (later,), "MiB"),
        Figure("memory that it grows by with twenty pages", (grown,), "MiB"),
    ]


def _cost(program: Program) -> float:
    """Milliseconds of processor time a second."""
    begin, before = time.monotonic(), _clock(program)
    time.sleep(_SECONDS)
    return (_clock(program) - before) / 1e6 / (time.monotonic() - begin)


def _clock(program: Program) -> int:
    """Processor time of the gateway's pods so far, in nanoseconds, as the kubelet has it."""
    (node,) = program.kubectl("get", "nodes", "-o", "name").stdout.split()
    path = f"/api/v1/nodes/{node.removeprefix('node/')}/proxy/stats/summary"
    pods = json.loads(program.kubectl("get", "--raw", path).stdout)["pods"]
    return sum(
        pod["cpu"]["usageCoreNanoSeconds"] for pod in pods if pod["podRef"]["name"].startswith(_GATEWAY)
    )


@contextlib.contextmanager
def _watch(program: Program) -> Generator[None]:
    """Keep `watch` open on a terminal that somebody reads."""
    ours, theirs = pty.openpty()
    command = (*ROLLOUT, "watch")
    with subprocess.Popen(
        command, cwd=program.folder, env=program.environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        threading.Thread(target=_read, args=(ours,), daemon=True).start()
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)


def _read(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


@contextlib.contextmanager
def _pages(address: str, count: int) -> Generator[None]:
    """Listen as so many open pages do."""
    stop = threading.Event()

    def listen() -> None:
        with httpx.stream("GET", address.replace("/?", "/events?"), timeout=60, trust_env=False) as page:
            for _ in page.iter_bytes():
                if stop.is_set():
                    return

    threads = [threading.Thread(target=listen) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
