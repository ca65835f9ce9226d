"""The families of planted tasks, those worked on and those held out.

Working families: rules to be told, a mapping that only solved cases teach, both, three
and five modules with the ignorance in one, two without headroom, a trap in the select
rows, a small true gain. Held out: ranges of a number, signs of two words, exceptions
that overrule, scores between 0 and 1, modules of which no feedback names the values,
a model that is moved by wording. `null` and `power` are for claims: there the truth is
a number that is set.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ..world.draw import Words
from .tasks import Charm, Key, Rule, Stage, World

__all__ = ["FAMILIES", "HELD_OUT", "WORKING", "claim_world", "world_of"]

_SAY = "Say which bin the crate goes to."
_POLICY = (0.8, 0.6, 0.3, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
_SURE = (0.97,) * 8
_PARTS = ("crop", "grade", "route", "shelf", "bin")
_HELD_OUT_SEEDS = 1_000


class _Maker:
    """Words and rules of one world."""

    def __init__(self, family: str, seed: int, labels: int = 5) -> None:
        self.rng = random.Random(f"planted {family} {seed}")
        self.given = Words(self.rng)
        self.family, self.seed = family, seed
        self.labels = self.given.words(labels)
        self.fillers = tuple(self.given.words(5) for _ in range(4))

    def rules(
        self,
        keys: Sequence[Key],
        known: Sequence[float],
        told: float,
        shown: float,
        labels: tuple[str, ...] = (),
        **more: Any,
    ) -> tuple[Rule, ...]:
        labels = labels or self.labels
        answers = [labels[n % len(labels)] for n in range(len(keys))]
        self.rng.shuffle(answers)
        made: list[Rule] = []
        for key, belief, answer in zip(keys, known, answers, strict=True):
            habit = self.rng.choice([label for label in labels if label != answer])
            made.append(Rule(key, answer, habit, belief, told, shown, **more))
        return tuple(made)

    def signs(self, count: int) -> list[Key]:
        return [(word,) for word in self.given.words(count)]

    def endings(self, count: int) -> list[Key]:
        return [("ending", self.given.ending()) for _ in range(count)]

    def world(self, rules: Sequence[Rule], **more: Any) -> World:
        stage = Stage("bin", _SAY, self.labels, tuple(rules))
        ends = [rule.key[1] for rule in rules if rule.key[0] == "ending"]
        tags = {e: tuple(self.given.ending_in(e) for _ in range(40)) for e in ends}
        return World(self.family, self.seed, (stage,), self.fillers, tags, **more)


def _policy(seed: int) -> World:
    made = _Maker("policy", seed)
    return made.world(made.rules(made.signs(10), _POLICY, 0.85, 0.35))


def _mapping(seed: int) -> World:
    made = _Maker("mapping", seed)
    known = (0.6, 0.3, 0.15, 0.1, 0.1, 0.1)
    return made.world(made.rules(made.endings(6), known, 0.0, 0.5))


def _mixed(seed: int) -> World:
    made = _Maker("mixed", seed)
    known = (0.6, 0.2, 0.1, 0.1, 0.1)
    told = made.rules(made.signs(5), known, 0.85, 0.1)
    return made.world([*told, *made.rules(made.endings(5), known, 0.0, 0.5)])


def _ceiling(seed: int) -> World:
    made = _Maker("ceiling", seed)
    rules = made.rules(made.signs(8), _SURE, 0.85, 0.35)
    return made.world(rules, noise=0.15)


def _flat(seed: int) -> World:
    made = _Maker("flat", seed)
    rules = made.rules(made.signs(8), _SURE, 0.85, 0.35)
    return made.world(rules, blank=0.45)


def _trap(seed: int) -> World:
    made = _Maker("trap", seed)
    known = (0.2, 0.6, 0.6, 0.3, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1)
    rules = made.rules(made.signs(10), known, 0.85, 0.35)
    charm = Charm("Where in doubt, take the lightest bin.", -0.12, 0.4)
    return made.world(rules, charm=charm, skew=4.8)


def _small(seed: int) -> World:
    made = _Maker("small", seed)
    few = made.rules(made.signs(1), (0.2,), 0.85, 0.35, share=1.1)
    return made.world([*few, *made.rules(made.signs(8), _SURE, 0.85, 0.35)])


def _chain(family: str, parts: int, seed: int, named: float) -> World:
    made = _Maker(family, seed)
    fault = made.rng.randrange(parts)
    signs = made.signs(5)
    stages: list[Stage] = []
    for at, output in enumerate(
        _PARTS[:parts] if parts == 5 else ("crop", "grade", "bin")
    ):
        labels = made.given.words(5)
        known = (0.6, 0.3, 0.1, 0.1, 0.1) if at == fault else (0.97,) * 5
        rules = made.rules(signs, known, 0.85, 0.35, labels)
        said = "the crate is" if not at else "follows from it"
        stages.append(Stage(output, f"Say which {output} {said}.", labels, rules))
        signs = [(label,) for label in labels]
    more: Any = {"fault": fault, "named": named}
    return World(family, seed, tuple(stages), made.fillers, **more)


def _ranges(seed: int) -> World:
    made = _Maker("ranges", seed)
    cuts = sorted(made.rng.sample(range(1, 12), 6))
    ends = [0, *(c * 8 + made.rng.randrange(4) for c in cuts), 100]
    keys: list[Key] = [("range", str(a + 1), str(b)) for a, b in pairwise(ends)]
    known = (0.8, 0.3, 0.15, 0.1, 0.1, 0.1, 0.1)
    return made.world(made.rules(keys, known, 0.85, 0.3))


def _pairs(seed: int) -> World:
    made = _Maker("pairs", seed)
    kinds, tags = made.given.words(3), made.given.words(4)
    keys = [(kind, tag) for kind in kinds for tag in tags][:10]
    return made.world(made.rules(keys, _POLICY, 0.85, 0.3))


def _exceptions(seed: int) -> World:
    made = _Maker("exceptions", seed)
    plain = made.rules(made.signs(6), (0.95,) * 6, 0.85, 0.35)
    known = (0.3, 0.1, 0.05, 0.05)
    over = made.rules(made.signs(4), known, 0.85, 0.35, overrules=True)
    return made.world([*plain, *over])


def _graded(seed: int) -> World:
    made = _Maker("graded", seed, labels=6)
    rules = made.rules(made.signs(10), _POLICY, 0.85, 0.35)
    return made.world(rules, graded=True)


def _worded(seed: int) -> World:
    made = _Maker("worded", seed)
    known = (0.8, 0.8, 0.7, 0.7, 0.6, 0.3, 0.1, 0.1)
    return made.world(made.rules(made.signs(8), known, 0.85, 0.35), wording=0.1)


def claim_world(seed: int, gain: float, *, graded: bool = False) -> World:
    """A model that answers at .5 whatever stands there, but for one sentence.

    Args:
        seed: Of words and rows.
        gain: What the sentence adds to the expected score; 0 for a null. One that
            harms stands in nearly all that is written.
        graded: Whether wrong labels may score a half.
    """
    made = _Maker(f"claim{gain:g}{'g' * graded}", seed, labels=6)
    rules = made.rules(made.signs(6), (0.5,) * 6, 0.0, 0.0)
    rate = 0.9 if gain < 0 else 0.5
    charm = Charm("Mind the seal of the crate.", gain, rate=rate)
    more: Any = {"charm": charm, "graded": graded}
    return made.world(rules, mute=True, unsteady=1.0, **more)


WORKING: dict[str, Callable[[int], World]] = {
    "policy": _policy,
    "mapping": _mapping,
    "mixed": _mixed,
    "chain3": lambda seed: _chain("chain3", 3, seed, 0.5),
    "chain5": lambda seed: _chain("chain5", 5, seed, 0.5),
    "ceiling": _ceiling,
    "flat": _flat,
    "trap": _trap,
    "small": _small,
}
HELD_OUT: dict[str, Callable[[int], World]] = {
    "ranges": _ranges,
    "pairs": _pairs,
    "exceptions": _exceptions,
    "graded": _graded,
    "worded": _worded,
    "silent3": lambda seed: _chain("silent3", 3, seed, 0.0),
}
FAMILIES = {**WORKING, **HELD_OUT}


@lru_cache(maxsize=256)
def world_of(family: str, seed: int) -> World:
    """A task with the words of a seed; held-out families have seeds of their own."""
    if family in HELD_OUT:
        return HELD_OUT[family](seed + _HELD_OUT_SEEDS)
    return WORKING[family](seed)
