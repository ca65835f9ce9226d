"""Figures of probabilities: Brier score, log loss, calibration error, AUROC.

All of them are sums over rows, written out; scikit-learn's values are in the tests.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ..stats import Interval, wilson
from .resampling import draws_for

LEAST: Final = 1e-15
"""The least probability that a loss is taken of: the logarithm of 0 is no number."""
_Z: Final = 1.959964
_BINS: Final = 10
_DIGITS: Final = 12  # what differs behind these is the noise of logarithms: a tie


def _alike(probability: float) -> float:
    """Without the digits that are noise, of a small one too."""
    return float(f"{probability:.{_DIGITS}g}")


def brier(probabilities: Mapping[str, float], wanted: str) -> float:
    """Half of Brier's score of one row, in [0, 1]; 0 is best.

    Brier 1950, Monthly Weather Review 78, 1-3, sums the squares over all classes, which
    gives at most 2. Half of that is what is usual for two classes.

    >>> round(brier({"a": 0.8, "b": 0.2}, "a"), 3)
    0.04
    """
    known = dict.fromkeys((*probabilities, wanted))
    gaps = (probabilities.get(n, 0.0) - (n == wanted) for n in known)
    return min(1.0, math.fsum(gap * gap for gap in gaps) / 2)


def log_loss(
    probabilities: Mapping[str, float], wanted: str, least: float = LEAST
) -> float:
    """The log loss of one row in nats: -ln of the probability of the wanted class.

    >>> round(log_loss({"a": 0.5, "b": 0.5}, "a"), 3)
    0.693
    """
    return abs(math.log(min(1.0, max(probabilities.get(wanted, 0.0), least))))


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """The area under the ROC curve: how often a positive row is before a negative one.

    Equal scores count one half (Hanley and McNeil 1982, Radiology 143, 29-36). None
    where all rows are positive, or none is.

    >>> auroc([0.9, 0.4, 0.4, 0.1], [True, True, False, False])
    0.875
    """
    ups = [s for s, p in zip(scores, positive, strict=True) if p]
    downs = sorted(s for s, p in zip(scores, positive, strict=True) if not p)
    if not ups or not downs:
        return None
    won = sum(bisect.bisect_left(downs, s) + bisect.bisect_right(downs, s) for s in ups)
    return won / (2 * len(ups) * len(downs))


def auroc_interval(area: float, positives: int, negatives: int) -> Interval:
    """The 95 % interval of an area under the ROC curve.

    Those areas from which the one seen is at most 1.96 standard errors away, by the
    variance of Hanley and McNeil with the same number of rows on both sides: method 5
    of Newcombe 2006, Statistics in Medicine 25, 559-573. It is no point where the area
    is 1.

    >>> interval = auroc_interval(1.0, 10, 10)
    >>> round(interval.low, 2), interval.high
    (0.8, 1.0)
    """
    half = (positives + negatives) / 2 - 1

    def apart(other: float) -> float:
        spread = (1 - other) / (2 - other) + other / (1 + other)
        variance = other * (1 - other) * (1 + half * spread) / (positives * negatives)
        return abs(area - other) - _Z * math.sqrt(max(0.0, variance))

    return Interval(_edge(apart, area, 0.0), _edge(apart, area, 1.0))


def _edge(apart: Callable[[float], float], area: float, end: float) -> float:
    """Where a function that is below 0 at an area and above it at an end crosses 0."""
    if area == end:
        return end
    inner, outer = area, end
    for _ in range(60):
        middle = (inner + outer) / 2
        if apart(middle) <= 0 and middle != outer:
            inner = middle
        else:
            outer = middle
    return inner


class Bin(NamedTuple):
    """Rows of about the same confidence.

    Args:
        rows: How many.
        confidence: The mean probability of the class that was given.
        right: The share that was right.
        interval: The 95 % interval of that share (Wilson).
    """

    rows: int
    confidence: float
    right: float
    interval: Interval


def bins_of(
    confidence: Sequence[float], right: Sequence[bool], most: int = _BINS
) -> list[Bin]:
    """Rows in bins of equal mass, the least confident first.

    There are at most so many, and of ten rows each as a rule. Rows of the same
    confidence are in one bin, so that their order changes nothing.
    """
    made: dict[int, list[tuple[float, bool]]] = {}
    sure = [_alike(one) for one in confidence]
    places = _places(sure, most)
    for place, pair in sorted(zip(places, zip(sure, right, strict=True), strict=True)):
        made.setdefault(place, []).append(pair)
    return [_bin(held) for held in made.values()]


def _places(sure: Sequence[float], most: int) -> list[int]:
    """Which bin each row is in, by its confidence."""
    n = len(sure)
    count = min(most, max(1, n // 10))
    first: dict[float, int] = {}
    for at, one in enumerate(sorted(sure)):
        first.setdefault(one, at)
    return [first[one] * count // n for one in sure]


def _bin(held: Sequence[tuple[float, bool]]) -> Bin:
    n, hits = len(held), sum(ok for _, ok in held)
    mean = math.fsum(p for p, _ in held) / n
    return Bin(n, mean, hits / n, wilson(hits, n))


def calibration_error(
    confidence: Sequence[float], right: Sequence[bool], bins: int = _BINS
) -> float | None:
    """Expected calibration error in [0, 1]: how far confidence is from what is right.

    The mean over bins of equal mass, each by its rows, of the gap between the mean
    confidence and the share that was right (Naeini et al. 2015, AAAI; equal mass:
    Nguyen and O'Connor 2015, arXiv 1508.05154). With few rows it is too high: a model
    that is calibrated has an error above 0 too, by chance.

    >>> calibration_error([0.75] * 4, [True, True, True, False])
    0.0
    """
    n = len(confidence)
    found = bins_of(confidence, right, bins)
    gaps = (one.rows * abs(one.confidence - one.right) for one in found)
    return math.fsum(gaps) / n if n else None


def calibration_interval(
    confidence: Sequence[float],
    right: Sequence[bool],
    rows: Sequence[int],
    seed: int,
) -> Interval:
    """The 95 % interval of the calibration error over these bins.

    Noise makes the error larger, and never smaller, so that the percentiles of drawn
    samples lie above it. But by the triangle inequality it is no further from the one
    that is seen than the sum of what the bins' gaps move, each by its rows; of that sum
    the bootstrap over rows has the 95th percentile.

    Args:
        confidence: Of each answer.
        right: Whether it was.
        rows: Its row: answers to one row are drawn together.
        seed: Of the draws.
    """
    value, n = calibration_error(confidence, right) or 0.0, len(confidence)
    places = _places([_alike(one) for one in confidence], _BINS)
    gaps = [p - ok for p, ok in zip(confidence, right, strict=True)]
    groups: dict[int, list[tuple[int, float]]] = {}
    whole = [0.0] * _BINS
    for row, place, gap in zip(rows, places, gaps, strict=True):
        groups.setdefault(row, []).append((place, gap))
        whole[place] += gap / n
    rng, held = random.Random(seed), [*groups.values()]
    moved: list[float] = []
    for _ in range(draws_for(len(held))):
        drawn = [one for group in rng.choices(held, k=len(held)) for one in group]
        sums = [0.0] * _BINS
        for place, gap in drawn:
            sums[place] += gap / len(drawn)
        moved.append(math.fsum(abs(a - b) for a, b in zip(sums, whole, strict=True)))
    reach = sorted(moved)[math.ceil(0.95 * (len(moved) - 1))]
    if all(right) or not any(right):  # no draw has what was not seen
        ends = wilson(sum(right), n)
        reach = max(reach, ends.high - ends.low)
    return Interval(max(0.0, value - reach), min(1.0, value + reach))


class Area(NamedTuple):
    """The area under the ROC curve of one class against the rest.

    Args:
        label: The class.
        value: The area, in [0, 1].
        interval: Its 95 % interval.
        pulls: By how much each row moves the area, in the order of the rows.
    """

    label: str
    value: float
    interval: Interval
    pulls: tuple[float, ...]


def areas(
    probabilities: Sequence[Mapping[str, float]], wanted: Sequence[str]
) -> list[Area]:
    """One for each class that was wanted of some rows, and not of all."""
    found: list[Area] = []
    for name in sorted({*wanted}):
        scores = [_alike(p.get(name, 0.0)) for p in probabilities]
        hits = [one == name for one in wanted]
        area = auroc(scores, hits)
        if area is not None:
            ends = auroc_interval(area, sum(hits), len(hits) - sum(hits))
            found.append(Area(name, area, ends, _pulls(scores, hits, area)))
    return found


def mean_area(found: Sequence[Area], rows: Sequence[int]) -> Interval:
    """The 95 % interval of the mean area of several classes.

    Each row moves the areas of all classes at once, which is what is added up (DeLong,
    DeLong and Clarke-Pearson 1988, Biometrics 44, 837-845, to the first order). Where
    no row moves any, the mean of the classes' own intervals stands in.

    Args:
        found: The areas.
        rows: Of each answer its row: answers to one row move together.
    """
    moved: dict[int, float] = {}
    for at, row in enumerate(rows):
        pull = math.fsum(one.pulls[at] for one in found) / len(found)
        moved[row] = moved.get(row, 0.0) + pull
    reach = _Z * math.sqrt(math.fsum(pull * pull for pull in moved.values()))
    mean = math.fsum(one.value for one in found) / len(found)
    if not reach:
        low = math.fsum(one.interval.low for one in found) / len(found)
        high = math.fsum(one.interval.high for one in found) / len(found)
        return Interval(low, high)
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))


def _pulls(
    scores: Sequence[float], positive: Sequence[bool], area: float
) -> tuple[float, ...]:
    sides = {
        side: sorted(s for s, p in zip(scores, positive, strict=True) if p is side)
        for side in (True, False)
    }

    def pull(score: float, up: bool) -> float:
        others = sides[not up]
        below = bisect.bisect_left(others, score) + bisect.bisect_right(others, score)
        won = below / 2 / len(others)
        return ((won if up else 1 - won) - area) / len(sides[up])

    return tuple(pull(s, p) for s, p in zip(scores, positive, strict=True))
