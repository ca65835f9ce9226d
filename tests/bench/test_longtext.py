"""What is planted for the long text is what it says."""

from __future__ import annotations

import pytest

import weft
from bench.longtext import SIZES, SURE, beyond, measured, model, text_of, ways

pytest.importorskip("pydantic_monty")


def test_a_short_text_is_read_without_fail_and_a_long_one_is_not() -> None:
    """The planted model misses more the longer its prompt is."""
    predict = ways()["Predict"]

    found = [measured(predict, size).found for size in (10_000, 60_000, 120_000)]
    assert found[0] == 1.0
    assert found == sorted(found, reverse=True)
    assert measured(predict, SIZES[-1]).found == 0.0


def test_recursive_reads_it_in_pieces() -> None:
    """One call for the code, and one a piece; each question has its number."""
    size = 120_000
    made = measured(ways()["Recursive"], size)

    assert (made.right, made.found) == (5, 1.0)
    assert made.longest <= SURE
    assert made.calls == pytest.approx(1 + size / 16_000, abs=1.1)
    assert sum(text_of(size)[1].values()) > 100


def test_the_planted_model_takes_notes_and_adds_them_up() -> None:
    """For ways that map and reduce."""
    text, counts = text_of(15_000)
    question = "How many guests speak of cold?"
    read = weft.Predict("text, question -> note: int")
    add = weft.Predict("question, notes: list[int] -> answer: int")
    with weft.use(lm=weft.FunctionLM(model), cache=None):
        assert read(text=text, question=question).note == counts["cold"]
        assert add(question=question, notes=[3, 0, 4]).answer == 7


@pytest.mark.parametrize("budget", [1, 3, 7])
def test_sub_calls_never_pass_the_budget(budget: int) -> None:
    """Whether it ends before the first of them, or among those side by side."""
    assert beyond(200_000, budget) == 0
