"""One run of a profile's `minikube`, and what its failure says."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from . import errors as minikube_errors
from .errors import Failure, MinikubeError
from .profile import Profile


class Run(NamedTuple):
    """How a run ended: its failure, or None, and the lines of its standard output."""

    failed: Failure | None
    lines: list[str]


def run(
    profile: Profile, arguments: Sequence[str], seconds: int, each: Callable[[str], None] | None = None
) -> Run:
    """Runs it to its end, and gives each line of its output to `each` as it comes.

    Raises MinikubeError where there is no minikube, or it takes longer than `seconds`.
    """
    program = profile.program
    if program is None:
        raise MinikubeError(profile.missing)
    lines: list[str] = []
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=profile.environment,
            text=True,
            errors="replace",
        ) as process,
        _watched(process, seconds) as watch,
    ):
        for line in process.stdout or ():
            lines.append(line.rstrip("\n"))
            if each is not None:
                each(lines[-1])
        status = process.wait()
        errors.seek(0)
        said = errors.read().splitlines()
    if watch.late:
        raise MinikubeError(f"`minikube {' '.join(arguments)}` took more than {seconds} s, and was ended.")
    return Run(minikube_errors.failure(status, lines, said) if status else None, lines)


@dataclass
class _Watch:
    """`late`: the process was ended because its time was up."""

    late: bool = False


@contextmanager
def _watched(process: subprocess.Popen[str], seconds: int) -> Generator[_Watch]:
    """Ends the process when its time is up, or when the Pulumi that wanted it is gone.

    Where Pulumi is killed, its providers live on, and a `minikube start` would meet the next one.
    """
    watch, ended, deadline = _Watch(), threading.Event(), time.monotonic() + seconds

    def look() -> None:
        while not ended.wait(1):
            try:
                # Pulumi reads this pipe, and shows no empty lines.
                print(file=sys.stderr, flush=True)
            except OSError:
                process.kill()
                return
            if time.monotonic() > deadline:
                watch.late = True
                process.kill()
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    except BaseException:
        process.kill()
        raise
    finally:
        ended.set()
        thread.join()


def output(profile: Profile, arguments: Sequence[str], seconds: int) -> str:
    """What it prints on standard output. Raises MinikubeError where it fails."""
    done = run(profile, arguments, seconds)
    if done.failed is not None:
        raise error(profile, arguments, done.failed)
    return "\n".join(done.lines)


def error(profile: Profile, arguments: Sequence[str], failed: Failure) -> MinikubeError:
    """The sentence for the failure, then the end of what it said, where that is more."""
    sentence = failed.sentence(profile)
    if failed.tail == (failed.message,):
        return MinikubeError(sentence)
    command = f"`minikube {' '.join(arguments)}` said:"
    return MinikubeError("\n  ".join([sentence, command, *failed.tail]))
