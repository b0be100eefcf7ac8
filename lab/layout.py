"""Where a lab keeps its things, and what it is called to the kernel."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"
PROJECT = FILES.parent.parent
DEFAULT_SUBNET = IPv4Network("192.168.49.0/24")
# Only there inside of a lab's host (files/init.sh).
MARKER = "/run/blue-green-lab"
# Names in the kernel begin so; the lab's id follows.
CGROUP = "blue-green-lab-"
LINK = "lab-"


def id_of(directory: bytes) -> str:
    """Eight hex digits that tell the lab in this directory from others on the machine."""
    return hashlib.sha256(directory).hexdigest()[:8]


@dataclass(frozen=True)
class Lab:
    """A lab. `directory` and `tools` are absolute; kernel names follow from `directory` alone.

    So `down` knows what to remove even where nothing written by `up` is left. With `docker` the host has a
    Docker engine, and the upper half of the subnet is that of its containers.
    """

    directory: Path
    tools: Path
    subnet: IPv4Network
    docker: bool = False

    @property
    def id(self) -> str:
        """Eight hex digits that tell this lab from others on the machine."""
        return id_of(os.fsencode(self.directory))

    @property
    def cgroup(self) -> str:
        """Name of the lab's cgroup at the root of every hierarchy."""
        return f"{CGROUP}{self.id}"

    @property
    def link(self) -> str:
        """Name of the outer end of the veth pair (at most 15 characters)."""
        return f"{LINK}{self.id}"

    @property
    def halves(self) -> tuple[IPv4Network, IPv4Network]:
        """The network of the link and that of Docker's containers, where there is a Docker."""
        lower, upper = self.subnet.subnets()
        return lower, upper

    @property
    def gateway(self) -> IPv4Interface:
        """Address of the outer end: the subnet's first."""
        return IPv4Interface((self.subnet[1], self._prefix))

    @property
    def node(self) -> IPv4Interface:
        """Address of the host itself, which with driver none becomes Minikube's: the subnet's third."""
        return IPv4Interface((self.subnet[3], self._prefix))

    @property
    def _prefix(self) -> int:
        return self.halves[0].prefixlen if self.docker else self.subnet.prefixlen

    @property
    def address(self) -> IPv4Address:
        """The host's address without the prefix."""
        return self.node.ip

    @property
    def host(self) -> Path:
        """What the running host consists of: its record, its writes, its data."""
        return self.directory / "host"

    @property
    def logs(self) -> Path:
        """One log for each service."""
        return self.directory / "logs"

    @property
    def bin(self) -> Path:
        """The commands that `lab env` puts first on PATH."""
        return self.directory / "bin"

    @property
    def minikube_home(self) -> Path:
        """Minikube's MINIKUBE_HOME; it uses the last part's name as it is."""
        return self.directory / "minikube" / ".minikube"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig that Minikube writes, mode 0600."""
        return self.directory / "kubeconfig"

    @property
    def lock(self) -> Path:
        """Locked while `up` or `down` runs."""
        return self.directory / "lock"

    @property
    def is_own(self) -> bool:
        """Whether it is the lab of this checkout, which `make` makes and removes."""
        return self.directory == PROJECT / ".lab"

    def to_type(self, verb: str) -> str:
        """The command line that does `up` or `down` to this lab."""
        return f"make {verb}" if self.is_own else f"python3 -m lab --dir {self.directory} {verb}"

    @property
    def made(self) -> tuple[Path, ...]:
        """All that a lab makes in its directory; anything else there belongs to someone else."""
        return (self.host, self.logs, self.bin, self.minikube_home.parent, self.kubeconfig)


# The lab of this checkout, as `python -m lab` has it without options.
OWN = Lab(PROJECT / ".lab", PROJECT / ".tools", DEFAULT_SUBNET)
