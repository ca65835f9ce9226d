"""Asked to write: an instruction, a rule, an observation, advice for each module.

The same knowledge goes into whatever field is asked for: rules already stated in the
prompt, and lessons of the cases in it. A whole instruction begins with the one that
was given and now and then loses a rule on the way; an addition holds lessons only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .advice import ADVICE
from .draw import draw, pick
from .form import Form, Wanted
from .lessons import lessons_of
from .reading import Prompt, Statement, statements_in
from .tasks import Stage, World

__all__ = ["write"]

DROPPED = 0.15
MOST_RULES = 14
_WAYS = (
    "If the case mentions {sign}, answer {answer}.",
    "Cases with {sign} take {answer}.",
    "The word {sign} calls for {answer}.",
)
_WHOLE = re.compile(r"instruction|prompt", re.IGNORECASE)
_REPLACED = re.compile(r"\b(?:replace|remove)\b|replaced", re.IGNORECASE)
_LIST = re.compile(r"\[\s*(\"[\w.\[\]]+\"(?:\s*,\s*\"[\w.\[\]]+\")*)\s*\]")
_NOTHING = "Nothing stands out."


@dataclass(frozen=True)
class Draft:
    """What a writer has to say.

    Attributes:
        opener: The instruction that the prompt holds, without its rules.
        kept: Rules stated in the prompt, by output.
        learnt: Rules of the cases in the prompt, by output.
        outdated: A stated rule that the cases contradict, as the prompt words it.
        sample: Which of several answers to the same prompt this is.
        clue: What else the prompt says, so that general advice varies.
    """

    opener: str
    kept: dict[str, list[Statement]]
    learnt: dict[str, list[Statement]]
    outdated: str
    sample: int
    clue: str


def write(world: World, prompt: Prompt, form: Form, sample: int) -> dict[str, Any]:
    """A value for every field of the form."""
    draft = _draft(world, prompt, sample)
    names = _modules(prompt)
    fenced = form.kind == "plain" and "```" in prompt.query
    values = {f.name: _value(world, draft, f, names, form) for f in form.fields}
    if fenced:
        return {name: f"```\n{text}\n```" for name, text in values.items()}
    return values


def _draft(world: World, prompt: Prompt, sample: int) -> Draft:
    learnt = lessons_of(world, prompt.shown, sample)
    opener, text = "Answer for each case.", f"{prompt.prose}\n{prompt.query}"
    known = [(text.rfind(s.instruction), s.instruction) for s in world.stages]
    if max(known)[0] >= 0:
        opener = max(known)[1]
    kept: dict[str, list[Statement]] = {}
    outdated = ""
    for stage in world.stages:
        new = {lesson.sign: lesson.answer for lesson in learnt[stage.output]}
        stated = statements_in(world, stage, prompt.prose)
        latest = {s.sign: s for s in stated}
        kept[stage.output] = [
            s for s in latest.values() if new.get(s.sign, s.answer) == s.answer
        ]
        for one in stated:
            if new.get(one.sign, one.answer) != one.answer:
                outdated = _wording(one, prompt.prose) or outdated
    return Draft(opener, kept, learnt, outdated, sample, prompt.query)


def _wording(statement: Statement, prose: str) -> str:
    """The sentence of the prompt that states a rule."""
    sentences = (f"{part.strip()}." for part in re.split(r"[.\n]", prose))
    named = (s for s in sentences if statement.sign in s and statement.answer in s)
    return next((s for s in named if s in prose), "")


def _value(
    world: World, draft: Draft, wanted: Wanted, names: Sequence[str], form: Form
) -> Any:
    if "dict" in wanted.note and names:
        stages = dict(zip(names, world.stages, strict=False))
        return {name: _addition(draft, [stage]) for name, stage in stages.items()}
    if _REPLACED.search(wanted.note):
        return draft.outdated
    if _WHOLE.search(wanted.name) or form.kind == "plain":
        return _instruction(world, draft)
    if "prefix" in wanted.name:
        return "Answer:"
    return _addition(draft, world.stages)


def _instruction(world: World, draft: Draft) -> str:
    """The whole instruction: opener, what is kept of the old rules, and the new."""
    stages = sorted(world.stages, key=lambda s: s.instruction != draft.opener)
    kept = [
        one
        for stage in stages
        for one in draft.kept[stage.output]
        if draw("drop", one, draft.sample) >= DROPPED
    ]
    learnt = [one for stage in stages for one in draft.learnt[stage.output]]
    rules = list(dict.fromkeys([*kept, *learnt]))[:MOST_RULES]
    lines = [draft.opener, *(_said(rule, draft.sample) for rule in rules)]
    if not rules:  # nothing to go by: general advice, which changes little
        lines += dict.fromkeys(
            pick(ADVICE, "advice", n, draft.sample, draft.clue) for n in range(3)
        )
    return " ".join(lines)


def _addition(draft: Draft, stages: Sequence[Stage]) -> str:
    """Rules alone, as observations, reasons or advice."""
    outputs = [stage.output for stage in stages]
    learnt = [one for output in outputs for one in draft.learnt[output]]
    rules = learnt or [one for output in outputs for one in draft.kept[output]]
    said = [_said(rule, draft.sample) for rule in dict.fromkeys(rules)]
    return " ".join(said[:MOST_RULES]) or _NOTHING


def _said(rule: Statement, sample: int) -> str:
    way = pick(_WAYS, "way", rule, sample)
    return way.format(sign=rule.sign, answer=rule.answer)


def _modules(prompt: Prompt) -> list[str]:
    """The names in the last list of names that the prompt holds."""
    lists = _LIST.findall(f"{prompt.prose}\n{prompt.query}")
    return list(json.loads(f"[{lists[-1]}]")) if lists else []
