"""The end of the program when its engine closes it."""

import os
import signal


def end_at_once() -> None:
    """Ends this program as soon as its engine tells it to, which is when nothing of it is wanted any more.

    Pulumi closes the program of an interrupted `up` by SIGINT, and five seconds later by SIGKILL: Python
    alone would wait for the threads of registrations that nobody answers any more. A terminal's Ctrl-C
    does not reach the program, which is in a process group of its own.
    """
    signal.signal(signal.SIGINT, _end)


def _end(_number: int, _frame: object) -> None:
    os._exit(1)
