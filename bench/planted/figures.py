"""What the outcomes say: the figures of the bars, and differences between two runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .compiles import Job, Outcome
from .families import HELD_OUT, WORKING

__all__ = [
    "Change",
    "bars",
    "change_bars",
    "change_of",
    "changes",
    "mcnemar",
    "mean",
    "median",
    "power_of_mcnemar",
    "share",
]

LEVEL = 0.05
REAL_GAIN = 0.05
EARLY = {280: 0.5, 1_000: 0.25}
EXACT = 1e-4
Chosen = Callable[[Outcome], bool]


@dataclass(frozen=True)
class Bar:
    """One figure.

    Attributes:
        what: What is counted, and over which compiles.
        value: A share, or a number; None where there is nothing to count.
        of: Over how many compiles.
        bar: The promise in words; empty where there is none.
        ok: Whether it holds; None where there is none.
    """

    what: str
    value: float | None
    of: int
    bar: str = ""
    ok: bool | None = None


@dataclass(frozen=True)
class Change:
    """A paired difference, the second run less the first.

    Attributes:
        what: Of what.
        n: Pairs.
        before: Mean of the first.
        after: Mean of the second.
        low: Of the 95 % interval of the mean difference.
        high: Of the same.
    """

    what: str
    n: int
    before: float
    after: float
    low: float
    high: float


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def median(values: Iterable[float]) -> float | None:
    """The middle value; None of nothing."""
    found = sorted(values)
    return found[len(found) // 2] if found else None


def share(outcomes: Iterable[Outcome], chosen: Chosen) -> float | None:
    """How many of some outcomes are so."""
    return mean(float(chosen(one)) for one in outcomes)


def below(one: Outcome) -> bool:
    """Whether what came back is truly worse than the seed."""
    return one.after < one.before - EXACT


def gainless(one: Outcome) -> bool:
    """Whether the task has less than two points to gain and a half."""
    return one.oracle - one.before < REAL_GAIN / 2


def ended(one: Outcome) -> bool:
    """Whether a compile gave the seed back, and early."""
    most = EARLY.get(one.job.budget, 0.5) * one.job.budget
    return not one.returned and one.calls <= most


def covered(interval: tuple[float, float, float], truth: float) -> bool:
    """Whether an interval holds the truth, to a rounding."""
    return interval[1] - EXACT <= truth <= interval[2] + EXACT


def bars(outcomes: Sequence[Outcome], held_out: bool = False) -> list[Bar]:
    """The figures of the promises; of held-out families without a promise."""
    names = HELD_OUT if held_out else WORKING
    some = [o for o in outcomes if o.job.part == "families" and o.job.family in names]
    found: list[Bar] = [*_found(some), *_headroom(some), *_returned(some)]
    if held_out:
        return [Bar(one.what, one.value, one.of) for one in found]
    below_seed = Bar(
        "all compiles: truly below the seed", share(outcomes, below), len(outcomes)
    )
    return [*found, below_seed, *_faults(outcomes), *_claims(outcomes)]


def _found(some: Sequence[Outcome]) -> Iterable[Bar]:
    writing = [o for o in some if o.found]
    total = sum(o.found for o in writing)
    kept = sum(o.kept for o in writing) / total if total else None
    ran = sum(o.ran for o in writing) / total if total else None
    yield _least("found rules kept", kept, len(writing), 0.9)
    yield Bar("found rules that any prompt held", ran, len(writing))


def _headroom(some: Sequence[Outcome]) -> Iterable[Bar]:
    for budget, most in EARLY.items():
        none = [o for o in some if gainless(o) and o.job.budget == budget]
        spent = mean(o.calls / budget for o in none)
        what = f"no headroom: share of {budget} calls spent"
        yield _most(what, spent, len(none), most)
    gains = [o for o in some if o.oracle - o.before >= REAL_GAIN]
    what = "5 points or more to gain: ended early with the seed"
    yield _most(what, share(gains, ended), len(gains), 0.05)


def _returned(some: Sequence[Outcome]) -> Iterable[Bar]:
    yield Bar("truly below the seed", share(some, below), len(some))
    yield Bar("mean true gain", mean(o.gain for o in some), len(some))
    open_ = [o for o in some if o.oracle - o.before >= REAL_GAIN]
    parts = mean(o.gain / (o.oracle - o.before) for o in open_)
    yield Bar("mean true gain, as a share of what can be gained", parts, len(open_))
    yield Bar("mean calls", mean(o.calls for o in some), len(some))
    yield Bar("mean tokens", mean(o.tokens for o in some), len(some))
    known = [o for o in some if o.winner is not None]
    yield Bar("difference: interval covers", share(known, _covers), len(known))


def _faults(outcomes: Sequence[Outcome]) -> Iterable[Bar]:
    some = [o for o in outcomes if o.job.part == "fault"]
    named = share(some, lambda o: o.named == o.fault)
    what = "faulty module mended first once candidates ran"
    yield _least(what, named, len(some), 0.8)
    first = share(some, lambda o: o.first == o.fault)
    yield Bar("faulty module mended first of all", first, len(some))
    aimed = [o.aimed for o in some if o.aimed is not None]
    yield Bar("share of mends that were of the faulty module", mean(aimed), len(aimed))


def _covers(one: Outcome) -> bool:
    return one.winner is not None and covered(one.difference, one.winner - one.before)


def _claims(outcomes: Sequence[Outcome]) -> Iterable[Bar]:
    some = [o for o in outcomes if o.job.part == "claims"]
    null = [o for o in some if o.job.gain == 0]
    for what, chosen in (("right or wrong", False), ("graded", True)):
        kind = [o for o in null if o.job.graded == chosen]
        most = LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / max(1, len(kind)))
        called = share(kind, lambda o: o.improved)
        yield _most(f"null, {what}: improved wrongly", called, len(kind), most)
    worse = [o for o in some if o.job.gain < 0]
    what = "a sentence that harms: truly below the seed"
    yield Bar(what, share(worse, below), len(worse))
    known = [o for o in some if o.winner is not None]
    yield _least(
        "claims, difference: interval covers", share(known, _covers), len(known), 0.93
    )
    width = median(o.difference[2] - o.difference[1] for o in known)
    yield Bar("claims, difference: median width", width, len(known))
    scored = share(known, lambda o: covered(o.score, o.winner or 0.0))
    yield _least("claims, score: interval covers", scored, len(known), 0.93)
    width = median(o.score[2] - o.score[1] for o in known)
    yield Bar("claims, score: median width", width, len(known))


def _least(what: str, value: float | None, of: int, least: float) -> Bar:
    ok = None if value is None else value >= least
    return Bar(what, value, of, f">= {least:.2f}", ok)


def _most(what: str, value: float | None, of: int, most: float) -> Bar:
    ok = None if value is None else value <= most + EXACT
    return Bar(what, value, of, f"<= {most:.3g}", ok)


def mcnemar(gained: int, lost: int) -> float:
    """The two-sided p value of McNemar's exact test."""
    n, least = gained + lost, min(gained, lost)
    tail: float = sum(math.comb(n, k) for k in range(least + 1)) / 2.0**n
    return min(1.0, 2 * tail)


