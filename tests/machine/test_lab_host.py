"""The lab's host as its user meets it: by `python -m lab` and the `minikube` on its PATH."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import lab.cgroups
from harness.pace import pace
from tests.lab import subnets
from tests.lab.second_lab import SecondLab, differences, machine, second_lab

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondLab]:
    """A running host without a cluster."""
    made = second_lab(tmp_path_factory.mktemp("second"))
    made.run("up")
    yield made
    made.run("down")


def test_up_again_changes_nothing(second: SecondLab) -> None:
    pid = (second.layout.host / "pid").read_text()
    done = second.run("up")
    assert f"running at {subnets.host(subnets.OWN)}" in done.stderr
    assert (second.layout.host / "pid").read_text() == pid


def test_up_starts_a_killed_containerd_again(second: SecondLab) -> None:
    for pid in lab.cgroups.processes(lab.cgroups.existing(second.layout.cgroup)):
        # Some of them end at any time.
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.name() == "containerd":
                process.kill()
                process.wait(10 * pace())
    assert second.run("status", check=False).returncode == 3
    done = second.run("up")
    assert "starting containerd again" in done.stderr
    assert second.run("status").returncode == 0


def test_up_with_other_options_is_refused(second: SecondLab) -> None:
    other = SecondLab(second.folder, subnets.OTHER, second.home)
    done = other.run("up", check=False)
    assert done.returncode == 1
    assert f"--subnet {subnets.OWN}" in done.stderr
    assert "down" in done.stderr


def test_a_subnet_of_another_lab_is_refused(second: SecondLab, tmp_path: Path) -> None:
    third = SecondLab(tmp_path / "third", second.subnet, tmp_path)
    done = third.run("up", check=False)
    assert done.returncode == 1
    assert f"{subnets.OWN} on {second.layout.link}" in done.stderr
    assert "--subnet" in done.stderr
    assert not third.folder.exists()


def test_two_at_once_do_not_clash(second: SecondLab) -> None:
    first = second.begin(*second.command("up"))
    done = second.run("up", check=False)
    assert first.wait() == 0 or done.returncode == 0
    assert done.returncode == 0 or "is running; let it finish" in done.stderr
    assert second.run("status").returncode == 0


def test_status_as_json(second: SecondLab) -> None:
    status = json.loads(second.run("status", "-o", "json").stdout)
    assert status["up"] is True
    assert status["address"] == subnets.host(subnets.OWN)
    assert status["images"] >= 10
    assert status["profiles"] == []
    assert status["kubernetes"] is False


def test_every_image_archive_is_imported_under_its_names(second: SecondLab) -> None:
    names = second.run("exec", "--", "ctr", "-n", "k8s.io", "images", "list", "-q").stdout.split()
    assert {"docker.io/janakiramm/myapp:v1", "docker.io/janakiramm/myapp:v2"} <= set(names)
    assert any(name.startswith("registry.k8s.io/kube-apiserver:v1.35.1") for name in names)


def test_exec_keeps_directory_environment_input_and_status(second: SecondLab) -> None:
    done = subprocess.run(
        second.command("exec", "--", "sh", "-c", "pwd; echo $COLOUR; cat; exit 7"),
        cwd=Path(__file__).parents[2],
        env=second.environment | {"COLOUR": "blue"},
        input="typed\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [str(Path(__file__).parents[2]), "blue", "typed"]
    assert done.returncode == 7


def test_options_of_the_command_are_its_own(second: SecondLab) -> None:
    assert second.run("exec", "--", "echo", "--dir", "-o", "json").stdout == "--dir -o json\n"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_command_ends_with_the_one_who_called_it(second: SecondLab, end: signal.Signals) -> None:
    mark = f"3{os.getpid()}{end.value}"  # seconds that no other `sleep` here sleeps
    calling = second.begin(*second.command("exec", "--", "sleep", mark))

    def sleeping() -> bool:
        pids = lab.cgroups.processes(lab.cgroups.existing(second.layout.cgroup))
        return any(psutil.Process(pid).cmdline() == ["sleep", mark] for pid in pids)

    _until(sleeping)
    calling.send_signal(end)
    calling.wait(timeout=10 * pace())
    _until(lambda: not sleeping())


def test_the_host_cannot_change_the_machine(second: SecondLab) -> None:
    before = machine(second)
    script = """
        echo leaked > /etc/leaked; echo leaked > /usr/local/bin/leaked; echo leaked > /var/leaked
        echo leaked > /tmp/h.leaked; echo leaked > /run/leaked; rm -rf /opt/cni /usr/share/doc
        echo 3 > /proc/sys/kernel/panic; sysctl -w vm.swappiness=1; hostname leaked
        ip link add leaked type dummy; ip link set leaked up; mount -t tmpfs leaked /mnt
        mkdir /sys/fs/cgroup/cpu/leaked /sys/fs/cgroup/leaked
        ls /etc/leaked /var/leaked && cat /proc/sys/kernel/panic
    """
    done = second.run("exec", "--", "sh", "-c", script, check=False)
    assert done.stdout.split()[-3:] == ["/etc/leaked", "/var/leaked", "3"]
    assert differences(before, machine(second)) == []
    for path in ("/etc", "/var", "/tmp", "/run"):  # noqa: S108 - what is not to be there
        assert not list(Path(path).glob("*leaked"))
    assert not Path("/sys/class/net/leaked").exists()
    assert not [one for one in lab.cgroups.hierarchies() if (Path(one.mount) / "leaked").exists()]
    second.run("exec", "--", "hostname", "lab")


def test_a_pod_finds_the_api_server_before_kube_proxy_does_and_no_way_out(second: SecondLab) -> None:
    """Else CoreDNS, the first pod, gets ready late, and every name with it."""
    ask = """
