"""The program ends when its engine says so or is gone, whatever its threads wait for."""

import signal
import socket
import subprocess
import sys

import pytest

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


def test_an_engine_that_is_gone_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as engine:
        # As Pulumi starts it.
        address = f"127.0.0.1:{engine.getsockname()[1]}"
        command = (sys.executable, "-c", PROGRAM, "--monitor", address, "--engine", address, ".")
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as program:
            assert program.stdout
            program.stdout.readline()
            try:
                with pytest.raises(subprocess.TimeoutExpired):
                    program.wait(timeout=3)
                engine.close()
                assert program.wait(timeout=60) == 1
            finally:
                program.kill()


def test_the_collector_has_nothing_to_look_through_at_the_end() -> None:
    # Handlers run in the reverse order: this one after that of the components.
    look = "import atexit, gc; atexit.register(lambda: print(len(gc.get_objects())))"
    program = f"{look}; import components; made = [[] for _ in range(100_000)]"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 10_000


# As the wheel has it.
AS_BLUE_GREEN = """
import gc, sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("blue_green", "components/__init__.py")
blue_green = sys.modules["blue_green"] = module_from_spec(spec)
spec.loader.exec_module(blue_green)
blue_green.TrafficSplit
print(gc.get_freeze_count())
"""


def test_the_collector_of_a_program_of_somebody_elses_is_theirs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_BLUE_GREEN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == 0
