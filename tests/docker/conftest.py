"""The tier's lab, which has a Docker, and the stack `dev` as it is committed, as far as this machine can."""

import os
from collections.abc import Iterator

import pytest
import yaml

from harness.labs import ROOT, Lab, Program, lab_host, project_copy
from tests.lab import subnets
from tests.lab.conftest import pytest_runtest_makereport

__all__ = ["lab", "pytest_runtest_makereport"]

KEEP = os.environ.get("LAB_TEST_KEEP") == "1"
FOLDER = ROOT / ".lab" / ("test-docker" if KEEP else f"test-docker-{subnets.WORKER}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A host with Docker, and no cluster yet."""
    with lab_host(FOLDER, subnets.SESSION, keep=KEEP, docker=True) as host:
        yield host


def dev(lab: Lab, folder: str) -> Program:
    """A copy of the project with the stack `dev`: fewer CPUs, and Istio from the lab's charts and images."""
    made = project_copy(FOLDER / folder, lab, "dev", "dev")
    config = yaml.safe_load(made.config_file.read_text())
    config["config"]["blue-green:cluster"]["cpus"] = 2
    istio = yaml.safe_load((ROOT / "Pulumi.lab.yaml").read_text())["config"]["blue-green:istio"]
    config["config"]["blue-green:istio"] = istio
    made.config_file.write_text(yaml.safe_dump(config))
    return made


def destroy(program: Program) -> None:
    """Destroys the stack."""
    program.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