import socket, sys
for host, port in (("10.96.0.1", 443), ("10.96.0.10", 53)):
    try:
        socket.create_connection((host, port), 5)
        print("connected")
    except OSError as error:
        print(type(error).__name__)
"""
    script = f"""
        ip netns add pod
        ip link add pod0 type veth peer name eth0 netns pod
        ip address add 10.244.9.1/24 dev pod0 && ip link set pod0 up
        ip -n pod address add 10.244.9.2/24 dev eth0 && ip -n pod link set eth0 up
        ip -n pod route add default via 10.244.9.1
        python3 -c 'import socket; s = socket.create_server(("{second.layout.address}", 8443)); s.accept()' &
        until ss -Hltn 'sport = 8443' | grep -q .; do sleep 0.05; done
        ip netns exec pod python3 -c "$1"
        kill $! || true
        ip netns delete pod
    """
    done = second.run("exec", "--", "bash", "-euc", script, "pod", ask)
    assert done.stdout.split() == ["connected", "ConnectionRefusedError"]


def test_logs_are_named_and_shown(second: SecondLab) -> None:
    _until(lambda: "containerd successfully booted" in second.run("logs", "containerd").stdout)
    done = second.run("logs", "nothing", check=False)
    assert done.returncode == 1
    assert "containerd" in done.stderr


def test_without_a_host_each_command_says_how_to_start_it(tmp_path: Path) -> None:
    absent = SecondLab(tmp_path / "absent", subnets.OTHER, tmp_path)
    for arguments in (["exec", "--", "true"], ["logs"]):
        done = absent.run(*arguments, check=False)
        assert done.returncode == 1
        assert "up" in done.stderr
        assert "Traceback" not in done.stderr
    assert absent.run("status", check=False).returncode == 3
    assert absent.run("down").returncode == 0


def test_minikube_of_an_ended_host_says_how_to_start_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    third = SecondLab(tmp_path / "lab", subnets.OTHER, home)
    third.run("up")
    try:
        psutil.Process(int((third.layout.host / "pid").read_text().split()[0])).kill()
        _until(lambda: third.run("status", check=False).returncode == 3)
        done = third.minikube("status", check=False)
        assert done.returncode == 3
        assert f"python3 -m lab --dir {third.folder} up" in done.stderr
    finally:
        third.run("down")


def _until(condition: Callable[[], bool]) -> None:
    limit = 20 * pace()
    deadline = time.monotonic() + limit
    while True:
        try:
            if condition():
                return
        except psutil.NoSuchProcess:
            pass
        assert time.monotonic() < deadline, f"it did not come true within {limit:.0f} s"
        time.sleep(0.05)
