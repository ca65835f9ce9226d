"""What a writer learns from the cases it is shown: rules, each with a chance.

A case teaches a rule where its right answer shows: a wanted one that is named as such,
or an answer that nothing contradicts. A wrong answer beside the wanted one teaches it
better. In long lists only the first and the last cases get full attention. Endings are
never put in words, and now and then a word that means nothing is taken for a sign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .draw import draw
from .reading import Case, Mention, Shown, Statement
from .tasks import Stage, World

__all__ = ["lessons_of"]

LEARNT = 0.5
CONTRAST = 1.3
GUESSED = 0.5
DISTRACTED = 0.06
EASY = 12
EDGE = 6
MIDDLE = 0.35


@dataclass(frozen=True)
class Lesson:
    """A rule as one case shows it, before it is known whether it was noticed."""

    case: Case
    statement: Statement
    chance: float


@dataclass(frozen=True)
class Seen:
    """All that a prompt says of one case.

    Attributes:
        runs: The answers by output, of every run that is shown.
        wanted: The right final answer, where it is said.
    """

    case: Case
    runs: tuple[dict[str, str], ...]
    wanted: str | None
    attention: float


def lessons_of(
    world: World, shown: Sequence[Shown], sample: int
) -> dict[str, list[Statement]]:
    """The rules a writer takes from these cases, by the output they are about."""
    found: dict[str, list[Statement]] = {stage.output: [] for stage in world.stages}
    for stage in world.stages:
        votes: dict[str, Counter[str]] = {}
        for seen in _seen(world, shown):
            for lesson in _shown_by(world, stage, seen):
                key = (lesson.case.number, stage.output, lesson.statement, sample)
                if draw("lesson", *key) < lesson.chance:
                    sign = lesson.statement.sign
                    votes.setdefault(sign, Counter())[lesson.statement.answer] += 1
        for sign, answers in votes.items():
            found[stage.output].append(Statement(sign, answers.most_common(1)[0][0]))
    return found


def _seen(world: World, shown: Sequence[Shown]) -> list[Seen]:
    """What is said of each case, put together, in the order of first mention."""
    merged: dict[Case, list[Mention]] = {}
    for one in shown:
        merged.setdefault(one.case, []).extend(one.mentions)
    outputs = [stage.output for stage in world.stages]
    found: list[Seen] = []
    for at, (case, mentions) in enumerate(merged.items()):
        wanted = [m.value for m in mentions if m.wanted and m.output == outputs[-1]]
        given = [m for m in mentions if not m.wanted]
        runs = _runs(outputs, given)
        named = wanted[0] if wanted else None
        found.append(Seen(case, runs, named, _attention(at, len(merged))))
    return found


def _runs(outputs: list[str], given: list[Mention]) -> tuple[dict[str, str], ...]:
    """Answers in the order of the stages; one that steps back begins another run."""
    runs: list[dict[str, str]] = []
    last = len(outputs)
    for mention in given:
        at = outputs.index(mention.output)
        changed = at == last and runs[-1][mention.output] != mention.value
        if at < last or changed:
            runs.append({})
        runs[-1][mention.output] = mention.value
        last = at
    return tuple(runs)


def _attention(at: int, count: int) -> float:
    edge = at < EDGE or at >= count - EDGE
    return 1.0 if count <= EASY or edge else MIDDLE


def _shown_by(world: World, stage: Stage, seen: Seen) -> list[Lesson]:
    """The rules of a stage that one case shows."""
    final = world.stages[-1].output
    ended = [run[final] for run in seen.runs if final in run]
    right = seen.wanted or (ended[-1] if ended else None)
    good = [run for run in seen.runs if final in run and run[final] == right]
    if right is None:
        good = list(seen.runs)  # cases of one stage alone, shown as solved
    run = (good or list(seen.runs) or [{}])[-1]
    contrast = any(value != right for value in ended)
    chance = LEARNT * seen.attention * (CONTRAST if contrast else 1.0)
    words = _read_by(world, stage, seen.case, run)
    if stage.output == final:
        return _taught(stage, seen.case, words, right, chance)
    if good:
        return _taught(stage, seen.case, words, run.get(stage.output), chance)
    if not ended or right is None or stage.output not in run or not words:
        return []
    # Whose fault it was is not said: the writer reasons back from the answer wanted.
    answer, sure = _backwards(world, stage, right)
    return _taught(stage, seen.case, words, answer, GUESSED * chance * sure)


def _backwards(world: World, stage: Stage, right: str) -> tuple[str | None, float]:
    """What a stage should have answered, and how well the writer knows the way back.

    Where an earlier stage had gone wrong this teaches a wrong rule, as it would.
    """
    answer: str | None = right
    sure = 1.0
    for later in reversed(world.stages[world.stages.index(stage) + 1 :]):
        rules = [rule for rule in later.rules if rule.answer == answer]
        if not rules:
            return None, 0.0
        answer, sure = rules[0].sign, sure * rules[0].known
    return answer, sure


def _read_by(
    world: World, stage: Stage, case: Case, run: dict[str, str]
) -> tuple[str, ...]:
    at = world.stages.index(stage)
    if at == 0:
        return case.words
    value = run.get(world.stages[at - 1].output)
    return (value,) if value else ()


def _taught(
    stage: Stage,
    case: Case,
    words: tuple[str, ...],
    answer: str | None,
    chance: float,
) -> list[Lesson]:
    if answer is None or not words:
        return []
    rules = [rule for rule in stage.rules_for(words) if not rule.family]
    special = [r for r in rules if r.overrules]
    if special and special[0].answer == answer:
        rules = special[:1]
    found = [
        Lesson(case, Statement(rule.sign, answer), chance)
        for rule in rules
        if not rule.overrules or rule.answer == answer
    ]
    if len(words) > 1:  # a whole case, with words in it that mean nothing
        found.append(Lesson(case, Statement(words[3], answer), DISTRACTED * chance))
    return found
