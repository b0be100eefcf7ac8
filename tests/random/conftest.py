"""The tier's lab: the one of the lab tier, of which the API server alone is asked."""

from tests.lab.conftest import baseline, lab, program, pytest_runtest_makereport

__all__ = ["baseline", "lab", "program", "pytest_runtest_makereport"]
