"""Planned looks: what may be claimed of rows that are bought in parts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compilers.statistics.looks import LEVEL, Claim, Looks, better_p
from weft.pipeline.measure.stats import Interval, mcnemar_exact

STEPS = st.lists(st.sampled_from((-1.0, 0.0, 1.0)), max_size=60)
GRADED = st.lists(st.floats(-1, 1), max_size=40)


def _rows(wins: int, losses: int, ties: int = 0) -> list[float]:
    return [1.0] * wins + [-1.0] * losses + [0.0] * ties


@given(st.integers(0, 2_000))
def test_looks_lead_up_to_the_last_row(rows: int) -> None:
    """Each is later than the one before, and sees no fewer than eight rows more."""
    looks = Looks(rows)
    gaps = [b - a for a, b in zip((0, *looks.stops), looks.stops, strict=False)]

    assert (looks.stops or (0,))[-1] == rows
    assert all(gap >= min(rows, 8) for gap in gaps)
    assert len(looks.stops) <= 5


@given(st.integers(16, 2_000))
def test_little_of_the_level_is_spent_at_first(rows: int) -> None:
    """The bounds fall from look to look, and the last is held against most of 5 %."""
    looks = Looks(rows)
    levels = [looks.level(at) for at in range(1, len(looks.stops) + 1)]

    assert levels == sorted(levels)
    assert levels[0] < 0.01
    assert 0.039 <= levels[-1] < LEVEL


@given(STEPS)
def test_at_the_last_look_no_claim_of_the_exact_test_is_lost(
    gains: list[float],
) -> None:
    """One-sided at 5 %, where a tenth of the rows or more are ties."""
    wins, losses = gains.count(1), gains.count(-1)
    gains += [0.0] * len(gains)
    claim = Looks(len(gains)).claim(gains, seed=0)

    assert claim.shown == (wins > losses and mcnemar_exact(wins, losses) / 2 <= LEVEL)


def test_where_every_row_differs_the_last_look_pays_for_those_before_it() -> None:
    """There an exact test leaves nothing unused that they could have taken."""
    gains = _rows(20, 10)
    p, exact = better_p(gains, seed=0)
    claim = Looks(30).claim(gains, seed=0)

    assert exact
    assert claim.level < p < LEVEL
    assert not claim.shown


@pytest.mark.parametrize(
    ("wins", "ties", "look", "shown"),
    [(8, 0, 1, False), (6, 10, 2, True), (5, 11, 2, False), (5, 19, 3, True)],
)
def test_an_early_claim_needs_more(
    wins: int, ties: int, look: int, shown: bool
) -> None:
    """Eight wins of eight are no claim at the first look, and five are at the last."""
    claim = Looks(24).claim(_rows(wins, 0, ties), seed=0)

    assert (claim.look, claim.looks) == (look, 3)
    assert claim.shown is shown


def test_rows_that_end_early_are_the_last_look() -> None:
    """A budget's end is no choice: what was seen until then is held against 5 %."""
    gains = _rows(5, 0, 6)

    assert not Looks(24).claim(gains, seed=0).shown
    assert Looks(24).claim(gains, seed=0, ended=True).shown


def test_no_row_shows_nothing() -> None:
    """Neither of a verification without rows, nor before the first."""
    assert not Looks(0).claim([], seed=0).shown
    assert not Looks(24).claim([], seed=0, ended=True).shown
    assert Looks(24).within_reach([])
    assert not Looks(0).within_reach([])


@given(GRADED, st.integers(0, 5))
def test_a_graded_score_is_flipped_by_its_seed(gains: list[float], seed: int) -> None:
    """The same draw each time, and a p value that is never 0."""
    p, _ = better_p(gains, seed)

    assert 0 < p <= 1
    assert (p, _) == better_p(gains, seed)


def test_graded_scores_that_are_equal_are_seldom_called_better() -> None:
    """Of 300 rows of looks, at most the 5 % that is promised and two errors more."""
    chance, wrong = random.Random(1), 0
    for _ in range(300):
        gains = [chance.gauss(0, 0.2) for _ in range(24)]
        looks = Looks(24)
        wrong += any(looks.claim(gains[:at], seed=0).shown for at in looks.stops)

    assert wrong <= 22


@given(STEPS, st.integers(0, 40))
def test_a_win_more_takes_no_claim_away(gains: list[float], left: int) -> None:
    """In place of a loss or a tie."""
    looks = Looks(len(gains) + left)
    if -1.0 not in gains:
        return
    better = list(gains)
    better[better.index(-1.0)] = 0.0

    if looks.claim(gains, seed=0).shown:
        assert looks.claim(better, seed=0).shown


@pytest.mark.parametrize(
    ("gains", "rows", "open_still"),
    [
        (_rows(0, 0, 16), 24, False),
        (_rows(0, 0, 8), 24, True),
        (_rows(1, 5, 10), 24, False),
        (_rows(5, 2, 9), 24, True),
        (_rows(2, 0, 14), 95, True),
    ],
)
def test_a_claim_out_of_reach_is_known_to_be(
    gains: list[float], rows: int, open_still: bool
) -> None:
    """Where the rows left would have to be far better than those before them."""
    assert Looks(rows).within_reach(gains) is open_still


@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from((0.0001, 0.02, 0.05)))
def test_an_interval_is_never_narrowed(one: float, other: float, level: float) -> None:
    """An early look makes it wider; it stays within what a difference can be."""
    given_ = Interval(min(one, other), max(one, other))
    found = Claim(level=level).widened(given_)

    assert -1 <= found.low <= given_.low + 1e-9
    assert given_.high - 1e-9 <= found.high <= 1
