"""The lab tier's fixtures: one lab for the session, and the program running on it."""

import os
from collections.abc import Iterator

import pytest

from harness.labs import ROOT, Lab, Program, lab_host, project_copy, project_kept

FOLDER = ROOT / ".lab" / "test"
# Another checkout on this machine may be testing at the same time.
SUBNET = os.environ.get("LAB_TEST_SUBNET", "192.168.50.0/24")
# `make lab-test` leaves the lab and the program on it up, and the next run goes on with them.
KEEP = os.environ.get("LAB_TEST_KEEP") == "1"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The tests' lab, up for the whole session and away after it."""
    with lab_host(FOLDER, SUBNET, keep=KEEP) as host:
        yield host


@pytest.fixture(scope="session")
def program(lab: Lab) -> Iterator[Program]:
    """The project on the tests' lab after its first `pulumi up`; destroyed at the end."""
    made = project_kept(FOLDER / "project", lab) if KEEP else None
    if made is None:
        made = project_copy(FOLDER / "project", lab)
        made.up()
    yield made
    if not KEEP:
        made.run("pulumi", "destroy", "--yes", "--non-interactive")
