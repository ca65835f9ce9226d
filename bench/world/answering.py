"""Answering a case: belief in each rule it needs, and a draw that no wording moves.

What the model believes comes from three sources: what it knew before, sentences that
state a rule, and solved cases of the same sign. Evidence for another answer takes
belief away. Long lists of either weigh less each. Whether a case comes out right is
drawn by (case, rule, sample), and for a share of the cases by what the prompt teaches
as well: so two layouts of the same content get the same answers, while a prompt that
teaches other things also gains and loses cases for no reason, as with real models.
General advice moves a little, up or down, whatever rule it is that is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .advice import care
from .draw import draw
from .reading import Case, Prompt, Statement, read_words, statements_in
from .tasks import Rule, Stage, World, difficulty

__all__ = ["FORMAT_SLIPS", "answer_to", "slips"]

MOST_STATEMENTS = 16
MOST_SOLVED = 16
SHOWN_WRONG = 0.45
TOLD_WRONG = 0.75
DISTRACTED = 0.35
FORMAT_SLIPS = 0.04
UNSTEADY = 0.3


@dataclass(frozen=True)
class Solved:
    """A solved case of one stage: what it was about, and the answer given."""

    case: Case
    words: tuple[str, ...]
    answer: str


def slips(prompt: Prompt, stage: Stage, sample: int) -> bool:
    """Whether the reply forgets its form; solved cases and a reminder prevent it."""
    if prompt.again or prompt.asked is None or len(prompt.shown) > 1:
        return False
    return draw(prompt.asked.number, stage.output, "form", sample) < FORMAT_SLIPS


def answer_to(world: World, stage: Stage, prompt: Prompt, sample: int) -> str:
    """What the model answers to the case that is asked."""
    words = read_words(stage, prompt, world)
    case = prompt.asked
    if case is None or not words:
        return stage.labels[0]
    told = statements_in(world, stage, prompt.prose)
    solved = _solved(world, stage, prompt)
    copied = next((s.answer for s in solved if s.case == case), None)
    if copied is not None:
        return copied
    misled = _misled(stage, case, words, told, sample)
    if misled is not None:
        return misled
    careful = care(world, prompt.prose)
    mood: tuple[object, ...] = ()
    if draw(case.number, stage.output, "unsteady") < UNSTEADY:
        mood = (told, tuple(solved), careful)
    answer = stage.labels[0]
    for rule in stage.rules_for(words):
        belief, wrong = _belief(rule, case, words, told, solved)
        chance = belief * (0.97 - 0.12 * difficulty(case.number) + careful)
        if draw(case.number, stage.output, rule.sign, sample, *mood) < chance:
            return rule.answer
        answer = wrong or rule.habit
        if wrong and rule.overrules:
            return wrong
    return answer


def _belief(
    rule: Rule,
    case: Case,
    words: tuple[str, ...],
    told: Sequence[Statement],
    solved: Sequence[Solved],
) -> tuple[float, str]:
    """How sure the model is of a rule, and what it says instead where misled."""
    doubt = 1 - rule.known
    against: dict[str, float] = {}
    weight = min(1.0, MOST_STATEMENTS / max(1, len(told)))
    for statement in told:
        if statement.sign != rule.sign:
            continue
        if statement.answer == rule.answer:
            doubt *= 1 - rule.told * weight
        else:
            _add(against, statement.answer, TOLD_WRONG * weight)
    weight = min(1.0, MOST_SOLVED / max(1, len(solved)))
    for one in solved:
        if not any(rule.fits(word) for word in one.words):
            continue
        alike = weight * _alike(case, one.case)
        if one.answer == rule.answer:
            doubt *= 1 - rule.shown * alike
        elif not rule.overrules:
            _add(against, one.answer, SHOWN_WRONG * alike)
    worst = max(against, key=lambda a: against[a], default="")
    return (1 - doubt) * (1 - against.get(worst, 0.0)), worst


def _add(against: dict[str, float], answer: str, weight: float) -> None:
    before = against.get(answer, 0.0)
    against[answer] = 1 - (1 - before) * (1 - weight)


def _alike(one: Case, other: Case) -> float:
    """How much a solved case has to say about another, in [0.7, 1]."""
    same = sum(a == b for a, b in zip(one.words, other.words, strict=True))
    return 0.7 + 0.1 * min(3, same)


def _misled(
    stage: Stage,
    case: Case,
    words: tuple[str, ...],
    told: Sequence[Statement],
    sample: int,
) -> str | None:
    """The answer of a stated rule whose sign means nothing, where it is believed."""
    signs = {rule.sign for rule in stage.rules}
    for statement in told:
        if statement.sign in words and statement.sign not in signs:
            key = (case.number, stage.output, statement.sign, "misled", sample)
            if draw(*key) < DISTRACTED:
                return statement.answer
    return None


def _solved(world: World, stage: Stage, prompt: Prompt) -> list[Solved]:
    """The solved cases of a stage among those shown."""
    at = world.stages.index(stage)
    found: list[Solved] = []
    for shown in prompt.shown[:-1]:  # the last one is the question
        answers = [m.value for m in shown.mentions if m.output == stage.output]
        if not answers:
            continue
        words: tuple[str, ...] = shown.case.words
        if at:
            before = world.stages[at - 1].output
            words = tuple(m.value for m in shown.mentions if m.output == before)[:1]
        wanted = [m.value for m in shown.mentions if m.wanted and m.value in answers]
        found.append(Solved(shown.case, words, (wanted or answers)[-1]))
    return _exercised(stage, found)


def _exercised(stage: Stage, solved: list[Solved]) -> list[Solved]:
    """A case that a rule overrules says nothing about the rules it overrules."""
    kept: list[Solved] = []
    for one in solved:
        rules = stage.rules_for(one.words)
        if rules and rules[0].overrules and one.answer == rules[0].answer:
            kept.append(Solved(one.case, (rules[0].sign,), one.answer))
        else:
            kept.append(one)
    return kept
