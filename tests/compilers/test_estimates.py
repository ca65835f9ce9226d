"""Candidates that were seen on different rows are compared by estimates."""

from __future__ import annotations

import math
import random
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from weft.compilers.racing.order import telling
from weft.compilers.statistics.estimates import references, row_model

SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def tables(draw: st.DrawFn) -> list[list[float | None]]:
    """Columns of a few candidates on a few rows, with holes."""
    rows = draw(st.integers(1, 12))
    column = st.lists(st.none() | SCORES, min_size=rows, max_size=rows)
    return draw(st.lists(column, min_size=1, max_size=6))


@given(tables())
def test_an_estimate_is_a_mean_with_an_error(table: list[list[float | None]]) -> None:
    """In [0, 1], whoever was seen where."""
    found = [row_model(table).estimate(column) for column in table]

    assert all(0 <= mean <= 1 + 1e-9 for mean, _ in found)
    assert all(error >= 0 for _, error in found)


@given(tables(), st.data())
def test_who_saw_all_rows_has_the_plain_mean(
    table: list[list[float | None]], data: st.DataObject
) -> None:
    """Whatever the others did: what is reported hangs on no model."""
    rows = len(table[0])
    whole = data.draw(st.lists(SCORES, min_size=rows, max_size=rows))
    mean, error = row_model([*table, whole]).estimate(whole)

    assert math.isclose(mean, fmean(whole), abs_tol=1e-12)
    assert error == 0


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_moves_no_estimate(
    table: list[list[float | None]], rng: random.Random
) -> None:
    """So it moves no ranking either."""
    places = list(range(len(table[0])))
    rng.shuffle(places)
    turned = [[column[at] for at in places] for column in table]
    before, after = row_model(table), row_model(turned)

    for column, moved in zip(table, turned, strict=True):
        one, other = before.estimate(column), after.estimate(moved)
        assert math.isclose(one.mean, other.mean, abs_tol=1e-9)


def world(rng: random.Random, levels: list[float]) -> list[list[float]]:
    """Scores of candidates by their level on 100 rows, most of them easy or hard."""
    rows = [rng.choice([-4.0, -4.0, 0.0, 3.0]) + rng.gauss(0, 0.5) for _ in range(100)]
    return [
        [float(rng.random() < 1 / (1 + math.exp(-row - level))) for row in rows]
        for level in levels
    ]


def test_few_telling_rows_give_an_unbiased_estimate() -> None:
    """Of those as good as the others, where the plain mean is off by ten points."""
    rng = random.Random(0)
    plain: list[float] = []
    estimated: list[float] = []
    for _ in range(300):
        table = world(rng, [0.0] * 5)
        known, new = table[:4], table[4]
        order = telling(row_model(known), [4] * 100)[:12]
        seen = [score if at in order else None for at, score in enumerate(new)]
        truth = fmean(new)
        plain.append(fmean(s for s in seen if s is not None) - truth)
        estimated.append(row_model([*known, seen]).estimate(seen).mean - truth)

    assert abs(fmean(plain)) > 0.1
    assert abs(fmean(estimated)) < 0.01


def test_who_did_better_on_the_rows_it_saw_is_expected_to_be_better() -> None:
    """By less than it showed, and the more surely the more rows it saw."""
    known = world(random.Random(1), [0.0, 0.0, 0.0])
    order = telling(row_model(known), [3] * 100)

    def after(rows: int, score: float) -> tuple[float, float]:
        seen = [score if at in order[:rows] else None for at in range(100)]
        return row_model([*known, seen]).estimate(seen)

    assert after(8, 1.0)[0] > after(8, 0.0)[0]
    assert after(24, 1.0)[0] > after(8, 1.0)[0]
    assert after(24, 1.0)[1] < after(8, 1.0)[1]


def test_who_is_surely_worse_says_nothing_of_rows() -> None:
    """Rows that only a bad candidate fails tell no good ones apart."""
    good, twin = [1.0] * 18 + [0.0, 1.0], [1.0] * 18 + [1.0, 0.0]
    bad = [0.0] * 20

    assert references([good, twin, bad]) == [good, twin]
    assert telling(row_model([good, twin, bad]), [3] * 20)[:2] == [18, 19]


def test_rows_on_which_candidates_disagree_come_first() -> None:
    """The others keep their order among those of their kind."""
    model = row_model([[1, 1, 0, 1, 0, 0], [1, 1, 0, 0, 0, 1], [1, 1, 0, 1, 0, 1]])
    order = telling(model, [3] * 6)

    assert set(order[:2]) == {3, 5}
    assert order.index(0) < order.index(1)
    assert order.index(2) < order.index(4)


def test_rows_used_less_come_first_among_equals() -> None:
    """No few rows gate every round."""
    model = row_model([[1, 0, 1, 0], [0, 1, 0, 1]])

    assert telling(model, [2, 2, 2, 2]) == [0, 1, 2, 3]
    assert telling(model, [9, 9, 2, 2]) == [2, 3, 0, 1]


def test_where_one_alone_is_known_every_kind_of_row_is_met_early() -> None:
    """The rarer kind more often than its share, and never alone."""
    seed = [1.0, 1.0, 1.0, 0.0] * 10
    first = telling(row_model([seed]), [1] * 40)[:8]
    failed = sum(seed[at] == 0 for at in first)

    assert 2 < failed < 8


def test_nothing_known_leaves_the_given_order() -> None:
    """A first race goes by the order that labels are balanced in."""
    assert telling(row_model([[None] * 6]), [0] * 6) == list(range(6))
