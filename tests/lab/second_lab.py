"""A lab of a test's own, and what the machine shows before, while and after it is there."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TypeAlias

import lab.cgroups
from harness.labs import ROOT
from harness.pace import pace
from lab.host import start_time
from lab.layout import Lab
from tests.lab import subnets

START = (
    "minikube",
    "start",
    "--driver=none",
    "--container-runtime=containerd",
    "--kubernetes-version=v1.35.1",
    "--cni=bridge",
    "--install-addons=false",
    "--preload=false",
    "--cache-images=false",
    "--extra-config=kubeadm.ignore-preflight-errors=SystemVerification",
)
# What a lab mounts over; the machine's own mounts are elsewhere.
_MOUNTED_OVER = (
    "/etc",
    "/lib",
    "/opt",
    "/proc/sys",
    "/run",
    "/sys",
    "/tmp",  # noqa: S108
    "/usr",
    "/var",
    "/var/lib",
    "/mnt",
)
# The settings of the whole machine that kubelet and kube-proxy write.
_SYSCTLS = (
    "kernel/hostname",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "vm/swappiness",
)
# Files and folders that Minikube, kubeadm, kubelet, containerd and the lab write on a host of their own.
_WRITTEN = (
    "/etc/cni",
    "/etc/containerd",
    "/etc/docker",
    "/etc/crictl.yaml",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/init.d",
    "/etc/kubernetes",
    "/etc/resolv.conf",
    "/etc/sudoers.d",
    "/opt",
    "/run/blue-green-lab",
    "/run/shadow",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/minikube",
    "/var/log/containers",
    "/var/log/pods",
)


@dataclass(frozen=True)
class SecondLab:
    """A lab in `folder`, with a home directory of its own and tools shared with the others."""

    folder: Path
    subnet: str
    home: Path

    @property
    def layout(self) -> Lab:
        return Lab(self.folder, ROOT / ".tools", IPv4Network(self.subnet))

    @property
    def environment(self) -> dict[str, str]:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("MINIKUBE", "KUBE"))}
        return outer | {"HOME": str(self.home), "XDG_CACHE_HOME": cache}

    def command(self, *arguments: str) -> list[str]:
        options = ["--dir", str(self.folder), "--subnet", self.subnet]
        return [sys.executable, "-m", "lab", *options, *arguments]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m lab` with these arguments."""
        return self._run(self.command(*arguments), ROOT, check=check)

    def minikube(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the lab's `minikube`, without `lab env` in the environment."""
        # A paused one leaves a file where it was called: beside the home.
        return self._run([str(self.folder / "bin" / "minikube"), *arguments], self.home.parent, check=check)

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `docker` of a lab that has one."""
        return self._run([str(self.folder / "bin" / "docker"), *arguments], self.home.parent, check=check)

    def start_minikube(self) -> subprocess.CompletedProcess[str]:
        return self.minikube(*START[1:])

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Begin a command that the test will interrupt; pytest shows what it says, if the test fails."""
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL)

    def _run(self, command: list[str], place: Path, *, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=place, env=self.environment, capture_output=True, text=True, timeout=280 * pace()
        )
        if check and done.returncode:
            raise AssertionError(f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done


def second_lab(folder: Path) -> SecondLab:
    """A lab in a folder, not up yet, and a home directory beside it."""
    home = folder / "home"
    home.mkdir()
    return SecondLab(folder / "lab", subnets.OWN, home)


@dataclass(frozen=True)
class Living:
    """The lab's processes (id and start time) at one moment, and the namespaces they are in."""

    processes: frozenset[tuple[int, str | None]]
    namespaces: frozenset[str]


def living(second: SecondLab) -> Living:
    """What `down` has to end."""
    name = second.layout.cgroup
    pids = lab.cgroups.processes(lab.cgroups.existing(name))
    own = set(_namespaces(os.getpid()))
    seen = {namespace for pid in pids for namespace in _namespaces(pid)}
    return Living(frozenset((pid, start_time(pid)) for pid in pids), frozenset(seen.difference(own)))


def _namespaces(pid: int) -> Iterator[str]:
    try:
        for link in Path(f"/proc/{pid}/ns").iterdir():
            yield str(link.readlink())
    except OSError:
        return


# What a lab could leave behind or change on the machine, each with what it is now.
Machine: TypeAlias = Mapping[str, str]


def machine(second: SecondLab) -> Machine:
    """Look at what a lab touches; what other labs and the machine's daemons do meanwhile does not count."""
    own = second.layout
    traces = {f"mount {line}": "" for line in _mounts(second)}
    if Path("/sys/class/net", own.link).exists():
        traces[f"link {own.link}"] = ""
    traces |= {f"cgroup {group}": "" for group in lab.cgroups.existing(own.cgroup)}
    for name in _SYSCTLS:
        file = Path("/proc/sys", name)
        traces[f"sysctl {name}"] = file.read_text() if file.exists() else "none"
    for path in (Path(name) for name in _WRITTEN):
        if path.is_dir():
            traces[f"folder {path}"] = " ".join(sorted(each.name for each in path.iterdir()))
        elif path.exists():
            traces[f"file {path}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return traces


def _mounts(second: SecondLab) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # The fifth field is the mount point (proc_pid_mountinfo(5)).
        if line.split()[4] in _MOUNTED_OVER or str(second.folder) in line:
            yield line


def differences(before: Machine, after: Machine) -> list[str]:
    """What is new, gone or changed, each in one line."""
    return [
        f"{what} was {before.get(what)!r}, is {after.get(what)!r}"
        for what in sorted(before.keys() | after.keys())
        if before.get(what) != after.get(what)
    ]


def _is_another_labs(process: Path, second: SecondLab) -> bool:
    """Whether it runs in another lab, whose namespaces may have got the numbers of ours."""
    try:
        groups = (process / "cgroup").read_text()
    except OSError:
        return False
    return "/blue-green-lab-" in groups and f"/{second.layout.cgroup}" not in groups


def survivors(were: Living, second: SecondLab) -> list[str]:
    """The lab's processes and namespaces that are still there, each in one line."""
    found = [
        f"process {pid} still runs"
        for pid, started in were.processes
        if started is not None and start_time(pid) == started
    ]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and not _is_another_labs(entry, second):
            inside = were.namespaces.intersection(_namespaces(int(entry.name)))
            found += [f"process {entry.name} is in {namespace}" for namespace in sorted(inside)]
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(second.folder) in words:
                found.append(f"process {entry.name} acts for the lab: {words!r}")
    return found
