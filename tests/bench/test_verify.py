"""What is planted for the verification is what it says, and its levels hold."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest

from bench._looks_exact import fixed, looked
from bench._paired import KINDS, before, drawn, planned, single


@pytest.mark.parametrize("rows", [9, 16, 24, 30, 44, 60])
@pytest.mark.parametrize("differ", [0.1, 0.4, 0.8, 0.95, 1.0])
def test_programs_that_are_equal_are_called_better_in_5_percent_at_most(
    rows: int, differ: float
) -> None:
    """Over all histories of the looks, whatever the share of rows that differ."""
    assert looked(0.0, differ, rows).claimed <= 0.05


@pytest.mark.parametrize("rows", [16, 24, 30, 48])
@pytest.mark.parametrize("gain", [0.05, 0.15, 0.3, 0.5])
def test_no_power_is_lost_to_the_looks(rows: int, gain: float) -> None:
    """Against McNemar's exact test on as many rows as were bought, rounded down."""
    found = looked(gain, gain + 0.2, rows)

    assert found.rows <= rows
    assert found.claimed >= fixed(gain, gain + 0.2, int(found.rows))
    assert found.claimed >= fixed(gain, gain + 0.2, rows) - 0.005


def test_a_large_gain_needs_fewer_rows_and_none_needs_fewer_too() -> None:
    """What is plain is plain early."""
    large, small, none = (looked(gain, gain + 0.05, 60).rows for gain in (0.5, 0.1, 0))

    assert large < 35
    assert none < small < 60


def test_a_planted_gain_is_there() -> None:
    """On very many rows a candidate shows what it was drawn with."""
    found = single(0.1, 0.3, 40_000, random.Random(0))

    assert statistics.mean(found.sealed) == pytest.approx(0.1, abs=0.01)
    assert statistics.mean(map(abs, found.sealed)) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_both_rules_see_the_same_rows(kind: str) -> None:
    """The new one buys no more of them, and claims nothing that does not come back."""
    for draw in itertools.islice(drawn(kind, 40, 24, 6, random.Random(kind)), 60):
        old, new = before(draw), planned(draw)

        assert len(draw.chosen) == 40
        assert new.rows <= old.rows == 24
        assert new.returned or not new.improved
        assert all(0 < share <= 1 for share in draw.met)
