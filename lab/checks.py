"""Refusals: whether a lab can be made here, found out before anything is made.

Each check returns a sentence that says what to do instead, or None.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cgroups, command, host, network
from lab.errors import LabError
from lab.layout import LINK

if TYPE_CHECKING:
    from lab.layout import Lab

# Program: the Debian package that has it.
PROGRAMS = {
    "bash": "bash",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "ip": "iproute2",
    "iptables": "iptables",
    "modprobe": "kmod",
    "nft": "nftables",
    "nsenter": "util-linux",
    "pkill": "procps",
    "runc": "runc",
    "service": "init-system-helpers",
    "setpriv": "util-linux",
    "socat": "socat",
    "start-stop-daemon": "dpkg",
    "sudo": "sudo",
    "unshare": "util-linux",
}
CNI_PLUGIN = Path("/usr/lib/cni/bridge")
TOOLS = ("crictl", "kubeadm", "kubectl", "kubelet", "minikube")
MIN_FREE_BYTES = 3 * 1024**3
# As stat names them (the kernel's documentation, "Overlay Filesystem": upper and work directory).
_NO_UPPER_LAYER = ("overlayfs", "nfs")
# Counted: containerd, the kubelet, the control plane, kube-proxy and a gateway; in Docker systemd and its
# services too.
_INOTIFY_INSTANCES, _INOTIFY_INSTANCES_IN_DOCKER = 24, 28
_MIN_PREFIX, _MAX_PREFIX = 16, 29


def root_on_linux() -> None:
    """Raise LabError unless this is Linux and we are root on it."""
    if sys.platform != "linux":
        raise LabError(
            "the lab needs Linux namespaces: on this system use Minikube with Docker instead "
            "(make up STACK=dev)"
        )
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root, such as by sudo make up")


def place(lab: Lab) -> None:
    """Raise LabError where `lab` cannot be in its directory or its subnet; nothing need be installed."""
    _refuse(
        bad_directory(lab),
        bad_subnet(lab.subnet, docker=lab.docker),
        taken_subnet(lab, network.networks()) if shutil.which("ip") else None,
    )


def machine(lab: Lab) -> None:
    """Raise LabError with the first reason why `lab` cannot be made here."""
    _refuse(missing_programs())
    place(lab)
    _refuse(
        missing_kernel_features(),
        missing_cgroups(),
        unfit_disk(lab.directory),
        little_disk(lab.directory),
        few_inotify_instances(_INOTIFY_INSTANCES_IN_DOCKER if lab.docker else _INOTIFY_INSTANCES),
    )


def _refuse(*reasons: str | None) -> None:
    for reason in reasons:
        if reason is not None:
            raise LabError(reason)


def built(lab: Lab) -> None:
    """Raise LabError unless all that the lab needs of what `make tools` builds is there."""
    reason = missing_tools(lab.tools)
    if reason is None and lab.docker and not (lab.tools / "docker" / "node.tar").exists():
        reason = f"{lab.tools}/docker holds no node image: python3 -m tools build --docker"
    if reason is not None:
        raise LabError(reason)


def bad_directory(lab: Lab) -> str | None:
    """Overlay options and the lists that the shell scripts read cannot carry every name."""
    odd = sorted(set(str(lab.directory)) & set(",:\\ \t\n\"'"))
    if not odd:
        return None
    remedy = "move this folder to a path without" if lab.is_own else "use another --dir"
    return f"the directory {lab.directory} has {' '.join(map(repr, odd))} in its path: {remedy}"


def bad_subnet(subnet: IPv4Network, *, docker: bool = False) -> str | None:
    """The lab uses the first and the third address, of a network that is nobody's in public.

    With Docker it halves the network.
    """
    longest = _MAX_PREFIX - docker
    if not _MIN_PREFIX <= subnet.prefixlen <= longest or not subnet.is_private:
        return (
            f"{subnet} will not do: give --subnet a private network from /{_MIN_PREFIX} to "
            f"/{longest}, such as 192.168.50.0/24"
        )
    return None


def missing_programs() -> str | None:
    """Programs that come from Debian packages."""
    packages = {package for name, package in PROGRAMS.items() if not shutil.which(name)}
    if not CNI_PLUGIN.exists():
        packages.add("containernetworking-plugins")
    if packages:
        return f"programs are missing: apt-get install --yes {' '.join(sorted(packages))}"
    return None


def missing_tools(tools: Path) -> str | None:
    """Programs and images that `make tools` builds."""
    missing = [name for name in TOOLS if not (tools / "bin" / name).exists()]
    if missing:
        return f"{tools}/bin lacks {', '.join(missing)}: make tools"
    if not list((tools / "images").glob("*.tar")):
        return f"{tools}/images holds no image archive: make tools"
    return None


def missing_kernel_features(proc: Path = Path("/proc")) -> str | None:
    """Namespaces, and modules that are neither loaded nor there to be."""
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
    namespaces = [kind for kind in kinds if not (proc / "self" / "ns" / kind).exists()]
    if namespaces:
        return (
            f"this kernel has no {', '.join(namespaces)} namespaces: run the lab on a machine "
            "whose kernel has them"
        )
    modules = missing_modules(proc)
    if modules and not _can_load(modules):
        return (
            f"the kernel has not loaded {' and '.join(modules)}, and it cannot be done from here: on "
            f"the machine itself, modprobe --all {' '.join(modules)}"
        )
    return None


def missing_modules(proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Modules that `up` loads: the overlay file system, and iptables seeing bridged packets.

    The last is why a pod reaches a Service whose pod is on the same bridge. They stay after `down`, as
    somebody else may need them by then.
    """
    modules: list[str] = []
    if "overlay" not in (proc / "filesystems").read_text().split():
        modules.append("overlay")
    if not (proc / "sys" / "net" / "bridge" / "bridge-nf-call-iptables").exists():
        modules.append("br_netfilter")
    return tuple(modules)


