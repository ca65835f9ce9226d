"""Ways in which a choice is taken of probabilities, each fitted to scored rows.

Each number in turn is moved to where the sum of scores is highest, between two values
that were observed (coordinate search; for one threshold that is exhaustive). Of several
numbers that are as good, the one nearest to the default is taken. Class weights are
tried in two ways, of which the first has little to learn by heart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final

from ...modules.deciding.rule import Rule, Take
from .cases import Case, Output, decided, log_of, short

_SWEEPS: Final = 4
_MORE: Final = 1e-9
_BEYOND: Final = 1.0
_LEAST: Final = 1e-6

Fit = Callable[[Output, Sequence[Case]], Rule]


def families(output: Output) -> list[Fit]:
    """The ways in which another choice may be taken, the plainest first."""
    if output.numbers is not None:
        return [_by("mean"), _by("median"), _with_cuts]
    if {*output.choices} == {"true", "false"}:
        return [_with_cut]
    return [_with_shares, _with_weights]


def _by(take: Take) -> Fit:
    return lambda output, _: _keeping(output, output.bare.having(take=take))


def _keeping(output: Output, rule: Rule) -> Rule:
    """A rule with what stays of the one that holds."""
    own = output.rule
    return rule.having(
        temperature=own.temperature,
        unsure_below=own.unsure_below,
        otherwise=own.otherwise,
    )


def _with_cut(output: Output, cases: Sequence[Case]) -> Rule:
    """A bool by the threshold on "true" that scores most."""
    rule = _keeping(output, output.bare)
    points = [
        (
            decided(output, case, rule).probabilities["true"],
            case.scores.get("true", 0.0) - case.scores.get("false", 0.0),
        )
        for case in cases
    ]
    cut = _threshold(points, 0.5)
    if cut is None:
        return rule
    return rule.having(cut=min(max(short(cut), _LEAST), 1 - _LEAST))


def with_unsure(output: Output, cases: Sequence[Case]) -> Rule:
    """The confidence from which on the choice scores more than what is given else."""
    rule = output.rule
    points: list[tuple[float, float]] = []
    for case in cases:
        made = decided(output, case, rule)
        scores = case.scores
        gain = scores.get(made.choice, 0.0) - scores.get(rule.otherwise or "", 0.0)
        points.append((made.confidence, gain))
    found = _threshold(points, 0.0)
    if found is None:
        return rule
    return rule.having(unsure_below=min(max(short(found), 0.0), 1.0))


def _with_shares(output: Output, cases: Sequence[Case]) -> Rule:
    """Class weights by how often a class is right, over how often it is expected.

    Of Saerens, Latinne and Decaestecker 2002 (Neural Computation 14, 21-41); one row is
    added to both of each class, so that what is rare is not trusted too well.
    """
    rule = _keeping(output, output.bare)
    right = dict.fromkeys(output.choices, 1.0)
    said = dict.fromkeys(output.choices, 1.0)
    for case in cases:
        best = max(case.scores.values(), default=0.0)
        top = [name for name, score in case.scores.items() if score == best]
        if len(top) != 1:
            continue  # what is taken makes no difference there
        right[top[0]] += 1
        for name, share in decided(output, case, rule).probabilities.items():
            said[name] += share
    weights = {name: right[name] / said[name] for name in output.choices}
    most = max(weights.values())
    return rule.having(weights={n: short(w / most) for n, w in weights.items()})


def _with_weights(output: Output, cases: Sequence[Case]) -> Rule:
    """Class weights, each in turn moved to where most is scored."""
    rule = _keeping(output, output.bare)
    names = output.choices
    rows = [
        [log_of(made[name]) for name in names]
        for made in (decided(output, case, rule).probabilities for case in cases)
    ]
    logs = [0.0] * len(names)
    for _ in range(_SWEEPS):
        before = [*logs]
        for at, name in enumerate(names):
            points = [
                _point(row, logs, at, name, names, case)
                for row, case in zip(rows, cases, strict=True)
            ]
            found = _threshold(points, -logs[at], 0.0)
            logs[at] = logs[at] if found is None else -found
        if logs == before:
            break
    if not any(logs):
        return rule
    top = max(logs)
    weights = {n: short(math.exp(w - top)) for n, w in zip(names, logs, strict=True)}
    return rule.having(weights=weights)


def _point(
    row: Sequence[float],
    logs: Sequence[float],
    at: int,
    name: str,
    names: Sequence[str],
    case: Case,
) -> tuple[float, float]:
    """What a class lacks in a row to be taken, with its sign turned; what that gains.

    The higher its weight, the more rows take it: those first that lack least.
    """
    others = (n for n in range(len(names)) if n != at)
    other = max(others, key=lambda n: row[n] + logs[n])
    scores = case.scores
    gain = scores.get(name, 0.0) - scores.get(names[other], 0.0)
    return row[at] - row[other] - logs[other], gain


def _with_cuts(output: Output, cases: Sequence[Case]) -> Rule:
    """An ordered score by cut points on its mean, each in turn where most is scored."""
    rule = _keeping(output, output.bare)
    numbers = output.numbers or {}
    scale = sorted(output.choices, key=lambda name: numbers[name])
    values = [numbers[name] for name in scale]
    halves = [(a + b) / 2 for a, b in itertools.pairwise(values)]
    cuts = [*halves]
    means = [decided(output, case, rule).expected or 0.0 for case in cases]
    for _ in range(_SWEEPS):
        before = [*cuts]
        for at in range(len(cuts)):
            low = cuts[at - 1] if at else -math.inf
            high = cuts[at + 1] if at + 1 < len(cuts) else math.inf
            points = [
                (
                    mean,
                    case.scores.get(scale[at + 1], 0.0)
                    - case.scores.get(scale[at], 0.0),
                )
                for mean, case in zip(means, cases, strict=True)
                if low <= mean < high
            ]
            found = _threshold(points, cuts[at], halves[at])
            if found is not None and low < short(found) < high:
                cuts[at] = short(found)
        if cuts == before:
            break
    return rule.having(cuts=tuple(cuts))


def _threshold(
    points: Sequence[tuple[float, float]], now: float, default: float | None = None
) -> float | None:
    """From which value on gains are taken, so that they sum to most; None to stay.

    Args:
        points: A value and what is gained where it is at or above the threshold.
        now: The threshold that holds; a better one must gain more.
        default: Of equals the nearest to this is taken; `now` when None.
    """
    ranked = sorted(points, reverse=True)
    nearest = now if default is None else default
    own = math.fsum(gain for value, gain in points if value >= now)
    best: tuple[float, float, float] | None = None
    total = 0.0
    for at, (value, gain) in enumerate([(math.inf, 0.0), *ranked]):
        total += gain
        below = ranked[at][0] if at < len(ranked) else -math.inf
        if below == value:
            continue
        high = value if math.isfinite(value) else below + 2 * _BEYOND
        low = below if math.isfinite(below) else value - 2 * _BEYOND
        if not math.isfinite(high) or not math.isfinite(low):
            continue
        middle = nearest if low < nearest < high else (low + high) / 2
        rank = (total, -abs(middle - nearest), middle)
        if (
            best is None
            or rank[0] > best[0] + _MORE
            or (rank[0] > best[0] - _MORE and rank[1] > best[1])
        ):
            best = rank
    if best is None or best[0] <= own + _MORE:
        return None
    return best[2]
