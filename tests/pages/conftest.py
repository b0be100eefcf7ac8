"""The tier's lab: the one of the lab tier."""

from tests.lab.conftest import baseline, lab, program, pytest_runtest_makereport

__all__ = ["baseline", "lab", "program", "pytest_runtest_makereport"]
