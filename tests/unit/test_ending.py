"""The program ends when its engine says so, whatever its threads wait for."""

import signal
import subprocess
import sys

from harness.labs import ROOT

PROGRAM = """\
import threading
from concurrent.futures import ThreadPoolExecutor

from components.ending import end_at_once

end_at_once()
never = threading.Event()
ThreadPoolExecutor(1).submit(never.wait)
print("waits", flush=True)
never.wait()
"""


def test_a_thread_that_waits_for_an_answer_does_not_hold_the_end() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE) as program:
        assert program.stdout
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        try:
            assert program.wait(20) == 1
        finally:
            program.kill()
