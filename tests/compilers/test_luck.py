"""What the best of many owes to luck, and what is left of its gain without it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compilers.statistics.luck import best_of, estimate

STEPS = st.lists(st.sampled_from((-1.0, 0.0, 1.0)), max_size=40)


@given(STEPS, STEPS, st.lists(st.floats(0.01, 1), max_size=20))
def test_an_estimate_lies_in_its_interval(
    select: list[float], sealed: list[float], met: list[float]
) -> None:
    """And it is no higher than the mean over both: luck is only taken off."""
    found = estimate(select, sealed, met)
    both = [*select, *sealed]

    assert found.interval.low - 1e-9 <= found.difference
    assert found.difference <= found.interval.high + 1e-9
    assert found.luck >= 0
    assert found.difference <= sum(both) / max(1, len(both)) + 1e-9


def test_without_a_race_there_is_no_luck() -> None:
    """A lone proposal was chosen from none, so its sealed rows count as they are."""
    found = estimate([], [1.0, 0.0, 0.0, 0.0] * 5)

    assert (found.luck, found.difference, found.rivals) == (0, 0.25, 0)


def test_who_left_a_race_early_is_less_of_a_rival() -> None:
    """Sixteen of whom fourteen met eight rows of sixty flatter less than sixteen."""
    gains = [1.0, 0.0, 0.0, -1.0] * 15
    early = estimate(gains, [], [1.0, 1.0] + [8 / 60] * 14)
    whole = estimate(gains, [], [1.0] * 16)

    assert early.luck < 0.75 * whole.luck
    assert early.rivals == whole.rivals == 16


def test_select_rows_that_were_learnt_by_heart_count_for_nothing() -> None:
    """All right there and nothing gained on sealed ones is no luck of any choice."""
    found = estimate([1.0] * 24, [0.0] * 18, [1.0])

    assert (found.select, found.difference) == (0, 0.0)
    assert not found.likely


@pytest.mark.parametrize(("count", "likely"), [(2, 0.564), (8, 1.424), (24, 1.948)])
def test_the_expected_best_is_near_the_tables(count: int, likely: float) -> None:
    """Expected largest of so many normal draws, to a fiftieth."""
    assert best_of(count) == pytest.approx(likely, abs=0.03)


def test_the_interval_holds_for_the_best_of_eight_that_are_no_better() -> None:
    """Where the mean on the rows that chose is far above 0."""
    chance, held, flattered = random.Random(3), 0, 0.0
    steps = [1.0, -1.0, 0.0, 0.0, 0.0]
    for _ in range(300):
        pool = [[chance.choice(steps) for _ in range(60)] for _ in range(8)]
        best = max(pool, key=sum)
        found = estimate(best, [chance.choice(steps) for _ in range(30)], [1.0] * 8)
        held += 0.0 in found.interval
        flattered += sum(best) / 60 / 300

    assert flattered > 0.08
    assert held >= 285


def test_more_rows_are_worth_little_where_the_answer_is_plain() -> None:
    """And more than half a point where it is open."""
    plain = estimate([1.0, 1.0, 0.0] * 20, [1.0, 0.0] * 8, [1.0])
    open_ = estimate([1.0, 1.0, -1.0, 0.0] * 6, [1.0, -1.0] * 4, [1.0])

    assert plain.likely
    assert plain.worth(20) < 0.001
    assert open_.worth(20) > 0.005
