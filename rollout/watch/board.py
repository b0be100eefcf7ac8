"""The live view: config, VirtualService, Envoys and measured traffic side by side."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich import box
from rich.console import Console, Group
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

from gateway.gateways import Gateways
from rollout import config, endpoint, live, project, traffic
from rollout.answers import Answer, ask
from rollout.errors import RolloutError
from rollout.statistics import margin, percentile
from rollout.traffic import Counters, Served
from rollout.watch.plain import COLOURS
from rollout.weights import same, shown
from settings.model import MinikubeCluster, Settings

REQUEST_SECONDS = 0.05
READ_SECONDS = 1.0
# Measured shares are those of the last so many seconds, and of no time before the last change.
WINDOW_SECONDS = 30.0
_STYLES = {"converged": "bold green", "converging": "bold yellow", "drifted": "bold red"}


@dataclass
class Board:
    """What is known at one moment, and the readings that the measured columns come from."""

    stack: str
    settings: Settings
    now: live.Live
    counters: deque[tuple[float, Counters]] = field(default_factory=deque[tuple[float, Counters]])
    answers: deque[Answer] = field(default_factory=deque[Answer])

    def add(self, settings: Settings, now: live.Live, counters: Counters) -> None:
        """Take in a new reading; a change of what the Envoys do begins the measuring anew."""
        at = time.time()
        if [gateway.splits for gateway in now.gateways] != [gateway.splits for gateway in self.now.gateways]:
            self.counters.clear()
            self.answers.clear()
        self.settings, self.now = settings, now
        self.counters.append((at, counters))
        while self.counters[0][0] < at - WINDOW_SECONDS:
            self.counters.popleft()
        while self.answers and self.answers[0].at < at - WINDOW_SECONDS:
            self.answers.popleft()

    @property
    def verdict(self) -> tuple[str, str]:
        """The verdict and its reason."""
        wanted, route = self.settings.weights, self.now.route
        if route is None:
            return "drifted", "the VirtualService is not there"
        if not same(route, wanted):
            writer = self.now.route_writer
            by = f", written by {writer.manager}" if writer else ""
            return "drifted", f"the VirtualService says {shown(route)}{by}; run up, or verify for more"
        behind = [str(gateway.pod) for gateway in self.now.gateways if not gateway.holds(wanted)]
        if behind:
            return "converging", f"{len(behind)} of {len(self.now.gateways)} gateways are behind: {behind[0]}"
        if not self.now.gateways:
            return "drifted", "no gateway serves"
        return (
            "converged",
            f"{len(self.now.gateways)} of {len(self.now.gateways)} gateways route as the config says",
        )

    @property
    def served(self) -> Mapping[str, Served]:
        """What each version served in the window."""
        return traffic.between(self.counters[0][1], self.counters[-1][1]) if self.counters else {}

    def facts(self) -> Mapping[str, object]:
        """Return what the board shows, for machines; shares and rates are 0 to 1, times are seconds."""
        verdict, reason = self.verdict
        served = self.served
        total = sum(version.requests for version in served.values())
        return {
            "stack": self.stack,
            "verdict": verdict,
            "reason": reason,
            "requests": total,
            "versions": {
                version: {
                    "config": self.settings.weights[version],
                    "virtualService": (self.now.route or {}).get(version, 0),
                    "envoys": [self._routed(gateway, version) for gateway in self.now.gateways],
                    "requests": served.get(version, Served()).requests,
                    "errors": served.get(version, Served()).errors,
                    "share": served.get(version, Served()).requests / total if total else None,
                    "ready": pods.ready if (pods := self.now.pods.get(version)) else 0,
                    "wanted": pods.wanted if pods else 0,
                }
                for version in self.settings.versions
            },
        }

    def view(self) -> Group:
        """Return the board for a terminal of any width from 80 columns on."""
        verdict, reason = self.verdict
        cluster = self.settings.cluster
        context = cluster.profile if isinstance(cluster, MinikubeCluster) else cluster.context or "current"
        title = Text.assemble(
            (self.stack, "bold"), f" on {context}: ", (verdict, _STYLES[verdict]), f", {reason}"
        )
        return Group(title, self._table(), Text(self._own(), style="dim"))

    def _table(self) -> Table:
        served = self.served
        total = sum(version.requests for version in served.values())
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
        table.add_column("version", no_wrap=True)
        for name in ("config", "Virtual\nService", "Envoys", f"measured\nof {total}", "failed", "ready"):
            table.add_column(name, justify="right", no_wrap=True)
        for number, version in enumerate(self.settings.versions):
            ours = served.get(version, Served())
            share = ours.requests / total if total else 0.0
            pods = self.now.pods.get(version)
            table.add_row(
                version,
                f"{self.settings.weights[version]} %",
                f"{self.now.route.get(version, 0)} %" if self.now.route else "-",
                self._envoys(version),
                f"{share:.1%} ± {margin(share, total):.1%}" if total else "-",
                f"{ours.errors} ({ours.error_rate:.1%})" if ours.requests else "-",
                f"{pods.ready}/{pods.wanted}" if pods else "-",
                style=COLOURS[number % len(COLOURS)],
            )
        return table

    def _envoys(self, version: str) -> str:
        shares = sorted({share for gateway in self.now.gateways for share in self._routed(gateway, version)})
        return " / ".join(f"{share} %" for share in shares) or "-"

    def _routed(self, gateway: live.Gateway, version: str) -> list[int]:
        return [split.get(version, 0) for split in gateway.splits]

    def _own(self) -> str:
        if not self.answers or len(self.counters) < 2:
            return "measuring…"
        seconds = max(0.1, self.counters[-1][0] - self.counters[0][0])
        times = [1000 * answer.seconds for answer in self.answers]
        failed = sum(not answer.ok for answer in self.answers)
        total = sum(version.requests for version in self.served.values())
        return (
            f"{total / seconds:.0f} requests/s in the last {seconds:.0f} s, {len(times)} of them ours: "
            f"{failed} failed, p50 {percentile(times, 0.5):.0f} ms, p99 {percentile(times, 0.99):.0f} ms"
        )


def watch(name: str) -> None:
    """Show the board, live, until interrupted.

    Raises:
        RolloutError: the stack or its cluster cannot be read.
    """
    settings = config.settings(name)
    with live.connect(settings) as gateways:
        board = _first(name, settings, gateways)
        where = endpoint.of(name, settings)
        changed = project.config_file(name).stat().st_mtime
        read_at = time.monotonic()
        try:
            with Screen(board.view(), console=Console(), refresh_per_second=8) as screen:
                for answer in ask(where.url, where.headers):
                    board.answers.append(answer)
                    if time.monotonic() - read_at >= READ_SECONDS:
                        if (edited := project.config_file(name).stat().st_mtime) != changed:
                            changed, settings = edited, _reread(name, settings)
                        board.add(settings, live.read(gateways, settings), traffic.read(gateways, settings))
                        read_at = time.monotonic()
                        screen.update(board.view())
                    time.sleep(REQUEST_SECONDS)
        except KeyboardInterrupt:
            return


def once(name: str, requests: int) -> Board:
    """Return the board after so many requests.

    Raises:
        RolloutError: the stack or its cluster cannot be read.
    """
    settings = config.settings(name)
    with live.connect(settings) as gateways:
        board = _first(name, settings, gateways)
        where = endpoint.of(name, settings)
        for _, answer in zip(range(requests), ask(where.url, where.headers), strict=False):
            board.answers.append(answer)
        board.add(settings, live.read(gateways, settings), traffic.read(gateways, settings))
        return board


def _first(name: str, settings: Settings, gateways: Gateways) -> Board:
    board = Board(name, settings, live.read(gateways, settings))
    board.add(settings, board.now, traffic.read(gateways, settings))
    return board


def _reread(name: str, settings: Settings) -> Settings:
    """The config as edited; while it has mistakes, the one from before."""
    try:
        return config.settings(name)
    except RolloutError:
        return settings
