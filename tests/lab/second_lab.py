"""A lab of a test's own, and what the machine shows before, while and after it is there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import lab.cgroups
from harness.labs import ROOT
from lab.host import start_time
from lab.layout import Lab

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
# Counters and the like, which change by themselves.
_VOLATILE = (
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-nr",
    "/proc/sys/fs/inode-state",
    "/proc/sys/fs/aio-nr",
    "/proc/sys/fs/quota/",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pty/nr",
    "/proc/sys/kernel/random/",
    "/proc/sys/net/netfilter/nf_conntrack_count",
)
# Where Minikube, Kubernetes and containerd write on a host of their own.
_TOPS = ("/etc", "/opt", "/run", "/usr", "/var")


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
        return self._run(self.command(*arguments), check=check)

    def minikube(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the lab's `minikube`, without `lab env` in the environment."""
        return self._run([str(self.folder / "bin" / "minikube"), *arguments], check=check)

    def start_minikube(self) -> subprocess.CompletedProcess[str]:
        return self.minikube(*START[1:])

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Begin a command that the test will interrupt."""
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=280
        )
        if check and done.returncode:
            raise AssertionError(f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done


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


@dataclass(frozen=True)
class Machine:
    """All that a lab could leave behind, as far as it is not another lab's."""

    mounts: frozenset[str]
    links: frozenset[str]
    cgroups: frozenset[str]
    sysctls: dict[str, str]
    files: dict[str, tuple[int, int, int]]
    temporary: frozenset[str]


def machine(second: SecondLab) -> Machine:
    """Read the machine's state; other labs may come and go meanwhile."""
    own = second.layout
    links = {path.name for path in Path("/sys/class/net").iterdir()}
    strangers = tuple(f"/{name}/" for name in links if name.startswith("lab-") and name != own.link)
    return Machine(
        mounts=frozenset(Path("/proc/self/mountinfo").read_text().splitlines()),
        links=frozenset(n for n in links if not n.startswith("lab-") or n == own.link),
        cgroups=frozenset(
            str(group)
            for hierarchy in lab.cgroups.hierarchies()
            # What is below the cgroups of others is theirs, and changes as it will.
            for group in Path(hierarchy.mount).iterdir()
            if group.is_dir() and ("blue-green-lab-" not in group.name or group.name == own.cgroup)
        ),
        sysctls={k: v for k, v in _sysctls() if not any(name in k for name in strangers)},
        files=dict(_files()),
        temporary=frozenset(
            name
            for name in os.listdir("/tmp")  # noqa: PTH208, S108
            if name.startswith(("h.", "minikube", "gvisor", "juju", "containerd"))
        ),
    )


def _sysctls() -> Iterator[tuple[str, str]]:
    for directory, _, names in os.walk("/proc/sys"):
        for name in names:
            path = f"{directory}/{name}"
            if not path.startswith(_VOLATILE):
                try:
                    yield path, Path(path).read_text(errors="replace")
                except OSError:
                    continue


def _files() -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Every file with its mode, its size and its last change of any kind, in nanoseconds."""
    for top in _TOPS:
        for directory, _, names in os.walk(top):
            if "__pycache__" not in directory:
                for name in names:
                    path = f"{directory}/{name}"
                    try:
                        status = os.lstat(path)
                    except OSError:
                        continue
                    yield path, (status.st_mode, status.st_size, status.st_ctime_ns)


def differences(before: Machine, after: Machine) -> list[str]:
    """What is new, gone or changed, each in one line."""
    found: list[str] = []
    for what in ("mounts", "links", "cgroups", "temporary"):
        old: frozenset[str] = getattr(before, what)
        new: frozenset[str] = getattr(after, what)
        found += [f"{what}: new {item}" for item in sorted(new - old)]
        found += [f"{what}: gone {item}" for item in sorted(old - new)]
    for what in ("sysctls", "files"):
        first: dict[str, object] = getattr(before, what)
        second: dict[str, object] = getattr(after, what)
        found += [
            f"{what}: {key} was {first.get(key)!r}, is {second.get(key)!r}"
            for key in sorted(first.keys() | second.keys())
            if first.get(key) != second.get(key)
        ]
    return found


def survivors(were: Living, second: SecondLab) -> list[str]:
    """The lab's processes and namespaces that are still there, each in one line."""
    found = [
        f"process {pid} still runs"
        for pid, started in were.processes
        if started is not None and start_time(pid) == started
    ]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            inside = were.namespaces.intersection(_namespaces(int(entry.name)))
            found += [f"process {entry.name} is in {namespace}" for namespace in sorted(inside)]
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(second.folder) in words:
                found.append(f"process {entry.name} acts for the lab: {words!r}")
    return found
