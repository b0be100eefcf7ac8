"""The end of our processes: when their engine says so, when it is gone, and by a value that cannot be had."""

import os
import signal
import socket
import sys
import threading
import time
from functools import cache

import pulumi

from .carrier import in_plugin

_ENGINE_SECONDS = 2
_ENGINE = "--engine"


def end_at_once() -> None:
    """Ends this program as soon as its engine tells it to, which is when nothing of it is wanted any more.

    Pulumi closes the program of an interrupted `up` by SIGINT, and five seconds later by SIGKILL: Python
    alone would wait for the threads of registrations that nobody answers any more. A terminal's Ctrl-C
    does not reach the program, which is in a process group of its own. An engine that was killed tells
    nothing: the program would wait for its answers for ever.
    """
    signal.signal(signal.SIGINT, _end)
    # What Pulumi starts the program with; it takes that out of sys.argv.
    if _ENGINE in sys.orig_argv:
        end_with(sys.orig_argv[sys.orig_argv.index(_ENGINE) + 1])


def _end(_number: int, _frame: object) -> None:
    os._exit(1)


def failed(why: Exception | str) -> pulumi.RunError:
    """The error by which a value that is looked up ends the program; says at once why.

    Pulumi says it last, after it has stopped the hooks that are still at work. An engine one of whose hooks
    was stopped may have ended by then, and shows the hook alone.
    """
    if in_plugin():
        return pulumi.RunError(str(why))
    pulumi.log.error(str(why))
    return pulumi.RunError("The program has ended: the error above says why.")


@cache
def end_with(engine: str) -> None:
    """Ends this process soon after the engine at `engine` (host:port) is gone, as after a SIGKILL.

    Its parent tells nothing: that is a shell or a language host, which waits for this process.
    """
    threading.Thread(target=_watch, args=(engine,), daemon=True).start()


def _watch(engine: str) -> None:
    host, _, port = engine.rpartition(":")
    while True:
        time.sleep(_ENGINE_SECONDS)
        try:
            socket.create_connection((host, int(port)), timeout=_ENGINE_SECONDS).close()
        except ConnectionRefusedError:
            os._exit(1)
        except OSError:
            continue  # It may be too busy to accept.