def _can_load(modules: tuple[str, ...]) -> bool:
    try:
        command.run("modprobe", "--dry-run", "--all", *modules)
    except LabError:
        return False
    return True


def missing_cgroups() -> str | None:
    """The controllers that the kubelet needs."""
    missing = sorted(cgroups.missing_controllers(cgroups.hierarchies()))
    if missing:
        return (
            f"no cgroup hierarchy here offers {', '.join(missing)}, which Kubernetes needs: run "
            "the lab on the machine itself, or in a container with its own writable cgroups"
        )
    return None


def unfit_disk(directory: Path) -> str | None:
    """What is written to an overlay cannot lie on another one, as a container's own files do."""
    kind = command.run("stat", "--file-system", "--format=%T", _existing(directory)).strip()
    if kind in _NO_UPPER_LAYER:
        return (
            f"{directory} is on {kind}, to which no overlay can write: in a container, keep it in a volume, "
            "or use --dir on another disk"
        )
    return None


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def little_disk(directory: Path) -> str | None:
    """Images, etcd and logs need room."""
    free = shutil.disk_usage(_existing(directory)).free
    if free < MIN_FREE_BYTES:
        return (
            f"the disk of {directory} has {free / 1024**3:.1f} GiB free and the lab needs "
            f"{MIN_FREE_BYTES / 1024**3:.0f}: free some, or use --dir on another disk"
        )
    return None


def few_inotify_instances(needed: int) -> str | None:
    """Where it may watch no file, kube-proxy ends, or a node's systemd: an `up` fails minutes later by that.

    They are counted by user, for the whole machine: so that many are opened, for this moment.
    """
    libc, opened = ctypes.CDLL(None), list[int]()
    try:
        while len(opened) < needed:
            one: int = libc.inotify_init1(os.O_CLOEXEC)
            if one < 0:
                return (
                    f"this user may open {len(opened)} more inotify instances, and a lab needs "
                    f"{needed}: end other labs, or on the machine itself, "
                    "sysctl fs.inotify.max_user_instances=512"
                )
            opened.append(one)
    finally:
        for one in opened:
            os.close(one)
    return None


def taken_subnet(lab: Lab, taken: dict[str, list[IPv4Network]]) -> str | None:
    """An address or a route of the machine within the lab's subnet, or around it."""
    for link, networks in taken.items():
        for other in networks:
            if other.overlaps(lab.subnet):
                return f"{lab.subnet} is taken, by {other} on {link}{_holder(link)}: {_another(lab, taken)}"
    return None


def _another(lab: Lab, taken: dict[str, list[IPv4Network]]) -> str:
    """What to type for a subnet that is free."""
    used = [network for networks in taken.values() for network in networks]
    names = (f"{start}.{third}.0/24" for start in ("192.168", "10.49") for third in range(50, 256))
    subnets = map(IPv4Network, names)
    free = next((one for one in subnets if not any(one.overlaps(other) for other in used)), "SUBNET")
    return f"make up LAB_SUBNET={free}" if lab.is_own else f"use another, such as --subnet {free}"


def _holder(link: str) -> str:
    """Whose a link is, where it is another lab's."""
    if not link.startswith(LINK):
        return ""
    directory = host.directory_of(link.removeprefix(LINK))
    return f", the lab in {directory}" if directory else ", another lab"
