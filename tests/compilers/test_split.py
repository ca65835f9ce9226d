"""Rows for learning, for choosing, and sealed ones: never the same."""

from __future__ import annotations

import pytest

from tests.compilers.worlds import planted_rows
from weft.compilers.driving.split import split_for
from weft.pipeline.data.rows import Example, read_rows

ROWS = read_rows(planted_rows(120), ["text"])
OTHERS = read_rows(planted_rows(60, seed=1), ["text"])


def _digests(rows: tuple[Example, ...]) -> set[str]:
    return {row.digest for row in rows}


@pytest.mark.parametrize("val", [None, OTHERS])
@pytest.mark.parametrize("raced", [True, False])
def test_no_row_is_in_two_parts(val: list[Example] | None, raced: bool) -> None:
    """What was learnt from or chosen by is never what is reported."""
    split = split_for(ROWS, val, 0, raced=raced)
    train, select, sealed = map(_digests, (split.train, split.select, split.sealed))

    assert not train & select
    assert not train & sealed
    assert not select & sealed
    assert sealed


def test_a_row_in_train_and_val_is_not_selected_on() -> None:
    """Val rows that train holds too would flatter whoever learnt them."""
    split = split_for(ROWS, [*ROWS[:20], *OTHERS], 0, raced=True)

    assert not _digests(split.select) & {row.digest for row in ROWS}


def test_a_row_given_twice_lands_in_one_part() -> None:
    """Doubles leak nothing."""
    split = split_for([*ROWS, *ROWS], None, 0, raced=True)
    parts = [_digests(part) for part in (split.train, split.select, split.sealed)]

    assert sum(map(len, parts)) == len(ROWS)


def test_the_order_of_the_rows_does_not_matter() -> None:
    """A file that was sorted anew splits the same."""
    one = split_for(ROWS, None, 0, raced=True)
    two = split_for(ROWS[::-1], None, 0, raced=True)

    assert _digests(one.sealed) == _digests(two.sealed)


def test_where_nothing_is_raced_no_row_is_kept_for_choosing() -> None:
    """They are worth more as demos."""
    split = split_for(ROWS, None, 0, raced=False)

    assert split.select == ()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_rows_are_shared_out(count: int) -> None:
    """Training comes first; nothing is counted twice."""
    split = split_for(ROWS[:count], None, 0, raced=True)

    assert split.train
    assert len(split.train) + len(split.select) + len(split.sealed) == count
