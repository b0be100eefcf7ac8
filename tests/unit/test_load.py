"""The tests' own load: one that died is no load under which nothing was dropped."""

from collections.abc import Iterator

import pytest

from tests.lab.load import gathered


def test_a_load_that_died_fails_the_test_that_has_it() -> None:
    def asked() -> Iterator[str]:
        yield "answer"
        raise OSError("cut off")

    answers: list[str] = []

    def loaded() -> None:
        with gathered(asked(), 1000) as found:
            answers.extend(found)

    with pytest.raises(OSError, match="cut off"):
        loaded()
    assert answers == ["answer"]


def test_a_failure_of_the_block_is_not_hidden_by_that_of_the_load() -> None:
    def asked() -> Iterator[str]:
        yield "answer"
        raise OSError("cut off")

    with pytest.raises(ValueError, match="of the block"), gathered(asked(), 1000):
        raise ValueError("of the block")


def test_the_last_answer_is_asked_for_after_the_block() -> None:
    ended = False

    def asked() -> Iterator[bool]:
        while True:
            yield ended

    with gathered(asked(), 1000) as answers:
        assert answers
        ended = True
    assert answers[0] is False
    assert answers[-1] is True
