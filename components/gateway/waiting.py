"""How the program waits: what a long wait says meanwhile, and how it is ended from outside."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from ..kubernetes.errors import ForbiddenError, GatewayError, NotConvergedError

# Names a file: once it is there, every wait ends. The engine has no way to tell a dynamic provider that
# it was interrupted (its Cancel does nothing there), so our commands tell it so.
STOP = "BLUE_GREEN_STOP"
# Set where the engine itself can tell, as it does the plugin.
INTERRUPTED = threading.Event()
# Who hears what a wait says in this thread; None: who started the process.
LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)
# How what a wait says begins.
WAITING = "waiting, at most"
# How old an answer may be at first: istiod itself collects changes for 100 ms.
PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1
_STOP_SECONDS = 0.1
# From then on a wait says why, and again when there is a new reason.
QUIET_SECONDS = 3
# A pull that fails, and backs off, and fails from another port, has two reasons.
_PORT = re.compile(r"\d{4,}")
_ASK_SECONDS = 1


class InterruptedWaitError(NotConvergedError):
    """Whoever started the program wants it to end."""


class HopelessWaitError(NotConvergedError):
    """What is missing does not come by waiting; its first line says what and what to type."""


def wait_until(
    check: Callable[[], tuple[str, ...]], seconds: float, why: Callable[[], list[str]] | None = None
) -> None:
    """Checks until nothing is missing any more.

    `check` returns a sentence for each thing that is; a GatewayError of it counts as one, but for a
    HopelessWaitError, which ends the wait, as a right that is missing does. With `why`,
    a wait of more than three seconds says what is missing, with the reasons that `why` knows. Raises
    NotConvergedError with the last of what is missing; as InterruptedWaitError where it was ended
    by STOP or INTERRUPTED.
    """
    began = time.monotonic()
    said, next_look = set[str](), began + QUIET_SECONDS
    while True:
        look = time.monotonic()
        try:
            missing = check()
        except HopelessWaitError:
            raise
        except ForbiddenError as error:
            raise HopelessWaitError(str(error)) from error
        except GatewayError as error:
            missing = (str(error),)
        if not missing:
            return
        now = time.monotonic()
        if now >= began + seconds:
            raise NotConvergedError("\n".join(missing))
        if why is not None and now >= next_look and not _stopped():
            reason = "; ".join([*missing, *why()])
            told = _PORT.sub("", reason)
            if told not in said:
                say(f"{WAITING} {seconds:g} s: {reason}")
            said.add(told)
            next_look = time.monotonic() + _ASK_SECONDS
        _rest(_pause(now - began, now - look))
        if _stopped():
            raise InterruptedWaitError("\n".join(missing))


def outcome(error: NotConvergedError, late: str) -> tuple[str, list[str]]:
    """The end of the first line of what a wait missed, and the lines after it.

    What no waiting mends stands in the first.
    """
    first, *rest = str(error).splitlines()
    if isinstance(error, HopelessWaitError):
        return f": {first}", rest
    ended = "before it was interrupted" if isinstance(error, InterruptedWaitError) else late
    return f" {ended}.", [first, *rest]


def say(text: str) -> None:
    """Tells the user of an `up` now: Pulumi shows at once what a dynamic provider prints there."""
    listener = LISTENER.get()
    if listener is None:
        print(text, file=sys.stderr, flush=True)
    else:
        listener(text)


def _pause(waited: float, took: float) -> float:
    """The seconds until the next look: few at first, more when a look itself takes long."""
    return min(max(PAUSE_SECONDS, waited / 20, took / 2), _LONGEST_PAUSE_SECONDS)


def _rest(seconds: float) -> None:
    """Does nothing for so long, but for a look now and then whether the wait is to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not _stopped():
        time.sleep(min(left, _STOP_SECONDS))


def _stopped() -> bool:
    file = os.environ.get(STOP)
    return INTERRUPTED.is_set() or (file is not None and Path(file).exists())
