"""Rows for learning, for choosing, and sealed ones: never the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    Asked,
    classifier,
    exact,
    model,
    planted_rows,
)
from weft.compilers import APE, KNNFewShot, LabeledFewShot
from weft.compilers.driving.split import split_for, without_learnt
from weft.pipeline.data.rows import Example, read_rows
from weft.pipeline.errors import DataError
from weft.pipeline.graph.program import as_program

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


@pytest.mark.parametrize("further", ["source", "label"])
@pytest.mark.parametrize("val", [False, True])
def test_what_was_asked_in_one_part_is_asked_in_no_other(
    further: str, val: bool
) -> None:
    """Whatever else stands in the rows: a column of a file, or another label."""
    again = [{**row, further: "K5"} for row in planted_rows(120)]
    both = [ROWS, read_rows(again, ["text"])]
    given = both if val else [[*both[0], *both[1]], None]
    split = split_for(given[0] or [], given[1], 0, raced=True)
    rows = (split.train, split.select, split.sealed)
    parts = [{str(dict(row.inputs)) for row in part} for part in rows]

    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


@pytest.mark.parametrize("val", [None, [*OTHERS, *OTHERS]])
def test_a_row_given_twice_counts_once(val: list[Example] | None) -> None:
    """Its copies are answered alike: they are no more rows to choose or verify by."""
    split = split_for([*ROWS, *ROWS], val, 0, raced=True)

    assert len(split.select) == len(_digests(split.select))
    assert len(split.sealed) == len(_digests(split.sealed))


def shown(rows: Iterable[Example]) -> Any:
    """A program that shows some rows as demos."""
    demos = tuple(
        weft.Demo({**row.inputs, **row.labels}, source=row.id) for row in rows
    )
    return as_program(classifier().with_(demos=demos))


def test_rows_that_a_program_shows_may_only_teach() -> None:
    """They are the easiest of all rows for it."""
    given = split_for(ROWS, None, 0, raced=True)
    demos = (*given.select[:3], *given.sealed[:2])
    split = without_learnt(given, shown(demos), 0)

    assert split.select == given.select[3:]
    assert split.sealed == given.sealed[2:]
    assert _digests(split.train) == _digests(given.train) | _digests(demos)


def test_where_none_is_left_to_choose_by_sealed_rows_choose() -> None:
    """Half of them: nobody has seen those either."""
    given = split_for(ROWS, None, 0, raced=True)
    split = without_learnt(given, shown((*given.train, *given.select)), 0)

    assert _digests(split.select) | _digests(split.sealed) == _digests(given.sealed)
    assert abs(len(split.select) - len(split.sealed)) <= 1
    assert not _digests(split.select) & _digests(split.sealed)


def test_a_program_that_shows_all_rows_is_told_so() -> None:
    """A count of rows would mislead."""
    with (
        weft.use(lm=model(), cache=None),
        pytest.raises(DataError, match="none is left for") as caught,
    ):
        weft.compile(shown(ROWS), planted_rows(120), metric=exact)

    assert "MODULE/demos" in caught.value.hint


def test_a_compiled_program_is_not_scored_on_what_it_shows() -> None:
    """A model that knows shown texts by heart knows nothing else."""

    def by_heart(asked: Asked) -> dict[str, str]:
        found = [said for text, said in asked.demos if text == asked.said]
        return {"label": found[0].split("\n")[1] if found else "K9"}

    rows = planted_rows(60)
    with weft.use(lm=model(by_heart, name="heart"), cache=None):
        first = weft.compile(
            classifier(), rows, metric=exact, compiler=LabeledFewShot(demos=40)
        )
        again = weft.compile(
            first.program, rows, metric=exact, compiler=APE(candidates=2), seed=1
        )
        knn = weft.compile(
            classifier(), rows, metric=exact, compiler=KNNFewShot(k=3), seed=3
        )
        third = weft.compile(
            knn.program, rows, metric=exact, compiler=APE(candidates=2), seed=3
        )

    assert again.report.seed_score.mean == 0.0
    assert third.report.seed_score.mean == 0.0


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
