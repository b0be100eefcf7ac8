"""The tier's lab: the one of the lab tier, with one stack for the app `shop` on it."""

from tests.lab.conftest import baseline, lab, program, pytest_runtest_makereport

__all__ = ["baseline", "lab", "program", "pytest_runtest_makereport"]
