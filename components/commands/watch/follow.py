"""Fills the board: asks the app, reads the cluster and the gateways, once or until interrupted."""

import time

from rich.console import Console
from rich.live import Live as Screen

from ...errors import RolloutError
from ...gateway.gateways import Gateways
from ...gateway.histogram import MERGE_SECONDS
from ...observation import endpoint, latency, live, traffic
from ...observation.answers import ask
from ...pulumi_cli import config, project
from ...settings.model import Settings
from .board import Board, Reading

REQUEST_SECONDS = 0.05
READ_SECONDS = 1.0


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
                for answer in ask(where.url, where.headers, where.check):
                    board.answers.append(answer)
                    if time.monotonic() - read_at >= READ_SECONDS:
                        if (edited := project.config_file(name).stat().st_mtime) != changed:
                            changed, settings = edited, _reread(name, settings)
                        board.add(settings, live.read(gateways, settings), _reading(gateways, settings))
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
        for _, answer in zip(range(requests), ask(where.url, where.headers, where.check), strict=False):
            board.answers.append(answer)
        deadline = time.monotonic() + MERGE_SECONDS + READ_SECONDS
        reading = _reading(gateways, settings)
        # Where the requests are timed, their times are added up some seconds later.
        while reading.times and not board.is_timed_by(reading) and time.monotonic() < deadline:
            time.sleep(READ_SECONDS / 5)
            reading = _reading(gateways, settings)
        board.add(settings, live.read(gateways, settings), reading)
        return board


def _first(name: str, settings: Settings, gateways: Gateways) -> Board:
    board = Board(name, settings, live.read(gateways, settings))
    board.add(settings, board.now, _reading(gateways, settings))
    return board


def _reading(gateways: Gateways, settings: Settings) -> Reading:
    return Reading(time.time(), traffic.read(gateways, settings), latency.read(gateways, settings))


def _reread(name: str, settings: Settings) -> Settings:
    """The config as edited; while it has mistakes, the one from before."""
    try:
        return config.settings(name)
    except RolloutError:
        return settings
