"""Planted tasks: rules that decide a row's label, and how a simulated model knows them.

A case is a line of text with words of five slots and a number. A rule says which sign
in it calls for which label. A sign is a word, two words together, a range of the
number, or the ending that a family of words shares. Each world has words of its own.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ..world.draw import draw

__all__ = ["Case", "Charm", "Key", "Rule", "Stage", "Truth", "World", "case_in"]

INPUT = "message"
FRESH, FEW = 1_000, 50
Row = dict[str, str]
Key = tuple[str, ...]
"""The words of a sign in order, or ("range", low, high), or ("ending", letters)."""

_CASE = re.compile(
    r"Case (\d+): a (\w+) crate tagged (\w+) of (\d+) stone from (\w+) by (\w+)\."
)


@dataclass(frozen=True)
class Case:
    """What a line of text says.

    Attributes:
        number: Its own, by which all draws are keyed.
        words: Kind, tag, place and thing.
        stone: Its number, in [1, 100].
    """

    number: str
    words: tuple[str, ...]
    stone: int

    def shows(self, key: Key, given: str = "") -> bool:
        """Whether a sign is in it, or in the value that the stage before gave."""
        if key[0] == "range":
            return not given and int(key[1]) <= self.stone <= int(key[2])
        if key[0] == "ending":
            return not given and self.words[1].endswith(key[1])
        return set(key) <= ({given} if given else set(self.words))


@lru_cache(maxsize=2**14)
def case_in(text: str) -> Case | None:
    """The first case of a text."""
    found = _CASE.search(text)
    if found is None:
        return None
    number, kind, tag, stone, place, thing = found.groups()
    return Case(number, (kind, tag, place, thing), int(stone))


@dataclass(frozen=True)
class Rule:
    """Which sign calls for which label, and how the model stands to it.

    Attributes:
        key: The sign.
        answer: The right label.
        habit: What the model answers where it does not know the rule.
        known: Belief before any evidence, in [0, 1].
        told: How far one line that states it teaches it; 0 where none can.
        shown: How far one solved case teaches it.
        share: How often rows need it, beside the others.
        overrules: Whether it wins over the other rules of a case.
    """

    key: Key
    answer: str
    habit: str
    known: float
    told: float
    shown: float
    share: float = 1.0
    overrules: bool = False

    @property
    def hidden(self) -> bool:
        """Whether stating it teaches what was not known."""
        return self.told > 0 and self.known <= 0.5


@dataclass(frozen=True, eq=False)
class Stage:
    """One module: what it writes, its instruction, its labels and its rules."""

    output: str
    instruction: str
    labels: tuple[str, ...]
    rules: tuple[Rule, ...]

    def rule_of(self, case: Case, given: str = "") -> Rule | None:
        """The rule that decides a case; None where it shows no sign."""
        return _rule_of(self, case, given)


@lru_cache(maxsize=2**16)
def _rule_of(stage: Stage, case: Case, given: str) -> Rule | None:
    found = [rule for rule in stage.rules if case.shows(rule.key, given)]
    return min(found, key=lambda rule: not rule.overrules, default=None)


@dataclass(frozen=True)
class Charm:
    """A sentence that states no rule and moves the chance of right answers.

    Attributes:
        text: The sentence.
        lift: What it adds on every row.
        apart: What it adds instead where the first rule decides; None for the same.
        rate: How often a writer adds it.
    """

    text: str
    lift: float
    apart: float | None = None
    rate: float = 0.3


@dataclass(frozen=True, eq=False)
class World:
    """A task with the words of one seed.

    Attributes:
        family: Its kind.
        seed: Of words, rules and rows.
        stages: The modules, in the order in which they run.
        words: Values of kind, tag, place and thing that mean nothing.
        tags: Words that share an ending, by ending.
        noise: Share of rows whose label nothing in the case tells.
        blank: Share of rows without a sign, whose label is drawn.
        unsteady: Share of cases whose draws hang on the whole prompt.
        charm: A sentence with an effect of its own, or None.
        wording: How much general advice moves the chance of right answers.
        skew: How often select rows need the first rule, beside the other rows.
        fault: The stage in which the ignorance is, or -1.
        named: Share of failing rows whose feedback names the values of all stages.
        graded: Whether a label of the right group scores a half.
        mute: Whether the model answers the same whatever it is told and shown.
    """

    family: str
    seed: int
    stages: tuple[Stage, ...]
    words: tuple[tuple[str, ...], ...]
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    noise: float = 0.0
    blank: float = 0.0
    unsteady: float = 0.3
    charm: Charm | None = None
    wording: float = 0.0
    skew: float = 1.0
    fault: int = -1
    named: float = 1.0
    graded: bool = False
    mute: bool = False

    @property
    def output(self) -> str:
        """The field that is scored."""
        return self.stages[-1].output

    @property
    def hidden(self) -> frozenset[tuple[str, Key]]:
        """The rules that a writer can find, by output and sign."""
        return frozenset(
            (stage.output, rule.key)
            for stage in self.stages
            for rule in stage.rules
            if rule.hidden
        )

    def values(self, case: Case) -> tuple[str, ...]:
        """The right value of every stage; the last one is the label without noise."""
        found: list[str] = []
        given = ""
        for stage in self.stages:
            rule = stage.rule_of(case, given)
            at = int(draw("blank", self.seed, case.number) * len(stage.labels))
            given = rule.answer if rule else stage.labels[at]
            found.append(given)
        return tuple(found)

    def label(self, case: Case) -> str:
        """What the row says is right."""
        right = self.values(case)[-1]
        if draw("noise", self.seed, case.number) >= self.noise:
            return right
        last = self.stages[-1]
        rule = last.rule_of(case)
        barred = {right, rule.habit if rule else right}
        free = [label for label in last.labels if label not in barred]
        return free[int(draw("noisy", self.seed, case.number) * len(free))]

    def value_of(self, answer: str, label: str) -> float:
        """The score of an answer."""
        if answer == label:
            return 1.0
        labels = self.stages[-1].labels
        if not self.graded or answer not in labels:
            return 0.0
        return 0.5 * (labels.index(answer) // 2 == labels.index(label) // 2)

    def rows(self, train: int = 60, select: int = 60) -> tuple[list[Row], list[Row]]:
        """Rows to learn from, and rows to select on."""
        rng = random.Random(f"planted rows {self.family} {self.seed}")
        numbers = rng.sample(range(1000, 10_000), train + select)
        first = [self._row(number, rng) for number in numbers[:train]]
        return first, [self._row(n, rng, self.skew) for n in numbers[train:]]

    @cached_property
    def fresh(self) -> list[Row]:
        """Rows that no compile sees; few where every row has the same chances."""
        rng = random.Random(f"planted fresh {self.family} {self.seed}")
        count = FEW if self.mute else FRESH
        return [self._row(number, rng) for number in range(20_000, 20_000 + count)]

    def _row(self, number: int, rng: random.Random, skew: float = 1.0) -> Row:
        kind, tag, place, thing = (rng.choice(words) for words in self.words)
        stone = rng.randrange(1, 101)
        if rng.random() >= self.blank:
            plain = [r for r in self.stages[0].rules if not r.overrules]
            shares = [r.share * (skew if r is plain[0] else 1.0) for r in plain]
            [rule] = rng.choices(plain, shares)
            kind, tag, stone = self._with(rule.key, kind, tag, stone, rng)
            over = [r for r in self.stages[0].rules if r.overrules]
            if over and rng.random() < 0.35:
                kind = rng.choice(over).key[0]
        text = f"Case {number}: a {kind} crate tagged {tag} of {stone} stone "
        text += f"from {place} by {thing}."
        case = case_in(text)
        assert case is not None
        return {INPUT: text, self.output: self.label(case)}

    def _with(
        self, key: Key, kind: str, tag: str, stone: int, rng: random.Random
    ) -> tuple[str, str, int]:
        if key[0] == "range":
            return kind, tag, rng.randrange(int(key[1]), int(key[2]) + 1)
        if key[0] == "ending":
            return kind, rng.choice(self.tags[key[1]]), stone
        if len(key) == 2:
            return key[0], key[1], stone
        return kind, key[0], stone


@dataclass(frozen=True)
class Truth:
    """What a prompt is truly worth.

    Attributes:
        score: Expected score on fresh rows, in [0, 1], without draws.
        stated: The hidden rules that it states rightly.
    """

    score: float
    stated: frozenset[tuple[str, Key]]
