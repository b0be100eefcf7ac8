"""The lab's one kind of failure: a sentence for the user."""

from __future__ import annotations


class LabError(Exception):
    """What is wrong, where, and what to do about it; `log` is the tail of the log that shows it."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log
