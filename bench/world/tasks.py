"""Tasks with hidden rules: what the simulated model could know, and rows to test it.

A rule says which sign in a case calls for which answer. A sign is a word, which an
instruction can name, or an ending that a family of words shares, which this model
grasps from solved cases only. Vocabulary and rules are drawn anew for every seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .draw import Words, draw

__all__ = ["TASKS", "Rule", "Split", "Stage", "World", "world_of"]

Row = dict[str, str]
INPUT = "message"


@dataclass(frozen=True)
class Rule:
    """Which sign calls for which answer, and how the model stands to it.

    Attributes:
        sign: A word, or the ending of words where `family` is set.
        answer: The right answer.
        habit: What the model says where it does not know the rule.
        known: Belief before any evidence, in [0, 1].
        told: How far one sentence that states it teaches it.
        shown: How far one solved case teaches it.
        family: Whether the sign is an ending.
        overrules: Whether it wins over the other rules of a case.
    """

    sign: str
    answer: str
    habit: str
    known: float
    told: float
    shown: float
    family: bool = False
    overrules: bool = False

    def fits(self, word: str) -> bool:
        """Whether a word shows the sign."""
        return word.endswith(self.sign) if self.family else word == self.sign


@dataclass(frozen=True, eq=False)
class Stage:
    """One module of a program: what it reads, what it answers, and by which rules."""

    output: str
    reads: str
    instruction: str
    labels: tuple[str, ...]
    rules: tuple[Rule, ...]

    def rules_for(self, words: tuple[str, ...]) -> list[Rule]:
        """The rules that a case needs, those that overrule first."""
        found = [r for r in self.rules if any(r.fits(word) for word in words)]
        return sorted(found, key=lambda rule: not rule.overrules)

    def gold(self, words: tuple[str, ...]) -> str:
        """The right answer to a case."""
        return self.rules_for(words)[0].answer


@dataclass(frozen=True)
class Split:
    """Rows for training, selecting and testing; no case is in two of them."""

    train: list[Row]
    val: list[Row]
    test: list[Row]


@dataclass(frozen=True, eq=False)
class World:
    """A task with its vocabulary: stages in the order in which they run.

    Attributes:
        fillers: Words of three slots that mean nothing.
        families: The words that share an ending, by ending.
    """

    task: str
    seed: int
    stages: tuple[Stage, ...]
    fillers: tuple[tuple[str, ...], ...]
    families: Mapping[str, tuple[str, ...]]

    @property
    def output(self) -> str:
        """The field that is scored."""
        return self.stages[-1].output

    def stage(self, output: str) -> Stage | None:
        """The stage that answers a field."""
        return next((s for s in self.stages if s.output == output), None)

    def rows(self, train: int = 60, val: int = 60, test: int = 200) -> Split:
        """Rows of a task; the same for everybody."""
        rng = random.Random(f"rows {self.task} {self.seed}")
        numbers = rng.sample(range(1000, 10_000), train + val + test)
        rows = [self._row(number, rng) for number in numbers]
        return Split(rows[:train], rows[train : train + val], rows[train + val :])

    def _row(self, number: int, rng: random.Random) -> Row:
        first = self.stages[0]
        plain = [rule for rule in first.rules if not rule.overrules]
        special = [rule for rule in first.rules if rule.overrules]
        rule = rng.choice(plain)
        tag = rng.choice(self.families[rule.sign]) if rule.family else rule.sign
        kind, place, thing = (rng.choice(words) for words in self.fillers)
        if special and rng.random() < 0.2:
            kind = rng.choice(special).sign
        text = f"Case {number}: a {kind} crate tagged {tag} from {place} by {thing}."
        answer = ""
        words: tuple[str, ...] = (kind, tag, place, thing)
        for stage in self.stages:
            answer = stage.gold(words)
            words = (answer,)
        return {INPUT: text, self.output: answer}


@dataclass(frozen=True)
class Temper:
    """How the model stands to the rules of a stage."""

    known: tuple[float, ...]
    told: float
    shown: float
    family: bool = False


_SPREAD = (0.8, 0.6, 0.3, 0.15, 0.1, 0.1, 0.1, 0.1)
_FAMILY = (0.6, 0.3, 0.15, 0.1, 0.1, 0.1)


def _rules(
    words: Words,
    rng: random.Random,
    labels: tuple[str, ...],
    temper: Temper,
    signs: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    made: list[Rule] = []
    answers = [labels[n % len(labels)] for n in range(len(temper.known))]
    rng.shuffle(answers)
    for n, (known, answer) in enumerate(zip(temper.known, answers, strict=True)):
        habit = rng.choice([label for label in labels if label != answer])
        sign = words.ending() if temper.family else words.word()
        sign = signs[n] if signs else sign
        taught = (known, temper.told, temper.shown)
        made.append(Rule(sign, answer, habit, *taught, family=temper.family))
    return tuple(made)


def _single(
    task: str, seed: int, tempers: tuple[Temper, ...], exceptions: int = 0
) -> World:
    rng = random.Random(f"world {task} {seed}")
    words = Words(rng)
    labels = words.words(5)
    fillers = tuple(words.words(5) for _ in range(3))
    rules = [r for t in tempers for r in _rules(words, rng, labels, t)]
    for _ in range(exceptions):
        answer, habit = rng.sample(labels, 2)
        sign = words.word()
        rules.append(Rule(sign, answer, habit, 0.05, 0.8, 0.35, overrules=True))
    families = {
        rule.sign: tuple(words.ending_in(rule.sign) for _ in range(40))
        for rule in rules
        if rule.family
    }
    instruction = "Say which bin the crate goes to."
    stage = Stage("bin", INPUT, instruction, labels, tuple(rules))
    return World(task, seed, (stage,), fillers, families)


def _policy(seed: int) -> World:
    return _single("policy", seed, (Temper(_SPREAD, 0.85, 0.35),), exceptions=2)


def _analogy(seed: int) -> World:
    return _single("analogy", seed, (Temper(_FAMILY, 0.0, 0.5, family=True),))


def _mixed(seed: int) -> World:
    told = Temper((0.6, 0.2, 0.1, 0.1), 0.85, 0.1)
    shown = Temper((0.6, 0.2, 0.1, 0.1), 0.0, 0.5, family=True)
    return _single("mixed", seed, (told, shown))


def _solved(seed: int) -> World:
    return _single("solved", seed, (Temper((0.97,) * 8, 0.85, 0.35),))


def _chain(seed: int) -> World:
    rng = random.Random(f"world chain {seed}")
    words = Words(rng)
    fillers = tuple(words.words(5) for _ in range(3))
    kinds, grades, bins = words.words(5), words.words(5), words.words(5)
    first = Temper((0.95, 0.9, 0.9, 0.8, 0.5, 0.3), 0.85, 0.35)
    middle = Temper((0.6, 0.3, 0.1, 0.1, 0.1), 0.85, 0.35)
    last = Temper((0.95, 0.9, 0.9, 0.7, 0.5), 0.85, 0.35)
    stages = (
        Stage(
            "kind",
            INPUT,
            "Say of which kind the crate is.",
            kinds,
            _rules(words, rng, kinds, first),
        ),
        Stage(
            "grade",
            "kind",
            "Give the grade of that kind.",
            grades,
            _rules(words, rng, grades, middle, kinds),
        ),
        Stage(
            "bin",
            "grade",
            "Say which bin that grade goes to.",
            bins,
            _rules(words, rng, bins, last, grades),
        ),
    )
    return World("chain", seed, stages, fillers, {})


TASKS: Mapping[str, Callable[[int], World]] = {
    "policy": _policy,
    "analogy": _analogy,
    "mixed": _mixed,
    "solved": _solved,
    "chain": _chain,
}
"""Rules to be told; rules to be shown; half of each; nothing to gain; three stages."""


@lru_cache(maxsize=64)
def world_of(task: str, seed: int) -> World:
    """A task with the vocabulary of a seed."""
    return TASKS[task](seed)


def difficulty(case: str) -> float:
    """How hard a case is in itself, in [0, 1)."""
    return draw("difficulty", case)
