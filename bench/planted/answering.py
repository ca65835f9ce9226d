"""How the simulated model answers a case: chances that are exact, and draws from them.

What it believes of a rule comes from what it knew, from lines that state it and from
solved cases of it; other lines mislead. A draw is keyed by the case, so that a better
prompt gains cases and loses few; for the unsteady share it hangs on the prompt as well.
"""

from __future__ import annotations

from functools import lru_cache

from ..world.advice import ADVICE
from ..world.draw import draw
from .reading import Content, Solved, Statement
from .tasks import Case, Charm, Key, Rule, Stage, World

__all__ = ["answer_to", "chances", "expected", "rightly_stated"]

MOST_TOLD = 16
MOST_SOLVED = 16
SHOWN_WRONG = 0.45
TOLD_WRONG = 0.75
DISTRACTED = 0.35
_CARE = 0.97
_HARD = 0.12


def chances(
    world: World, stage: Stage, content: Content, case: Case, given: str = ""
) -> dict[str, float]:
    """The probability of each answer, the rule's own first; they sum to 1."""
    rule = stage.rule_of(case, given)
    if rule is None:
        return dict.fromkeys(stage.labels, 1 / len(stage.labels))
    if world.mute:
        p = min(1.0, rule.known + _lift(world, stage, rule, content.prose))
        if world.graded:  # the partner of the right label scores a half
            near, far = _near_and_far(world, rule)
            return {rule.answer: p - 0.2, near: 0.4, far: 0.8 - p}
        return {rule.answer: p, rule.habit: 1 - p}
    found = {rule.answer: 0.0}
    rest = 1.0
    for one in _distracting(stage, content, case, given, rule)[:4]:
        found[one.answer] = found.get(one.answer, 0.0) + rest * DISTRACTED
        rest *= 1 - DISTRACTED
    belief, wrong = _belief(rule, content, case, given, stage)
    p = belief * (_CARE - _HARD * draw("difficulty", case.number))
    p = min(0.99, max(0.0, p + _lift(world, stage, rule, content.prose)))
    found[rule.answer] += rest * p
    found[wrong] = found.get(wrong, 0.0) + rest * (1 - p)
    return found


def answer_to(
    world: World, stage: Stage, content: Content, case: Case, given: str, sample: int
) -> str:
    """One answer. What goes wrong before a stage never comes right in it."""
    key: tuple[object, ...] = (world.seed, case.number, stage.output, sample)
    if draw("unsteady", *key[:3]) < world.unsteady:
        key = (*key, hash_of(content))
    at, chosen = draw("answer", *key), ""
    for label, chance in chances(world, stage, content, case, given).items():
        chosen = label
        at -= chance
        if at < 0:
            break
    place = world.stages.index(stage)
    right = world.values(case)
    if place and given != right[place - 1] and chosen == right[place]:
        return next(label for label in stage.labels if label != chosen)
    return chosen


def expected(
    world: World, contents: dict[str, Content], case: Case, label: str
) -> float:
    """The expected score of a row; an early mistake is never made good later."""
    values, reached = world.values(case), 1.0
    *before, last = world.stages
    given = ""
    for stage, value in zip(before, values, strict=False):
        found = chances(world, stage, contents[stage.output], case, given)
        reached *= found.get(value, 0.0)
        given = value
    found = chances(world, last, contents[last.output], case, given)
    score = sum(p * world.value_of(answer, label) for answer, p in found.items())
    return reached * score


def rightly_stated(
    world: World, stage: Stage, told: tuple[Statement, ...]
) -> frozenset[tuple[str, Key]]:
    """The hidden rules that lines state rightly; of a range, at least half of it."""
    return frozenset(
        (stage.output, rule.key)
        for rule in stage.rules
        if rule.hidden and any(states(one, rule) for one in told)
    )


def states(one: Statement, rule: Rule) -> bool:
    """Whether a line states a rule as it is."""
    if one.answer != rule.answer:
        return False
    if rule.key[0] != "range" or one.key[0] != "range":
        return set(one.key) == set(rule.key)
    low, high = (
        max(int(one.key[1]), int(rule.key[1])),
        min(int(one.key[2]), int(rule.key[2])),
    )
    width, wide = (int(k[2]) - int(k[1]) + 1 for k in (rule.key, one.key))
    return 2 * (high - low + 1) >= max(width, wide)


@lru_cache(maxsize=4096)
def hash_of(content: Content) -> float:
    """A number that hangs on all that is said."""
    return draw(content)


def _belief(
    rule: Rule, content: Content, case: Case, given: str, stage: Stage
) -> tuple[float, str]:
    doubt, against = 1 - rule.known, dict[str, float]()
    weight = min(1.0, MOST_TOLD / max(1, len(content.told)))
    for one in content.told:
        if _about(one, rule, case, given):
            if one.answer == rule.answer:
                doubt *= 1 - rule.told * weight
            else:
                _add(against, one.answer, TOLD_WRONG * weight)
    weight = min(1.0, MOST_SOLVED / max(1, len(content.solved)))
    for solved in content.solved:
        if stage.rule_of(solved.case, solved.given) is rule:
            alike = weight * _alike(case, solved)
            if solved.answer == rule.answer:
                doubt *= 1 - rule.shown * alike
            else:
                _add(against, solved.answer, SHOWN_WRONG * alike)
    worst = max(against, key=lambda a: against[a], default=rule.habit)
    return (1 - doubt) * (1 - against.get(worst, 0.0)), worst


def _about(one: Statement, rule: Rule, case: Case, given: str) -> bool:
    """Whether a line is about a rule's sign."""
    if rule.key[0] == "range":
        return one.key[0] == "range" and case.shows(one.key, given)
    return set(one.key) == set(rule.key)


def _distracting(
    stage: Stage, content: Content, case: Case, given: str, rule: Rule
) -> list[Statement]:
    """Lines whose sign the case shows, and means nothing in it."""
    found: list[Statement] = []
    for one in content.told:
        if _about(one, rule, case, given) or not case.shows(one.key, given):
            continue
        if rule.key[0] == "ending" and case.words[1] in one.key:
            continue
        if not any(states(one, other) for other in stage.rules):
            found.append(one)
    return found


def _alike(case: Case, solved: Solved) -> float:
    same = sum(a == b for a, b in zip(case.words, solved.case.words, strict=True))
    return 0.7 + 0.1 * min(3, same)


def _add(against: dict[str, float], answer: str, weight: float) -> None:
    against[answer] = 1 - (1 - against.get(answer, 0.0)) * (1 - weight)


def _lift(world: World, stage: Stage, rule: Rule, prose: str) -> float:
    return _care(world, prose) + _charmed(world.charm, rule is stage.rules[0], prose)


def _charmed(charm: Charm | None, first: bool, prose: str) -> float:
    if charm is None or charm.text not in prose:
        return 0.0
    return charm.lift if charm.apart is None or not first else charm.apart


@lru_cache(maxsize=4096)
def _care(world: World, prose: str) -> float:
    """What general advice adds: each sentence its own, at most the world's wording."""
    if not world.wording:
        return 0.0
    said = [text for text in ADVICE if text in prose]
    moved = sum(draw("care", world.family, world.seed, s) - 0.5 for s in said)
    return max(-1.0, min(1.0, moved)) * world.wording


def _near_and_far(world: World, rule: Rule) -> tuple[str, str]:
    others = [one for one in world.stages[-1].labels if one != rule.answer]
    ranked = sorted(others, key=lambda one: -world.value_of(one, rule.answer))
    return ranked[0], ranked[-1]
