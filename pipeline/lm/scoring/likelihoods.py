"""How probable each of some given answers is, and what follows for the choice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

Path = Literal["echo", "forced", "top", "decisions", "systemone"]
"""How likelihoods were found: `echo` reads the answer back as a part of the prompt,
`forced` lets a grammar allow nothing else, `top` looks into the likeliest tokens;
`decisions` and `systemone` are endpoints that are made for it."""

Way = Literal["auto", "echo", "forced", "top"]
"""Which of these is taken; "auto" for the first that the endpoint is known to have."""

Pool = Literal["sum", "mean"]
"""How the probabilities of a label's words become its own."""

_NEAR: Final = 1e-9
_LITTLE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How probable one answer is.

    Args:
        answer: The answer.
        logprob: The natural logarithm of its probability given the prompt, summed over
            its tokens; 0 or less.
        exact: Whether it is that; else the answer is at most so probable.
        own: As `logprob`, of the answer alone where more was scored with it, such as
            the heading above it in a reply; None where it is the same.
        tokens: How many tokens the answer alone has, as far as they were seen; 0 where
            that is not known.
    """

    answer: str
    logprob: float
    exact: bool = True
    own: float | None = None
    tokens: int = 0


@dataclass(frozen=True)
class Likelihoods:
    """How probable each of some answers to one prompt is.

    Args:
        of: One for each answer, in the order in which they were given.
        path: How they were found.
        calls: How many calls of the model that took, those from the cache too.
        shown: The likeliest tokens at the place where the answers begin, with their
            log-probabilities, the likeliest first; where they were looked at.

    >>> found = Likelihoods((Likelihood("a", -1.0), Likelihood("b", -3.0)), "top", 1)
    >>> found.best, round(found.probabilities["a"], 2), found.unsure
    ('a', 0.88, False)
    """

    of: tuple[Likelihood, ...]
    path: Path
    calls: int
    shown: tuple[tuple[str, float], ...] = ()

    @cached_property
    def probabilities(self) -> Mapping[str, float]:
        """The probability of each answer among those given; they sum to 1.

        One that is only bounded counts with its bound.
        """
        return shares({one.answer: one.logprob for one in self.of})

    @property
    def best(self) -> str:
        """The most probable answer; the first one of equals."""
        return max(self.of, key=lambda one: one.logprob).answer

    @property
    def entropy(self) -> float:
        """Of the probabilities, in nats: 0 where all is on one answer."""
        return entropy_of(self.probabilities.values())

    @property
    def margin(self) -> float:
        """By how much the most probable answer is before the next, in [0, 1]."""
        return margin_of(self.probabilities.values())

    @property
    def unsure(self) -> bool:
        """Whether the choice hangs on an answer of which only a bound is known."""
        return self.hangs(dict.fromkeys((one.answer for one in self.of), 0.0))

    def hangs(self, prior: Mapping[str, float]) -> bool:
        """As `unsure`, where the log-probabilities of a prior are taken off first."""
        values = [(one.logprob - prior[one.answer], one.exact) for one in self.of]
        sure = max((value for value, exact in values if exact), default=-math.inf)
        return any(value > sure - _NEAR for value, exact in values if not exact)


def pooled(label: str, words: Sequence[Likelihood], pool: Pool = "sum") -> Likelihood:
    """How probable a label is that has several words.

    The sum is the probability that one of them is said, since no two can be. The mean
    does not favour labels of many words. Words of which only a bound is known make it a
    bound; they are passed over where all of them are a tenth of the others at most.

    >>> made = pooled("good", [Likelihood("fine", -1.0), Likelihood("great", -1.0)])
    >>> round(made.logprob, 3), made.exact
    (-0.307, True)
    """
    most = max(word.logprob for word in words)
    seen, bounds = (
        math.fsum(math.exp(w.logprob - most) for w in words if w.exact is exact)
        for exact in (True, False)
    )
    exact = bounds <= _LITTLE * seen
    total = seen if exact else seen + bounds
    if pool == "mean":
        total /= len(words)
    return Likelihood(label, min(most + math.log(total), 0.0), exact)


def shares(logprobs: Mapping[str, float]) -> dict[str, float]:
    """Log-probabilities as shares that sum to 1.

    >>> shares({"a": -5000.0, "b": -5000.0})
    {'a': 0.5, 'b': 0.5}
    """
    most = max(logprobs.values())
    weights = {name: math.exp(value - most) for name, value in logprobs.items()}
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def entropy_of(probabilities: Iterable[float]) -> float:
    """The entropy of some probabilities, in nats.

    >>> round(entropy_of([0.5, 0.5]), 3), entropy_of([1.0, 0.0])
    (0.693, 0.0)
    """
    return abs(math.fsum(-p * math.log(p) for p in probabilities if p > 0))


def margin_of(probabilities: Iterable[float]) -> float:
    """How far the highest of some probabilities is above the next.

    >>> margin_of([0.25, 0.75]), margin_of([1.0])
    (0.5, 1.0)
    """
    first, *rest = sorted(probabilities, reverse=True)
    return first - rest[0] if rest else first
