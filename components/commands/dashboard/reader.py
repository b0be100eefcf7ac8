"""Reads one stack for every page that is open, and nothing while none is: by what `watch`, `verify` and
`rollback --list` read."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ...errors import RolloutError
from ...gateway.gateways import Gateways
from ...observation import by_requests, latency, live, traffic
from ...pulumi_cli import config, locks, project, stack, updates
from ...settings.model import Settings
from .. import look
from ..rollback import back
from ..shift import journal
from ..verify.applied import Applied, objects
from ..verify.run import verify
from ..watch.board import Board, Reading
from . import facts

READ_SECONDS = 1.0
# What Pulumi is asked for as well; sooner where something has changed.
_LOOK_SECONDS = 30.0
# Between two of these, however much changes.
_PAUSE_SECONDS = 2.0
_UPDATES = 12
_T = TypeVar("_T")


class Reader:
    """Two threads, while somebody looks: one reads the gateways each second, one compares and asks Pulumi."""

    def __init__(self, name: str, publish: Callable[[Mapping[str, Any]], None]) -> None:
        """Begin to read as soon as `look` says so.

        Args:
            name: the stack's name.
            publish: gets all that is known of the stack, whenever it was read.
        """
        self._name = name
        self._publish = publish
        self._wanted = threading.Event()
        self._changed = threading.Event()
        self._board: Mapping[str, Any] = {}
        self._looked: Mapping[str, Any] = {}
        self._why = ""
        self._read_at: float | None = None
        self._settings: Settings | None = None
        self._written: float | None = None
        self._applied: Applied | None = None
        self._seen: object = None
        self._looks = False
        for loop in (self._read, self._look):
            # Nothing that they hold outlives the process.
            threading.Thread(target=loop, daemon=True).start()

    def look(self, *, wanted: bool) -> None:
        """Read from now on, or no more."""
        if wanted:
            self._wanted.set()
            self._changed.set()
        else:
            self._wanted.clear()

    def age(self) -> Mapping[str, Any]:
        """How many seconds old the newest reading is, None before the first, and why it is not newer."""
        age = None if self._read_at is None else time.monotonic() - self._read_at
        return {"stack": self._name, "age": age, "why": self._why}

    def _read(self) -> None:
        while self._wanted.wait():
            try:
                # Pulumi is not asked again for each try at a cluster that is away.
                settings = self._settings
                if settings is None or project.config_time(self._name) != self._written:
                    self._written, settings = project.config_time(self._name), config.settings(self._name)
                    self._settings = settings
                by_requests.must_be_asked(self._name, settings, "the page")
                # A cluster that was away may be another one by now, with other credentials.
                with live.connect(settings) as gateways:
                    self._follow(gateways, settings)
            except Exception as error:
                # Also one that nobody has thought of: the page says it, and reads on.
                self._why = _said(error)
                self._tell()
                time.sleep(READ_SECONDS)

    def _follow(self, gateways: Gateways, settings: Settings) -> None:
        """Read each second until nobody looks, or the config names another cluster. Raises RolloutError."""
        applied = objects(stack.resources(self._name))
        board = Board(self._name, settings, live.read(gateways, settings), applied)
        while self._wanted.is_set():
            began = time.monotonic()
            if project.config_time(self._name) != self._written:
                self._written, self._settings = project.config_time(self._name), _edited(self._name, settings)
            edited = self._settings or settings
            if _asked(edited) != _asked(settings):
                return
            settings = edited
            board.applied = self._applied or board.applied
            reading = Reading(time.time(), traffic.read(gateways, settings), latency.read(gateways, settings))
            board.add(settings, live.read(gateways, settings), reading)
            self._board = facts.of_board(board)
            self._read_at, self._why = time.monotonic(), ""
            self._tell()
            time.sleep(max(0.0, began + READ_SECONDS - time.monotonic()))

    def _look(self) -> None:
        while self._wanted.wait():
            self._changed.wait(_LOOK_SECONDS)
            self._changed.clear()
            if self._wanted.is_set():
                self._looks = True
                findings, why = _or_why(self._findings)
                past, lost = history(self._name)
                self._looked = {
                    "findings": findings,
                    "findingsWhy": why,
                    "history": past,
                    "historyWhy": lost,
                    "lookedAt": look.when(time.time()),
                }
                self._looks = False
                self._tell()
                time.sleep(_PAUSE_SECONDS)

    def _findings(self) -> Iterator[Mapping[str, str]]:
        self._applied = objects(stack.resources(self._name))
        if not config.is_ours(self._name):
            # An `up` of another program may change them without its config file.
            self._settings = config.settings(self._name)
        verdict = verify(self._name, 0)
        for found in verdict.differences:
            yield {"what": found.what, "mend": found.mend}
        for warning in verdict.warnings:
            yield {"what": warning, "mend": ""}

    def _tell(self) -> None:
        running, said_of_it = _running(self._name)
        seen = worth_a_look(self._board, running, self._why)
        if seen != self._seen:
            self._seen = seen
            self._changed.set()
        said = {**self.age(), **self._board, **self._looked}
        looking = self._looks or self._changed.is_set()
        self._publish({**said, "running": said_of_it, "looking": looking})


def history(name: str) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Return the newest updates of a stack, and what keeps it from being known where `rollback` could go."""
    newest, lost = _or_why(lambda: _told(name))
    candidates, why = _or_why(lambda: back.candidates(name))
    return facts.of_history(newest[:_UPDATES], candidates), lost or why


def _told(name: str) -> Sequence[updates.Update]:
    try:
        key = config.weights_key(name)
    except RolloutError:
        # Without it the updates are told all the same; `back.candidates` says why there is none.
        key = ""
    # One more, from which the oldest that is shown moved traffic.
    return updates.told(list(itertools.islice(stack.history(name), _UPDATES + 1)), key)


def _or_why(found: Callable[[], Iterable[_T]]) -> tuple[list[_T], str]:
    """What was found, or what kept it from being found."""
    try:
        return list(found()), ""
    except Exception as error:
        return [], _said(error)


def _said(error: Exception) -> str:
    """An error in words: ours are sentences, of others the name tells something too."""
    return str(error) if isinstance(error, RolloutError) else f"{type(error).__name__}: {error}"


def worth_a_look(board: Mapping[str, Any], running: object, why: str) -> object:
    """Return what makes the slow rest worth a look before its time, when it is another than before.

    The counts of failed requests and a shift's seconds do not: they change each second.
    """
    verdict = board.get("verdict")
    return verdict, "" if verdict == "failing" else board.get("reason"), running, bool(why)


def _running(name: str) -> tuple[object, str]:
    """The shift or `up` of the stack that runs on this machine, and the same in words; none: empty."""
    try:
        entry = journal.read(name)
        if entry is not None and entry.is_running:
            return entry, entry.progress(time.time())
        engines = locks.engines(name)
    except Exception as error:
        # Such as a Pulumi.yaml that is being edited, or the file of another release's shift.
        return None, f"what runs on the stack is not known: {_said(error)}"
    return engines, f"Pulumi works on the stack, in process {engines[0]}" if engines else ""


def _edited(name: str, settings: Settings) -> Settings:
    """The config as edited; while it has mistakes, which `verify` tells, the one from before."""
    try:
        return config.settings(name)
    except RolloutError:
        return settings


def _asked(settings: Settings) -> tuple[object, object]:
    """What the connections to the gateways hang on."""
    return settings.cluster, settings.routing.gateway_selector
