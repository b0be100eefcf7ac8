"""Where it is measured: labs in a folder and a subnet of their own, beside the user's."""

from collections.abc import Generator
from contextlib import contextmanager

from harness.labs import ROOT, Lab, Program, lab_command, lab_host, project_copy

FOLDER = ROOT / ".lab" / "bench"
SUBNET = "192.168.51.0/24"
LAB = lab_command(FOLDER, SUBNET)


@contextmanager
def host() -> Generator[Lab]:
    """A lab without a cluster, removed at the end."""
    with lab_host(FOLDER, SUBNET) as lab:
        yield lab


@contextmanager
def cluster() -> Generator[tuple[Lab, Program]]:
    """A lab with the program's stack on it, removed at the end."""
    with host() as lab:
        program = project_copy(FOLDER / "project", lab)
        program.up("--skip-preview")
        yield lab, program
