"""`lab down` leaves nothing, whatever the lab was doing and whatever was killed before."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

import lab.cgroups
from harness.pace import pace
from lab import host
from tests.lab import subnets
from tests.lab.second_lab import (
    START,
    Living,
    Machine,
    SecondLab,
    differences,
    living,
    machine,
    second_lab,
    survivors,
)

T = TypeVar("T")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The machine without the second lab."""
    folder = tmp_path_factory.mktemp("before")
    return machine(SecondLab(folder, subnets.OWN, folder))


@pytest.fixture
def second(tmp_path: Path, before: Machine) -> Iterator[SecondLab]:
    """A lab to be made and unmade by the test; taken away after it all the same."""
    del before  # only to be read first
    made = second_lab(tmp_path)
    yield made
    made.run("down")


def assert_nothing_left(second: SecondLab, were: Living, before: Machine) -> None:
    assert survivors(were, second) == []
    assert differences(before, machine(second)) == []
    assert not second.folder.exists()
    assert list(second.home.iterdir()) == []


def test_after_a_whole_life_with_minikube(second: SecondLab, before: Machine) -> None:
    second.run("up")
    second.start_minikube()
    were = living(second)
    second.minikube("stop")
    second.minikube("delete")
    second.run("down")
    assert len(were.processes) > 10
    assert len(were.namespaces) > 6
    assert_nothing_left(second, were, before)


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_with_minikube(second: SecondLab, before: Machine, *, paused: bool) -> None:
    second.run("up")
    second.start_minikube()
    were = living(second)
    if paused:
        second.minikube("pause")
    second.run("down")
    assert_nothing_left(second, were, before)


def _first_process(second: SecondLab) -> psutil.Process:
    return psutil.Process(host.ensure_running(second.layout))


def _member(name: str) -> Callable[[SecondLab], psutil.Process]:
    def find(second: SecondLab) -> psutil.Process:
        for pid in lab.cgroups.processes(lab.cgroups.existing(second.layout.cgroup)):
            # Some of them end at any time.
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if process.name() == name:
                    return process
        raise AssertionError(f"no {name} runs in the lab")

    return find


@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(_first_process, id="first process"),
        pytest.param(_member("unshare"), id="holder"),
        pytest.param(_member("containerd"), id="containerd"),
    ],
)
def test_after_a_kill(
    second: SecondLab, before: Machine, victim: Callable[[SecondLab], psutil.Process]
) -> None:
    second.run("up")
    were = living(second)
    victim(second).kill()
    second.run("down")
    assert_nothing_left(second, were, before)


@pytest.mark.parametrize("who", ["minikube", "kubeadm", "kubelet"])
def test_after_a_kill_in_the_middle_of_minikube_start(second: SecondLab, before: Machine, who: str) -> None:
    second.run("up")
    starting = second.begin(str(second.folder / "bin" / "minikube"), *START[1:])

    def kill() -> Living:
        victim = _member(who)(second)
        were = living(second)
        victim.kill()
        return were

    were = _awaited(kill, starting)
    second.run("down")
    assert starting.wait(timeout=10 * pace()) != 0
    assert_nothing_left(second, were, before)


# What of `up` can be seen from outside, in the order in which it comes.
MOMENTS: dict[str, Callable[[SecondLab], bool]] = {
    "record": lambda second: (second.layout.host / "record.json").exists(),
    "cgroup": lambda second: bool(lab.cgroups.existing(second.layout.cgroup)),
    "namespaces": lambda second: len(living(second).namespaces) > 2,
    "file system": lambda second: (second.layout.host / "var" / "upper").exists(),
    "first process": lambda second: (second.layout.host / "pid").exists(),
    "link": lambda second: Path("/sys/class/net", second.layout.link).exists(),
    "containerd": lambda second: (second.layout.logs / "containerd.log").exists(),
    "minikube": lambda second: (second.layout.bin / "minikube").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_of_up(second: SecondLab, before: Machine, moment: str) -> None:
    making = second.begin(*second.command("up"))
    _awaited(lambda: MOMENTS[moment](second) or None, making)
    making.send_signal(signal.SIGKILL)
    # The last moments are so late that it may have ended by itself, which is no less to be removed.
    assert making.wait() in {-signal.SIGKILL, 0}
    were = living(second)
    second.run("down")
    assert_nothing_left(second, were, before)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_up_removes_what_it_made(
    second: SecondLab, before: Machine, end: signal.Signals
) -> None:
    making = second.begin(*second.command("up"))
    _awaited(lambda: MOMENTS["namespaces"](second) or None, making)
    were = living(second)
    making.send_signal(end)
    assert making.wait(timeout=30 * pace()) != 0
    assert_nothing_left(second, were, before)


def test_up_after_a_killed_up_makes_a_working_lab(second: SecondLab) -> None:
    making = second.begin(*second.command("up"))
    _awaited(lambda: MOMENTS["link"](second) or None, making)
    making.kill()
    making.wait()
    done = second.run("up")
    assert "unfinished" in done.stderr
    assert second.run("status").returncode == 0


def test_after_a_kill_of_down(second: SecondLab, before: Machine) -> None:
    second.run("up")
    were = living(second)
    removing = second.begin(*second.command("down"))
    _awaited(lambda: host.running(second.layout) is None or None, removing)
    removing.kill()
    removing.wait()
    second.run("down")
    assert_nothing_left(second, were, before)


def test_an_up_that_fails_leaves_nothing_and_says_why(
    second: SecondLab, before: Machine, tmp_path: Path
) -> None:
    # A tools directory whose only image archive is none.
    tools = tmp_path / "tools"
    (tools / "images").mkdir(parents=True)
    (tools / "bin").symlink_to((second.layout.tools / "bin").resolve())
    (tools / "images" / "broken.tar").write_text("no archive")
    done = second.run("--tools", str(tools), "up", check=False)
    assert done.returncode == 1
    assert "broken.tar" in done.stderr
    assert "Traceback" not in done.stderr
    assert_nothing_left(second, Living(frozenset(), frozenset()), before)


def test_what_others_keep_beside_the_lab_survives(second: SecondLab) -> None:
    state = second.folder / "pulumi" / "state.json"
    second.run("up")
    state.parent.mkdir()
    state.write_text("{}")
    second.run("down")
    assert [path.name for path in second.folder.iterdir()] == ["pulumi"]
    assert state.read_text() == "{}"


def _awaited(look: Callable[[], T | None], running: subprocess.Popen[bytes]) -> T:
    """What `look` finds while the process runs; fails the test if that ends first."""
    deadline = time.monotonic() + 60 * pace()
    while True:
        try:
            found = look()
        except (AssertionError, psutil.NoSuchProcess):
            found = None
        if found is not None:
            return found
        assert running.poll() is None, "the command ended before the moment to kill it"
        assert time.monotonic() < deadline, "the moment did not come"
