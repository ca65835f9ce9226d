"""Intervals and paired tests, against brute force, published values and simulation."""

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.errors import DataError
from weft.pipeline.measure.stats import (
    Comparison,
    Interval,
    bootstrap_mean,
    compare,
    mcnemar_exact,
    mean_interval,
    paired_bootstrap,
    wilson,
)

shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    successes: int, n: int, low: float, high: float
) -> None:
    """The four examples of Newcombe 1998, table I, method 3, to four digits."""
    interval = wilson(successes, n)

    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_in_bounds(case: tuple[int, int]) -> None:
    """The measured share lies inside, the ends inside [0, 1], mirrored for failures."""
    successes, n = case

    interval = wilson(successes, n)
    mirrored = wilson(n - successes, n)

    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert mirrored.low == pytest.approx(1 - interval.high)


def test_wilson_of_nothing_is_everything() -> None:
    """No trials leave every share possible."""
    assert wilson(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize("successes", [-1, 4])
def test_wilson_refuses_what_is_no_share(successes: int) -> None:
    """More successes than trials are a mistake, not a number."""
    with pytest.raises(ValueError, match="of 3 is no share"):
        wilson(successes, 3)


@pytest.mark.parametrize("n", range(11))
def test_mcnemar_equals_enumeration(n: int) -> None:
    """Over all 2**n ways in which the rows could have fallen."""
    for wins in range(n + 1):
        seen = abs(wins - n / 2)
        flips = itertools.product((0, 1), repeat=n)
        extreme = sum(abs(sum(flip) - n / 2) >= seen for flip in flips)

        assert mcnemar_exact(wins, n - wins) == pytest.approx(extreme / 2**n)


@pytest.mark.parametrize(("wins", "losses"), [(480, 521), (530, 471), (400, 601)])
def test_mcnemar_beyond_whole_numbers_agrees_with_them(wins: int, losses: int) -> None:
    """At 1,001 rows the logarithms take over; exact fractions say the same."""
    n, fewer = wins + losses, min(wins, losses)
    exact = 2 * sum(math.comb(n, i) for i in range(fewer + 1)) / (1 << n)

    assert mcnemar_exact(wins, losses) == pytest.approx(exact, rel=1e-9)


def test_mcnemar_of_a_million_rows_is_near_the_normal_law() -> None:
    """A million rows overflow nothing."""
    p = mcnemar_exact(501_000, 499_000)

    z = (2_000 - 1) / math.sqrt(1_000_000)
    assert p == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)
    assert mcnemar_exact(500_000, 500_000) == 1.0
    assert mcnemar_exact(1_000_000, 0) == 0.0


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_mcnemar_is_symmetric_and_a_probability(wins: int, losses: int) -> None:
    """Two-sided: who is called first does not matter."""
    p = mcnemar_exact(wins, losses)

    assert 0 <= p <= 1
    assert p == mcnemar_exact(losses, wins)


def test_mcnemar_refuses_negative_counts() -> None:
    """A count below 0 is a mistake, not a number."""
    with pytest.raises(ValueError, match="not negative"):
        mcnemar_exact(-1, 2)


@given(st.lists(shares, min_size=2, max_size=40), st.integers(0, 9))
def test_a_bootstrap_interval_lies_among_the_values(
    values: list[float], seed: int
) -> None:
    """A resampled mean cannot leave the range; the same seed gives the same ends."""
    interval = bootstrap_mean(values, seed, repeats=50)

    slack = 1e-12
    assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack
    assert interval == bootstrap_mean(values, seed, repeats=50)


@pytest.mark.parametrize("values", [[], [0.4]])
def test_too_few_values_give_the_whole_range(values: list[float]) -> None:
    """No NaN, and no certainty from a single value."""
    assert mean_interval(values, seed=0) == Interval(0.0, 1.0)


