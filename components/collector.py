"""Python's collector in a process of ours: what is imported stays to its end, which is near, and is left out.

Its looks through all of that took a quarter of a program's processor time, most of it at the end, for which
Pulumi waits.
"""

import atexit
import gc
from functools import cache


@cache
def leave_out() -> None:
    """Leaves out what is loaded by now, and at the end of the process all that is left; once."""
    gc.freeze()
    atexit.register(gc.freeze)
