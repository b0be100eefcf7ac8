"""How fast this machine is at the moment: what time limits of tests are multiplied by."""

import os
import subprocess
import sys
import time
from functools import cache

# What the work below took on the quiet two-core machine that the limits were written on.
QUIET_SECONDS = 0.2
WORK = "sum(range(10**7))"


@cache
def pace() -> float:
    """Return how many times longer a fixed piece of work takes, on every processor at once; at least 1.

    It is measured once in a process.
    """
    started = time.monotonic()
    command = (sys.executable, "-S", "-c", WORK)
    working = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    for process in working:
        process.wait()
    return max(1.0, (time.monotonic() - started) / QUIET_SECONDS)
