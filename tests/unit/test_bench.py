"""The benchmark's table, and its stand-in for the proof."""

import inspect

import pytest

from bench import unasked
from bench.figure import Figure, missed, ratios
from components.gateway import convergence as proof

QUESTIONS = [name for name, _ in inspect.getmembers(proof, inspect.isfunction) if not name.startswith("_")]


def test_figures_of_the_same_rounds_are_compared_round_by_round() -> None:
    slow, fast = Figure("slow", (4.0, 9.0), against="fast"), Figure("fast", (2.0, 3.0))
    assert ratios(slow, [slow, fast]) == (2.0, 3.0)


def test_figures_of_other_rounds_are_compared_by_their_medians() -> None:
    slow, fast = Figure("slow", (4.0, 9.0, 6.0), against="fast"), Figure("fast", (2.0,))
    assert ratios(slow, [slow, fast]) == (3.0,)


def test_a_figure_on_its_own_has_no_ratio() -> None:
    assert ratios(Figure("alone", (1.0,)), []) == ()


@pytest.mark.parametrize(
    ("figure", "above"),
    [
        (Figure("ratio", (3.0, 4.0, 5.0), against="base", goal=2), False),
        (Figure("ratio", (3.0, 4.1, 5.0), against="base", goal=2), True),
        (Figure("ratio", (9.0,), against="not measured", goal=2), False),
        (Figure("alone", (3.0, 4.0, 5.0), goal=4), False),
        (Figure("alone", (3.0, 4.0, 5.0), goal=3.9), True),
        (Figure("no goal", (9.0,)), False),
    ],
)
def test_a_goal_is_missed_by_the_median(figure: Figure, above: bool) -> None:
    assert missed(figure, [figure, Figure("base", (2.0, 2.0, 2.0))]) is above


@pytest.mark.parametrize(
    "name", [name for name in QUESTIONS if getattr(proof, name).__module__ == proof.__name__]
)
def test_the_stand_in_answers_every_question_of_the_proof(name: str) -> None:
    asked, unasked_ = (list(inspect.signature(getattr(one, name)).parameters) for one in (proof, unasked))
    assert asked == unasked_
