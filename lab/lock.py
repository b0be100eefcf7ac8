"""One `up` or `down` at a time for each lab."""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Generator

    from lab.layout import Lab


@contextmanager
def held(lab: Lab) -> Generator[None]:
    """Hold the lab's lock; raises LabError where another command holds it.

    The kernel releases it with the process, however that ends. Where nothing of the lab is left,
    its directory goes too.
    """
    while True:
        try:
            lab.directory.mkdir(parents=True, exist_ok=True)
            handle = os.open(lab.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
            if any(path.is_file() for path in (lab.directory, *lab.directory.parents)):
                raise LabError(f"{lab.directory} is not a directory: use another --dir") from error
            continue  # whoever held the lock is just removing the directory
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise LabError(
                f"another `lab up` or `lab down` of {lab.directory} is running; let it finish, then try again"
            ) from error
        # Whoever held it may have removed the file: only a lock on the one that is there counts.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == lab.lock.stat().st_ino:
                break
        os.close(handle)
    try:
        yield
    finally:
        if not any(path.exists() for path in lab.made):
            lab.lock.unlink()
            with contextlib.suppress(OSError):  # someone else's things are in it
                lab.directory.rmdir()
        os.close(handle)
