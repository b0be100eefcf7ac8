"""The tier's lab, which has a Docker, and the stack `dev` as it is committed, as far as this machine can."""

import os
from collections.abc import Iterator

import pytest

from harness.clones import fit_here
from harness.labs import ROOT, Lab, Program, lab_host, project_copy
from tests.lab import subnets

KEEP = os.environ.get("LAB_TEST_KEEP") == "1"
FOLDER = ROOT / ".lab" / ("test-docker" if KEEP else f"test-docker-{subnets.WORKER}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A host with Docker, and no cluster yet."""
    with lab_host(FOLDER, subnets.SESSION, keep=KEEP, docker=True) as host:
        yield host


def dev(lab: Lab, folder: str) -> Program:
    """A copy of the project with the stack `dev`."""
    made = project_copy(FOLDER / folder, lab, "dev", "dev")
    fit_here(made.config_file)
    return made


def destroy(program: Program) -> None:
    """Destroys the stack."""
    program.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
