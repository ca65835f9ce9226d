"""Splitting rows by what they hold."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.data.rows import Example, split_rows
from weft.pipeline.errors import DataError


def labelled(numbers: list[int], labels: int = 3) -> list[Example]:
    """Rows of which equal numbers have equal content."""
    return [
        Example(f"r{at}", {"n": n}, {"team": n % labels})
        for at, n in enumerate(numbers)
    ]


numbers = st.lists(st.integers(0, 60), max_size=40)
cuts = st.sampled_from([(1.0,), (0.5, 0.5), (0.6, 0.2, 0.2), (0.7, 0.0, 0.3)])


@given(numbers, cuts, st.integers(0, 5), st.randoms())
def test_a_split_is_a_partition_whatever_the_order(
    numbers: list[int],
    fractions: tuple[float, ...],
    seed: int,
    rng: random.Random,
) -> None:
    """Every row in exactly one part, and shuffled rows give the same parts."""
    rows = labelled(numbers)
    shuffled = rng.sample(rows, len(rows))

    parts = split_rows(rows, fractions, seed)

    assert Counter(row.id for part in parts for row in part) == Counter(
        row.id for row in rows
    )
    assert split_rows(shuffled, fractions, seed) == parts
    assert all(not part for part, f in zip(parts, fractions, strict=True) if f == 0)


@given(numbers, cuts, st.integers(0, 5))
def test_one_content_lands_in_one_part(
    numbers: list[int], fractions: tuple[float, ...], seed: int
) -> None:
    """A row given twice is never both learnt from and measured on."""
    parts = split_rows(labelled(numbers), fractions, seed)

    digests = [{row.digest for row in part} for part in parts]
    assert sum(map(len, digests)) == len(set().union(*digests))


@given(numbers, cuts, st.integers(0, 5))
def test_no_part_is_empty_without_need(
    numbers: list[int], fractions: tuple[float, ...], seed: int
) -> None:
    """Each open part gets a row while there are different rows; the first first."""
    parts = split_rows(labelled(numbers), fractions, seed)

    filled = [bool(p) for p, f in zip(parts, fractions, strict=True) if f > 0]
    assert sum(filled) == min(len(filled), len(set(numbers)))
    assert filled == sorted(filled, reverse=True)


@given(numbers, st.integers(61, 99), st.integers(0, 5))
def test_one_more_row_moves_few(numbers: list[int], extra: int, seed: int) -> None:
    """Whatever it is, most of the others stay where they were."""
    fractions = (0.6, 0.2, 0.2)
    rows = labelled(sorted(set(numbers)))

    before = split_rows(rows, fractions, seed)
    after = split_rows([*rows, *labelled([extra])], fractions, seed)

    home = {row.digest: at for at, part in enumerate(before) for row in part}
    moved = sum(
        home.get(row.digest, at) != at for at, part in enumerate(after) for row in part
    )
    assert moved <= 8


def test_one_more_row_among_many_moves_one_a_cut() -> None:
    """In a stratum of its own size two cuts move two rows at most."""
    rows = labelled(list(range(300)))

    before = split_rows(rows, (0.6, 0.2, 0.2), 0, "team")
    after = split_rows([*rows, *labelled([999])], (0.6, 0.2, 0.2), 0, "team")

    kept = sum(
        len({r.digest for r in a} & {r.digest for r in b})
        for a, b in zip(before, after, strict=True)
    )
    assert kept >= 298


def test_each_part_gets_its_share_of_each_label() -> None:
    """To within one row, rare labels included; the seed decides which rows."""
    rows = [
        Example(f"r{n}", {"n": n}, {"team": "rare" if n < 10 else "common"})
        for n in range(100)
    ]

    parts = split_rows(rows, (0.6, 0.2, 0.2), 1, "team")
    other = split_rows(rows, (0.6, 0.2, 0.2), 2, "team")

    for part, rare, common in zip(parts, (6, 2, 2), (54, 18, 18), strict=True):
        count = Counter(row.team for row in part)
        assert abs(count["rare"] - rare) <= 1
        assert abs(count["common"] - common) <= 1
    assert {row.id for row in parts[0]} != {row.id for row in other[0]}


def test_many_small_labels_do_not_favour_one_part() -> None:
    """A hundred labels of three rows: odd rows are dealt out, not rounded."""
    rows = [
        Example(f"r{n}", {"n": n}, {"team": n // 3, "text": f"t{n}"})
        for n in range(300)
    ]

    parts = split_rows(rows, (0.5, 0.25, 0.25), 0, "team")
    free = split_rows(rows, (0.5, 0.25, 0.25), 0)

    assert [len(part) for part in parts] == pytest.approx([150, 75, 75], abs=15)
    assert [len(part) for part in free] == pytest.approx([150, 75, 75], abs=1)


@pytest.mark.parametrize("fractions", [(), (0.5, 0.4), (1.5, -0.5)])
def test_fractions_must_cut_a_whole(fractions: tuple[float, ...]) -> None:
    """Rows would be lost, or doubled."""
    with pytest.raises(DataError, match="do not cut a whole"):
        split_rows(labelled([1, 2]), fractions, 0)


def test_a_misspelt_label_is_named() -> None:
    """Stratifying by nothing would go unseen."""
    with pytest.raises(DataError, match="no row has the label 'taem'"):
        split_rows(labelled([1, 2]), (0.5, 0.5), 0, "taem")
