"""Rule: what is made of the log-probabilities of choices, as numbers that can be kept.

From log-probabilities to a decision there are two steps. First the probabilities are
calibrated: the prior is taken off, and what is left is divided by the temperature. Then
one is taken: by default the most probable; by class weights, by a threshold on "true",
or of an ordered score by its mean, its median or cut points. The second step never
changes a probability.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from typing import Any, Final, Literal, cast, get_args

from ...pipeline.errors import ConfigError
from ...pipeline.ground.frozen import unchanging
from ...pipeline.ground.options import check_options
from ...pipeline.ground.shapes import is_mapping, is_sequence
from ...pipeline.ground.words import counted
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision
from ...pipeline.lm.scoring.likelihoods import (
    Likelihoods,
    entropy_of,
    margin_of,
    shares,
)

Take = Literal["mode", "mean", "median"]

LEAST: Final = 1e-9
"""The least probability of a prior: what is never said cannot be divided by."""
_NEAR: Final = 1e-9


@unchanging
@dataclass(frozen=True, slots=True)
class Rule:
    """How one output is decided by the log-probabilities of its choices.

    A decision's probabilities are `exp((logprob - log(prior)) / temperature)`, as
    shares that sum to 1. `weights`, `cut`, `take` and `cuts` say which choice is taken
    and leave the probabilities as they are; at most one of them is given.

    Args:
        prior: The probability of each choice whatever the input is; it is divided by
            (Zhao et al. 2021, arXiv 2102.09690; Zhou et al. 2023, arXiv 2309.17249).
        prior_of: The digest of model and prompt that prior and temperature were
            estimated for: with others both are left out, and the trace says so. Empty
            for whatever they are.
        temperature: Above 1 the probabilities are drawn together, below 1 apart (Guo et
            al. 2017, arXiv 1706.04599).
        weights: Class weights: probabilities are multiplied by them before the highest
            is taken.
        cut: Of a bool: "true" is taken from this probability of it on; in (0, 1).
        take: Of an ordered score: its most probable value ("mode"), the value nearest
            to its mean, the lower one of two, or its median, the first value up to
            which the probabilities sum to a half.
        cuts: Of an ordered score: rising points on its scale, one fewer than it has
            values. The first value is taken where the mean is below the first, and so
            on; a mean that is on a point gives the higher value.
        unsure_below: A decision whose confidence is below is `unsure`; in [0, 1]. The
            confidence is the choice's probability; with weights or a cut its share of
            the weighted ones, which is least where two choices are nearly taken. The
            choice is still given, unless `otherwise` says what is.
        otherwise: What a call gives in place of a choice that is unsure, as it is
            called among the choices, or "null" for None; the output's type must allow
            it, as `Literal["a", "b"] | None` does. None gives the choice all the same.

    Raises:
        ConfigError: A number is out of its range, or two say which choice is taken.

    >>> from weft import Likelihood, Likelihoods
    >>> found = Likelihoods((Likelihood("a", -0.1), Likelihood("b", -2.4)), "top", 1)
    >>> rule = Rule(prior={"a": 0.95, "b": 0.05})
    >>> made = rule.decide(found)
    >>> made.choice, {name: round(p, 2) for name, p in made.probabilities.items()}
    ('b', {'a': 0.34, 'b': 0.66})
    """

    prior: Mapping[str, float] | None = None
    prior_of: str = ""
    temperature: float = 1.0
    weights: Mapping[str, float] | None = None
    cut: float | None = None
    take: Take = "mode"
    cuts: Sequence[float] | None = None
    unsure_below: float | None = None
    otherwise: str | None = None

    def __post_init__(self) -> None:
        _check(self)

    def decide(
        self,
        found: Likelihoods,
        *,
        numbers: Mapping[str, float] | None = None,
        prompt: str = "",
    ) -> Decision:
        """What follows from log-probabilities; a pure function of them.

        Args:
            found: How probable each choice is, or at most is, in the type's order.
            numbers: The value of each choice of an ordered score.
            prompt: The digest of the model and the prompt that were asked.

        Raises:
            ConfigError: It is a rule of other choices.
        """
        self._require_choices([one.answer for one in found.of], numbers, "Rule")
        fits = self.prior_of in ("", prompt)
        prior = self.prior if fits else None
        temperature = self.temperature if fits else 1.0
        off = {n: math.log(max(p, LEAST)) for n, p in (prior or {}).items()}
        logs = {
            one.answer: (one.logprob - off.get(one.answer, 0.0)) / temperature
            for one in found.of
        }
        made = shares(logs)
        bounds = [one.answer for one in found.of if not one.exact]
        ordered = numbers is not None and (self.take != "mode" or self.cuts is not None)
        if ordered and numbers is not None:
            choice = self._of_scale(made, numbers)
            hangs = self._scale_hangs(choice, made, numbers, bounds)
        else:
            choice = self._highest(logs, made)
            hangs = self._hangs(logs, bounds)
        confidence = shares(self._weighed(logs))[choice]
        faint = self.unsure_below is not None and confidence < self.unsure_below
        return Decision(
            choice,
            made,
            entropy_of(made.values()),
            margin_of(made.values()),
            hangs or faint,
            confidence,
            expected=None if numbers is None else _mean(made, numbers),
            scored_by=found.path,
            logprobs={one.answer: one.logprob for one in found.of},
            at_most=tuple(bounds),
            calibrated=prior is not None or temperature != 1,
            prompt=prompt,
        )

    def fitted_to(
        self, choices: Sequence[str], numbers: Mapping[str, float] | None, who: str
    ) -> Rule:
        """The same rule, with a prior of these choices that sums to 1.

        Args:
            choices: What the choices are called, in the order of the type.
            numbers: The value of each choice of an ordered score, else None.
            who: The output, for messages.

        Raises:
            ConfigError: It is a rule of other choices.
        """
        self._require_choices(choices, numbers, who)
        return self.having(prior=_prior(self.prior, choices))

    def having(self, **changes: Any) -> Rule:
        """A copy in which some of its numbers are others.

        Raises:
            ConfigError: There is no such number, or it is out of its range.
        """
        check_options(changes, _NAMES, "Rule")
        held = {name: getattr(self, name) for name in _NAMES}
        return Rule(**{**held, **changes})

    def data(self) -> dict[str, JSON]:
        """What differs from the default, as plain data."""
        held = {name: getattr(self, name) for name in _NAMES}
        made = {n: v for n, v in held.items() if v != getattr(_DEFAULT, n)}
        return {
            n: dict(v) if is_mapping(v) else [*v] if isinstance(v, tuple) else v
            for n, v in made.items()
        }

    def _require_choices(
        self, choices: Sequence[str], numbers: Mapping[str, float] | None, who: str
    ) -> None:
        """Refuse other choices than those that the rule is of, or none."""
        if not choices:
            raise ConfigError(f"{who}: there is no choice to decide between")
        for name in ("prior", "weights"):
            held: Mapping[str, float] | None = getattr(self, name)
            if held is not None and {*held} != {*choices}:
                raise ConfigError(
                    f"{who}: {dict(held)!r:.200} is no {name} of {', '.join(choices)}",
                    hint="Give each choice a number; weft.calibrate estimates a prior",
                )
        if self.cut is not None and {*choices} != {*BOOL}:
            raise ConfigError(
                f"{who}: a cut is a threshold on true, and this is no bool",
                hint="Give weights={...}, one for each choice",
            )
        scale = self.take != "mode" or self.cuts is not None
        if scale and numbers is None:
            raise ConfigError(
                f"{who}: only an ordered score has a mean, a median and cuts",
                hint="Leave take and cuts out, or make it an int of a few values",
            )
        if self.cuts is not None and len(self.cuts) != len(choices) - 1:
            raise ConfigError(
                f"{who}: {counted(len(choices) - 1, 'cut')} part {len(choices)} values",
                hint="Give one cut fewer than there are values",
            )

    def _highest(self, logs: Mapping[str, float], made: Mapping[str, float]) -> str:
        if self.cut is not None:
            return "true" if made["true"] >= self.cut else "false"
        # In logarithms: a choice that is never said still has its weight.
        at = self._weighed(logs)
        return max(at, key=lambda name: at[name])

    def _weighed(self, logs: Mapping[str, float]) -> dict[str, float]:
        """Log-probabilities with class weights in them; a cut is two of these."""
        weights = self.weights or {}
        if self.cut is not None:
            weights = {"true": 1 - self.cut, "false": self.cut}
        return {n: v + _log(weights.get(n, 1.0)) for n, v in logs.items()}

    def _hangs(self, logs: Mapping[str, float], bounds: Sequence[str]) -> bool:
        """Whether a choice of which only a bound is known may be, or not be, taken."""
        at = self._weighed(logs)
        sure = max((at[n] for n in at if n not in bounds), default=-math.inf)
        return any(at[n] > sure - _NEAR for n in bounds)

    def _of_scale(self, made: Mapping[str, float], numbers: Mapping[str, float]) -> str:
        scale = sorted(made, key=lambda name: numbers[name])
        if self.take == "median":
            sums = accumulate(made[name] for name in scale)
            half = sum(made.values()) / 2
            at = (n for n, s in zip(scale, sums, strict=True) if s >= half - _NEAR)
            return next(at, scale[-1])
        mean = _mean(made, numbers)
        if self.cuts is not None:
            return scale[sum(mean >= cut for cut in self.cuts)]
        return min(scale, key=lambda n: (round(abs(numbers[n] - mean), 9), numbers[n]))

    def _scale_hangs(
        self,
        choice: str,
        made: Mapping[str, float],
        numbers: Mapping[str, float],
        bounds: Sequence[str],
    ) -> bool:
        """Whether another value is taken where the bounded ones are less probable.

        The furthest that a mean or a median moves is where all bounded values above
        some point, or all below it, have no share.
        """
        if not bounds:
            return False
        if len(bounds) == len(made):
            return True
        order = sorted(bounds, key=lambda name: numbers[name])
        for at in range(len(order) + 1):
            for gone in (order[:at], order[at:]):
                left = {n: 0.0 if n in gone else p for n, p in made.items()}
                if self._of_scale(left, numbers) != choice:
                    return True
        return False


BOOL: Final = ("true", "false")
_NAMES: Final = tuple(one.name for one in fields(Rule))


def rule_from(data: object, who: str) -> Rule:
    """A rule that is one, or plain data of one.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(data, Rule):
        return data
    if not is_mapping(data):
        raise ConfigError(
            f"{who}: {data!r:.200} is no rule",
            hint="Write weft.Rule(temperature=2.0), or by output {'label': ...}",
        )
    return _DEFAULT.having(**{str(name): value for name, value in data.items()})