def test_right_or_wrong_scores_get_wilson_and_others_the_bootstrap() -> None:
    """Ten right answers of ten do not prove perfection."""
    assert mean_interval([1.0] * 10, seed=0) == wilson(10, 10)
    assert mean_interval([0.5, 0.7] * 5, seed=3) == bootstrap_mean([0.5, 0.7] * 5, 3)


def test_many_values_take_the_normal_interval_and_it_is_the_same() -> None:
    """On both sides of 2,000 values the ends agree to the third digit."""
    rng = random.Random(5)
    values = [rng.random() ** 2 for _ in range(2_001)]

    normal = bootstrap_mean(values, seed=0)
    resampled = bootstrap_mean(values[:2_000], seed=0)

    assert normal.low == pytest.approx(resampled.low, abs=1.5e-3)
    assert normal.high == pytest.approx(resampled.high, abs=1.5e-3)


def test_every_value_is_drawn_equally_often() -> None:
    """The table of 65,536 draws favours no value and no place: the mean is unbiased."""
    for n in (37, 300, 1_999):
        values = [float(i < n // 2) for i in range(n)]

        interval = bootstrap_mean(values, seed=1)

        error = 1.96 * math.sqrt(0.25 / n)
        middle = (interval.low + interval.high) / 2
        assert middle == pytest.approx(n // 2 / n, abs=max(0.2 * error, 0.5 / n))


@pytest.mark.parametrize("n", [20, 60])
def test_mean_intervals_cover_the_truth(n: int) -> None:
    """A 95 % interval holds the true mean in 90-99 % of 300 simulated samples."""
    rng = random.Random(n)

    def covers(seed: int) -> bool:
        # Partial credit, as F1 gives it: a mean of 0.5.
        values = [rng.choice((0.0, 0.25, 0.5, 0.75, 1.0)) for _ in range(n)]
        return 0.5 in bootstrap_mean(values, seed, repeats=400)

    assert 0.90 <= statistics.fmean(covers(seed) for seed in range(300)) <= 0.99


def test_wilson_covers_the_truth() -> None:
    """For 60 rows and every true share from 5 to 95 %, weighing all outcomes."""
    for share in (0.05, 0.2, 0.5, 0.8, 0.95):
        chances = [
            math.comb(60, k) * share**k * (1 - share) ** (60 - k) for k in range(61)
        ]

        covered = sum(p for k, p in enumerate(chances) if share in wilson(k, 60))

        assert 0.90 <= covered <= 0.99


def test_paired_intervals_of_right_or_wrong_answers_cover_the_truth() -> None:
    """The first is right on 80 % of the rows, the second on 70 %."""
    rng = random.Random(11)

    def covers() -> bool:
        a = [float(rng.random() < 0.8) for _ in range(60)]
        b = [float(rng.random() < 0.7) for _ in range(60)]
        return 0.1 in compare(a, b, seed=0).interval

    assert 0.90 <= statistics.fmean(covers() for _ in range(600)) <= 0.99


def test_sign_flips_equal_enumeration() -> None:
    """For ten rows the sampled p value is that of all 1,024 sign patterns."""
    differences = [0.3, 0.1, -0.2, 0.5, 0.4, 0.05, 0.25, -0.1, 0.2, 0.35]
    seen = abs(sum(differences)) - 1e-9
    signs = itertools.product((-1, 1), repeat=10)
    exact = sum(
        abs(sum(s * d for s, d in zip(pattern, differences, strict=True))) >= seen
        for pattern in signs
    )

    p = paired_bootstrap(differences, seed=0, repeats=20_000).p

    assert p == pytest.approx(exact / 1_024, abs=0.004)


@pytest.mark.parametrize("differences", [[], [0.5]])
def test_too_few_differences_show_nothing(differences: list[float]) -> None:
    """One row cannot show a difference."""
    paired = paired_bootstrap(differences, seed=0)

    assert (paired.interval, paired.p) == (Interval(-1.0, 1.0), 1.0)


def test_rows_without_any_difference_show_none() -> None:
    """Two equal runs: no interval, no p value, nothing shown, few rows or many."""
    for n in (8, 3_000):
        same = compare([0.5] * n, [0.5] * n, seed=0)

        assert (same.difference, same.p, same.ties, same.shown) == (0.0, 1.0, n, False)


@pytest.mark.parametrize("kind", ["right or wrong", "partial credit"])
def test_equal_systems_are_rarely_told_apart(kind: str) -> None:
    """Over 400 comparisons of a system with itself, under 7 % show a difference."""
    rng = random.Random(7)

    def score() -> float:
        if kind == "right or wrong":
            return float(rng.random() < 0.7)
        return min(1.0, max(0.0, rng.gauss(0.6, 0.3)))

    def false_alarm(seed: int) -> bool:
        a, b = ([score() for _ in range(40)] for _ in range(2))
        return compare(a, b, seed, repeats=500).shown

    assert statistics.fmean(false_alarm(seed) for seed in range(400)) < 0.07


@pytest.mark.parametrize("n", [100, 3_000])
def test_a_real_difference_is_shown(n: int) -> None:
    """0.15 on average with half as much noise, by resampling and by the normal law."""
    rng = random.Random(3)
    b = [rng.uniform(0.2, 0.8) for _ in range(n)]
    a = [value + 0.15 + rng.uniform(-0.1, 0.1) for value in b]

    result = compare(a, b, seed=0)

    assert result.shown
    assert result.method == "paired bootstrap"
    assert result.difference == pytest.approx(0.15, abs=0.02)
    assert result.difference in result.interval


@pytest.mark.parametrize("n", [2_000, 2_001, 20_000])
@pytest.mark.parametrize(("moved", "shown"), [(4, False), (5, False), (8, True)])
def test_rows_that_do_not_differ_show_nothing(n: int, moved: int, shown: bool) -> None:
    """Five that gain, of however many, may have been chance: p is 2 / 2**5."""
    b = [0.5] * n
    a = [0.75] * moved + b[moved:]

    assert compare(a, b, seed=0).shown is shown


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.integers(0, 3)
)
def test_a_comparison_of_answers_adds_up(
    pairs: list[tuple[bool, bool]], seed: int
) -> None:
    """Wins, losses and ties are the rows; swapped sides give the mirrored result."""
    a, b = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]

    result, mirrored = compare(a, b, seed), compare(b, a, seed)

    assert result.wins + result.losses + result.ties == result.n == len(pairs)
    assert result.method == "mcnemar"
    assert result.difference in result.interval
    assert (mirrored.difference, mirrored.p) == (-result.difference, result.p)
    assert mirrored.interval.low == pytest.approx(-result.interval.high)
    assert not result.shown or 0.0 not in result.interval


def test_a_comparison_is_decided_by_its_seed() -> None:
    """The same values and the same seed give the same result, another seed another."""
    rng = random.Random(1)
    a, b = ([rng.random() for _ in range(50)] for _ in range(2))

    def run(seed: int) -> Comparison:
        return compare(a, b, seed)

    assert run(4) == run(4)
    assert run(4).interval != run(5).interval


def test_unpaired_scores_are_refused() -> None:
    """Sixty scores cannot be paired with fifty-nine."""
    with pytest.raises(DataError, match="60 scores cannot be paired with 59"):
        compare([0.5] * 60, [0.5] * 59, seed=0)


def test_intervals_and_comparisons_are_read_in_a_line() -> None:
    """Shares for an interval; points of 100, rows and p for a comparison."""
    gain = compare([1.0] * 9 + [0.0], [0.0] * 9 + [1.0], seed=0)
    none = compare([1.0, 0.0], [1.0, 0.0], seed=0)

    assert str(Interval(0.0474, 0.2)) == "[0.047, 0.200]"
    assert str(gain) == (
        "+80.0 points [+27.8, +100.0] on 10 rows (p = 0.021): "
        "9 better, 1 worse, 0 the same"
    )
    assert "(p = 1), which may be chance: 0 better, 0 worse, 2 the same" in str(none)
