"""Every refusal of `lab up`: one sentence that says what to do, and nothing is made."""

import os
import shutil
import signal
import sys
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from lab import checks, commands, network
from lab.cgroups import Hierarchy, hierarchies, missing_controllers, mounts_inside
from lab.commands import app
from lab.errors import LabError
from lab.layout import OWN


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_another_system_is_told_to_use_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(LabError, match="make up STACK=dev"):
        checks.root_on_linux()


def test_a_user_is_told_to_become_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="sudo"):
        checks.root_on_linux()


@pytest.mark.parametrize("command", [["up"], ["down"], ["exec", "--", "true"]])
def test_no_command_that_acts_makes_anything_for_a_user(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(app, ["--dir", str(tmp_path / "lab"), *command])
    assert isinstance(result.exception, LabError)
    assert "root" in str(result.exception)
    assert not (tmp_path / "lab").exists()


def test_missing_programs_are_named_by_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def which(name: str) -> str | None:
        return None if name in {"ctr", "containerd", "nft"} else f"/bin/{name}"

    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setattr(checks, "CNI_PLUGIN", tmp_path / "bridge")
    assert checks.missing_programs() == (
        "programs are missing: apt-get install --yes containerd containernetworking-plugins nftables"
    )


def test_missing_tools_say_make_tools(tmp_path: Path) -> None:
    assert checks.missing_tools(tmp_path) == (
        f"{tmp_path}/bin lacks crictl, kubeadm, kubectl, kubelet, minikube: make tools"
    )


def test_missing_images_say_make_tools(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in checks.TOOLS:
        (tmp_path / "bin" / name).touch()
    assert checks.missing_tools(tmp_path) == f"{tmp_path}/images holds no image archive: make tools"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "etcd.tar").touch()
    assert checks.missing_tools(tmp_path) is None


def fake_proc(tmp_path: Path, *, bridge: bool = True, filesystems: str = "nodev\toverlay\n") -> Path:
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "uts"):
        path = tmp_path / "self" / "ns" / kind
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if bridge:
        key = tmp_path / "sys" / "net" / "bridge" / "bridge-nf-call-iptables"
        key.parent.mkdir(parents=True)
        key.touch()
    (tmp_path / "filesystems").write_text(filesystems)
    return tmp_path


def test_a_kernel_with_everything_passes(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path)
    assert checks.missing_kernel_features(proc) is None


def test_modules_that_cannot_be_loaded_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: str) -> str:
        raise LabError("modprobe: FATAL: Module overlay not found")

    monkeypatch.setattr("lab.command.run", run)
    proc = fake_proc(tmp_path, bridge=False, filesystems="ext4\n")
    reason = checks.missing_kernel_features(proc)
    assert reason is not None
    assert reason.startswith("the kernel has not loaded overlay and br_netfilter")
    assert reason.endswith("on the machine itself, modprobe --all overlay br_netfilter")


def test_modules_that_can_be_loaded_are_no_reason_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run(*words: str) -> str:
        asked.append(words)
        return ""

    monkeypatch.setattr("lab.command.run", run)
    proc = fake_proc(tmp_path, bridge=False)
    assert checks.missing_kernel_features(proc) is None
    assert asked == [("modprobe", "--dry-run", "--all", "br_netfilter")]
    assert checks.missing_modules(proc) == ("br_netfilter",)


def test_a_kernel_without_namespaces_is_refused(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path)
    (proc / "self" / "ns" / "cgroup").unlink()
    reason = checks.missing_kernel_features(proc)
    assert reason is not None
    assert "no cgroup namespaces" in reason


def test_a_full_disk_is_refused_with_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(10 * 1024**3, 8 * 1024**3, 2 * 1024**3)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    reason = checks.little_disk(tmp_path / "not" / "yet")
    assert reason is not None
    assert "2.0 GiB free and the lab needs 3" in reason
    assert asked == [tmp_path]

    def enough(path: Path) -> Usage:
        return Usage(0, 0, checks.MIN_FREE_BYTES if path else 0)

    monkeypatch.setattr(shutil, "disk_usage", enough)
    assert checks.little_disk(tmp_path) is None