def numbers_of(choices: Mapping[str, JSON]) -> dict[str, float] | None:
    """The value of each choice of an ordered score; None for other choices.

    >>> numbers_of({"1": 1, "2": 2}), numbers_of({"true": True, "false": False})
    ({'1': 1, '2': 2}, None)
    """
    if any(type(value) is not int for value in choices.values()):
        return None
    return {name: cast(int, value) for name, value in choices.items()}


def _mean(made: Mapping[str, float], numbers: Mapping[str, float]) -> float:
    total = math.fsum(made.values())
    return math.fsum(p * numbers[name] for name, p in made.items()) / total


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _number(value: object, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most


def _weighs(value: object) -> bool:
    """Whether it is a weight for each of some names, one of them above 0 at least."""
    if not is_mapping(value) or not all(isinstance(name, str) for name in value):
        return False
    good = all(_number(one, 0, _MOST) for one in value.values())
    return good and 0 < math.fsum(cast(Any, value).values()) < math.inf


_MOST: Final = 1e300
_RANGES: Final = {
    "prior": 'a probability for each choice by its name, as {"true": 0.9, ...}',
    "prior_of": "a text; leave it to weft.calibrate",
    "temperature": "a number above 0",
    "weights": 'a number for each choice by its name, such as {"true": 1, "false": 3}',
    "cut": "a number between 0 and 1",
    "take": 'one of "mode", "mean", "median"',
    "cuts": "rising numbers",
    "unsure_below": "a number from 0 to 1",
    "otherwise": 'what a value of the output is called, such as "null"',
}


def _check(rule: Rule) -> None:
    held = rule.cuts
    cuts = tuple(held) if is_sequence(held) else None
    good = {
        "prior": rule.prior is None or _weighs(rule.prior),
        "prior_of": isinstance(cast(object, rule.prior_of), str),
        "temperature": _number(rule.temperature, 1e-9, _MOST),
        "weights": rule.weights is None or _weighs(rule.weights),
        "cut": rule.cut is None or _number(rule.cut, math.ulp(0.0), 1 - 1e-16),
        "take": rule.take in get_args(Take),
        "cuts": held is None
        or (
            cuts is not None
            and all(_number(one, -_MOST, _MOST) for one in cuts)
            and all(a < b for a, b in pairwise(cuts))
        ),
        "unsure_below": rule.unsure_below is None or _number(rule.unsure_below, 0, 1),
        "otherwise": isinstance(cast(object, rule.otherwise), str | None),
    }
    bad = next((name for name, fits in good.items() if not fits), None)
    if bad is not None:
        raise ConfigError(
            f"Rule: {getattr(rule, bad)!r:.200} is no {bad}",
            hint=f"Give {_RANGES[bad]}",
        )
    copies = {
        "prior": rule.prior and dict(rule.prior),
        "weights": rule.weights and dict(rule.weights),
        "cuts": cuts,
    }
    for name, copy in copies.items():  # what is given may change, and a rule may not
        object.__setattr__(rule, name, copy)
    ways = {
        "weights": rule.weights is not None,
        "cut": rule.cut is not None,
        "take": rule.take != "mode",
        "cuts": rule.cuts is not None,
    }
    said = [name for name, given in ways.items() if given]
    if len(said) > 1:
        raise ConfigError(
            f"Rule: {' and '.join(said)} each say which choice is taken",
            hint=f"Give {said[0]} alone",
        )


def _prior(
    prior: Mapping[str, float] | None, choices: Sequence[str]
) -> dict[str, float] | None:
    """A prior of the choices, which sums to 1, in their order."""
    if prior is None:
        return None
    # What sums to 1 but for rounding stays as it is: a prior is loaded as it was saved.
    total = math.fsum(prior.values())
    total = 1.0 if abs(total - 1) < _NEAR else total
    held = {name: prior[name] / total for name in choices}
    kept = {n: p if p >= 0.99 * LEAST else LEAST for n, p in held.items()}
    whole = 1.0 if kept == held else math.fsum(kept.values())
    return {name: p / whole for name, p in kept.items()}


_DEFAULT: Final = Rule()
