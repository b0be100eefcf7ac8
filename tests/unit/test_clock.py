"""The clock of an API server, by the dates of its answers."""

import time
from email.utils import formatdate

import pytest

from components.kubernetes.clock import Clock, told


@pytest.mark.parametrize("date", [None, "", "soon"])
def test_without_a_date_the_clocks_agree(date: str | None) -> None:
    assert told(date, time.time()) == Clock()


@pytest.mark.parametrize("took", [0.0, 30.0])
@pytest.mark.parametrize("ahead", [-0.5, 0.0, 0.5])
def test_clocks_that_differ_by_less_than_a_second_agree_however_long_the_answer_took(
    ahead: float, took: float
) -> None:
    now = time.time()
    assert told(formatdate(now - took / 2 + ahead, usegmt=True), now - took) == Clock()


@pytest.mark.parametrize("took", [0.0, 30.0])
@pytest.mark.parametrize("ahead", [-3600.0, -60.0, 60.0, 3600.0])
def test_another_clock_is_known_within_the_time_that_the_answer_took(ahead: float, took: float) -> None:
    now = time.time()
    clock = told(formatdate(now - took / 2 + ahead, usegmt=True), now - took)
    assert clock.earliest(1000) <= 1000 + ahead <= clock.latest(1000)
    assert clock.most - clock.least < took + 2