@pytest.mark.parametrize(("kind", "refused"), [("overlayfs", True), ("nfs", True), ("ext2/ext3", False)])
def test_a_disk_that_no_overlay_can_write_to_is_refused(
    kind: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def run(*words: object) -> str:
        asked.extend(words)
        return f"{kind}\n"

    monkeypatch.setattr("lab.command.run", run)
    reason = checks.unfit_disk(tmp_path / "not" / "yet")
    assert asked == ["stat", "--file-system", "--format=%T", tmp_path]
    assert (reason is not None) is refused
    assert not reason or reason.startswith(
        f"{tmp_path}/not/yet is on {kind}, to which no overlay can write: "
    )


def test_this_disk_is_one_that_stat_names() -> None:
    assert checks.unfit_disk(Path("/proc")) is None


def test_roots_programs_are_found_where_su_has_kept_the_path_of_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/usr/sbin")
    # The handlers are those of this process of the tests.
    monkeypatch.setattr(signal, "signal", print)
    monkeypatch.setattr(sys, "argv", ["lab", "--dir", str(tmp_path), "env"])
    with pytest.raises(SystemExit):
        commands.main()
    assert os.environ["PATH"] == "/usr/bin:/usr/sbin:/usr/local/sbin:/sbin"


def test_a_full_disk_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    monkeypatch.setattr(commands, "app", full)
    monkeypatch.setattr(signal, "signal", print)
    with pytest.raises(SystemExit):
        commands.main()
    assert capfd.readouterr().err == (
        "lab: a disk is full ([Errno 28] No space left on device): df -h shows which; free some, or use "
        "--dir on another disk\n"
    )


@pytest.mark.parametrize(
    "other", ["192.168.49.0/24", "192.168.0.0/16", "192.168.49.3/32", "192.168.49.128/25"]
)
def test_an_overlapping_network_is_refused_with_its_link(other: str) -> None:
    reason = checks.taken_subnet(OWN, {"docker0": [IPv4Network(other)]})
    assert reason is not None
    assert f"192.168.49.0/24 is taken, by {other} on docker0: make up LAB_SUBNET=" in reason
    assert not IPv4Network(reason.rpartition("=")[2]).overlaps(IPv4Network(other))


def test_a_network_beside_the_others_passes() -> None:
    taken = {"eth0": [IPv4Network("192.168.48.0/24")], "lo": [IPv4Network("127.0.0.0/8")]}
    assert checks.taken_subnet(OWN, taken) is None


def test_networks_are_those_of_addresses_and_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> str:
        if "address" in arguments:
            return """[{"ifname": "eth0", "addr_info": [{"local": "10.1.2.3", "prefixlen": 16}]},
                       {"ifname": "down0", "addr_info": []}, {}]"""
        return """[{"dst": "default", "dev": "eth0"}, {"dst": "0.0.0.0/1", "dev": "tun0"},
                   {"dst": "10.9.0.0/24", "dev": "tun0"},
                   {"dst": "10.8.0.1", "dev": "tun0"}, {"type": "blackhole", "dst": "10.7.0.0/24"}]"""

    monkeypatch.setattr("lab.command.run", run)
    assert network.networks() == {
        "eth0": [IPv4Network("10.1.0.0/16")],
        "tun0": [IPv4Network("10.9.0.0/24"), IPv4Network("10.8.0.1/32")],
        "a route": [IPv4Network("10.7.0.0/24")],
    }


@pytest.mark.parametrize("subnet", ["8.8.8.0/24", "10.0.0.0/8", "192.168.49.0/30"])
def test_an_unfit_subnet_is_refused(subnet: str) -> None:
    reason = checks.bad_subnet(IPv4Network(subnet))
    assert reason is not None
    assert "--subnet" in reason
    assert checks.bad_subnet(IPv4Network("192.168.50.0/24")) is None
    assert checks.bad_subnet(IPv4Network("192.168.50.0/29")) is None
    refused = checks.bad_subnet(IPv4Network("192.168.50.0/29"), docker=True)
    assert refused
    assert "from /16 to /28" in refused


def test_a_subnet_that_is_none_is_refused_by_the_command_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--dir", str(tmp_path), "--subnet", "192.168.49.1/24", "up"])
    assert isinstance(result.exception, LabError)
    assert "write it like 192.168.49.0/24" in str(result.exception)


@pytest.mark.parametrize("name", ["with space", "with:colon", "with,comma", "with\\backslash"])
def test_a_directory_that_an_overlay_cannot_name_is_refused(name: str) -> None:
    reason = checks.bad_directory(replace(OWN, directory=Path("/home") / name))
    assert reason is not None
    assert "--dir" in reason
    assert checks.bad_directory(replace(OWN, directory=Path("/home/user/blue-green/.lab"))) is None


MOUNTS_V1 = """\
proc /proc proc rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,release_agent=/agent,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0
"""


def test_hierarchies_keep_controllers_and_names_only(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS_V1)
    found = hierarchies(mounts)
    assert found == [
        Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1, ("cpu", "cpuacct")),
        Hierarchy(Path("/sys/fs/cgroup/systemd"), 1, ("name=systemd",)),
        Hierarchy(Path("/sys/fs/cgroup/unified"), 2, ()),
    ]
    assert mounts_inside(found).splitlines() == [
        "/sys/fs/cgroup/cpu,cpuacct cgroup cpu,cpuacct",
        "/sys/fs/cgroup/systemd cgroup name=systemd",
        "/sys/fs/cgroup/unified cgroup2 rw",
    ]


