"""The tier makes labs of its own; what one needs to know of a failed test is kept as in the lab tier."""

from tests.lab.conftest import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]