def power_of_mcnemar(before: float, gain: float, rows: int) -> float:
    """How often McNemar's exact test shows a gain of two that answer by themselves."""
    up, down = (before + gain) * (1 - before), before * (1 - before - gain)
    total, power = up + down, 0.0
    for n in range(1, rows + 1):
        some = math.comb(rows, n) * total**n * (1 - total) ** (rows - n)
        for lost in range(n // 2 + 1):
            if mcnemar(n - lost, lost) >= LEVEL:
                break
            ways = math.comb(n, lost) * (up / total) ** (n - lost)
            power += some * ways * (down / total) ** lost
    return power


def change_of(what: str, pairs: Sequence[tuple[float, float]]) -> Change | None:
    """The mean of paired differences with a 95 % interval (normal); None of nothing."""
    if not pairs:
        return None
    gains = [after - before for before, after in pairs]
    n, middle = len(pairs), math.fsum(gains) / len(pairs)
    spread = math.fsum((gain - middle) ** 2 for gain in gains) / max(1, n - 1)
    half = 1.96 * math.sqrt(spread / n)
    first, second = (math.fsum(pair[at] for pair in pairs) / n for at in (0, 1))
    return Change(what, n, first, second, middle - half, middle + half)


def change_bars(
    before: Mapping[Job, Outcome], after: Mapping[Job, Outcome]
) -> list[Bar]:
    """What is promised of the compiles that two runs made on the same draws."""
    jobs = [job for job in after if job in before]
    old, new = ([run[job] for job in jobs] for run in (before, after))
    was, now = share(old, below), share(new, below)
    gain = change_of("gain", [(a.gain, b.gain) for a, b in zip(old, new, strict=True)])
    if old == new or was is None or now is None or gain is None:
        return []
    most = f"<= half of {was:.4f}"
    least = "interval reaches 0"
    n = len(jobs)
    return [
        Bar("all compiles: truly below the seed", now, n, most, now <= was / 2),
        Bar("all compiles: paired change of the true gain, low end", gain.low, n),
        Bar(
            "all compiles: paired change of the true gain, high end",
            gain.high,
            n,
            least,
            gain.high >= -EXACT,
        ),
    ]


_COMPARED: Mapping[str, Callable[[Outcome], float | None]] = {
    "true gain": lambda o: o.gain,
    "truly below the seed": lambda o: float(below(o)),
    "calls": lambda o: float(o.calls),
    "tokens": lambda o: float(o.tokens),
    "found rules": lambda o: float(o.found) if o.hidden else None,
    "found rules kept": lambda o: float(o.kept) if o.hidden else None,
    "improved": lambda o: float(o.improved),
}


def changes(
    before: Mapping[Job, Outcome], after: Mapping[Job, Outcome], chosen: Chosen
) -> list[Change]:
    """Paired differences of the compiles that both runs made."""
    both = [job for job in after if job in before and chosen(after[job])]
    made: list[Change] = []
    for what, of in _COMPARED.items():
        pairs = [
            (one, other)
            for job in both
            if (one := of(before[job])) is not None
            if (other := of(after[job])) is not None
        ]
        if found := change_of(what, pairs):
            made.append(found)
    return made