def test_missing_controllers_are_looked_for_in_both_versions(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory io\n")
    both = [Hierarchy(tmp_path, 2, ()), Hierarchy(Path("/cpuset"), 1, ("cpuset",))]
    assert missing_controllers(both) == {"pids"}


def test_no_cgroups_at_all_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.cgroups.hierarchies", lambda: list[Hierarchy]())
    reason = checks.missing_cgroups()
    assert reason is not None
    assert "cpu, cpuset, memory, pids" in reason


def test_a_lab_has_room_for_its_inotify_instances() -> None:
    """Whatever others use meanwhile: none is asked for, and then more than any machine has."""
    assert checks.few_inotify_instances(0) is None
    limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    refused = checks.few_inotify_instances(limit + 1)
    assert refused
    assert "sysctl fs.inotify.max_user_instances=" in refused


def _none(_: object) -> None:
    """A check that has nothing against it."""


@pytest.mark.parametrize(("docker", "needed"), [(False, "24"), (True, "28")])
def test_each_lab_is_refused_where_too_few_inotify_instances_are_left(
    monkeypatch: pytest.MonkeyPatch, docker: bool, needed: str
) -> None:
    for name in ("missing_programs", "missing_kernel_features", "missing_cgroups"):
        monkeypatch.setattr(checks, name, lambda: None)
    for name in ("place", "unfit_disk", "little_disk"):
        monkeypatch.setattr(checks, name, _none)
    monkeypatch.setattr(checks, "few_inotify_instances", "a lab needs {}".format)
    with pytest.raises(LabError, match=f"a lab needs {needed}"):
        checks.machine(replace(OWN, docker=docker))


def test_docker_needs_its_node_image(tmp_path: Path) -> None:
    lab = replace(OWN, tools=tmp_path, docker=True)
    for name in checks.TOOLS:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).touch()
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "pause.tar").touch()
    with pytest.raises(LabError, match="docker holds no node image: python3 -m tools build --docker"):
        checks.built(lab)
