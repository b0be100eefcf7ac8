"""The subnets of the tests' own labs."""

import runpy

import pytest

from tests.lab import subnets


def test_more_processes_than_the_network_has_room_for_are_told_to_widen_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_TEST_SUBNET", "192.168.60.0/24")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert runpy.run_path(subnets.__file__)["THIRD"] == "192.168.60.240/28"
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw4")
    with pytest.raises(
        ValueError, match=r"^LAB_TEST_SUBNET=192.168.60.0/24 is too small for process 5: take"
    ):
        runpy.run_path(subnets.__file__)
