"""Fills the board: asks the app, reads the cluster and the gateways, once or until interrupted."""

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live as Screen

from ...errors import NotAskedError, RolloutError
from ...gateway.gateways import Gateways
from ...gateway.histogram import MERGE_SECONDS
from ...observation import endpoint, latency, live, traffic
from ...observation.answers import ask
from ...observation.endpoint import Endpoint
from ...observation.traffic import Counters
from ...pulumi_cli import config, project, stack
from ..verify.applied import objects
from .board import Board, Reading

REQUEST_SECONDS = 0.05
READ_SECONDS = 1.0


@dataclass
class Followed:
    """A stack that is watched: its board, and where its app is asked.

    Attributes:
        changed: when the config file was written that the board knows; None where there was none.
        read_at: when the cluster was read, by the monotonic clock.
    """

    board: Board
    where: Endpoint
    gateways: Gateways
    changed: float | None
    read_at: float

    def is_due(self) -> bool:
        """Whether the cluster was read long enough ago to be read again."""
        return time.monotonic() - self.read_at >= READ_SECONDS

    def read(self) -> None:
        """Read the cluster, and the config where its file was edited.

        Where they cannot be asked, as while an API server begins anew, the board says so.
        """
        name, settings = self.board.stack, self.board.settings
        if (edited := project.config_time(name)) != self.changed:
            self.changed = edited
            try:
                settings = config.settings(name)
            except RolloutError:
                # While it has mistakes, the one from before.
                settings = self.board.settings
            self.board.applied = objects(stack.resources(name))
        try:
            self.board.add(settings, live.read(self.gateways, settings), self.reading())
        except NotAskedError as error:
            self.board.lost = str(error)
        self.read_at = time.monotonic()

    def reading(self) -> Reading:
        """Read what the gateways counted and timed; nothing where requests alone are the evidence."""
        settings = self.board.settings
        if settings.convergence.by_requests:
            return Reading(time.time(), Counters({}), {})
        return Reading(
            time.time(), traffic.read(self.gateways, settings), latency.read(self.gateways, settings)
        )


@contextmanager
def following(name: str) -> Generator[Followed]:
    """Watch a stack; its board has a first reading.

    Raises:
        NotAskedError: the cluster or a gateway cannot be asked.
        RolloutError: the config has mistakes, or the stack has no address yet.
    """
    settings, changed = config.settings(name), project.config_time(name)
    with live.connect(settings) as gateways:
        board = Board(name, settings, live.read(gateways, settings), objects(stack.resources(name)))
        followed = Followed(board, endpoint.of(name, settings), gateways, changed, time.monotonic())
        board.add(settings, board.now, followed.reading())
        yield followed


def watch(name: str) -> None:
    """Show the board, live, until interrupted.

    Raises:
        RolloutError: the stack or its cluster cannot be read.
    """
    with following(name) as followed:
        board, where = followed.board, followed.where
        try:
            with Screen(board.view(), console=Console(), refresh_per_second=8) as screen:
                for answer in ask(where.url, where.headers, where.check):
                    board.answers.append(answer)
                    if followed.is_due():
                        followed.read()
                        screen.update(board.view())
                    time.sleep(REQUEST_SECONDS)
        except KeyboardInterrupt:
            return


def once(name: str, requests: int) -> Board:
    """Return the board after so many requests.

    Raises:
        RolloutError: the stack or its cluster cannot be read.
    """
    with following(name) as followed:
        board, where = followed.board, followed.where
        # There is one reading before the requests and one after them, however long they take.
        board.window = math.inf
        for _, answer in zip(range(requests), ask(where.url, where.headers, where.check), strict=False):
            board.answers.append(answer)
        deadline = time.monotonic() + MERGE_SECONDS + READ_SECONDS
        reading = followed.reading()
        # Where the requests are timed, their times are added up some seconds later.
        while reading.times and not board.is_timed_by(reading) and time.monotonic() < deadline:
            time.sleep(READ_SECONDS / 5)
            reading = followed.reading()
        board.add(board.settings, live.read(followed.gateways, board.settings), reading)
        return board
