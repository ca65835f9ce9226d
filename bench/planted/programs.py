"""A world as a weft program, its metric, and what a program is truly worth on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import weft

from ..world.draw import draw
from .answering import expected, rightly_stated
from .reading import Content, Solved, Statement, content_of, question
from .tasks import INPUT, Case, Truth, World, case_in
from .writing import fields_of, framed

__all__ = ["metric_of", "oracle", "program_of", "truth_of"]

_PROBED = 4
_SHOWN = 16


@lru_cache(maxsize=256)
def program_of(world: World) -> Any:
    """The stages of a world, one after the other; a module where there is one."""
    modules = [
        weft.Predict(signature, name=f"find_{stage.output}")
        for stage, signature in zip(world.stages, _signatures(world), strict=True)
    ]
    if len(modules) == 1:
        return modules[0]
    outputs = [stage.output for stage in world.stages]

    @weft.program
    def planted(message: str) -> str:
        given: dict[str, Any] = {}
        for module, output in zip(modules, outputs, strict=True):
            given = {output: getattr(module(message=message, **given), output)}
        answer: str = given[outputs[-1]]
        return answer

    return planted


def _signatures(world: World) -> list[Any]:
    make: Any = type(weft.Signature)
    chosen: Any = Literal
    made: list[Any] = []
    given: dict[str, Any] = {}
    for stage in world.stages:
        kind = chosen[stage.labels]
        body: dict[str, Any] = {
            "__doc__": stage.instruction,
            "__module__": __name__,
            "__annotations__": {INPUT: str, **given, stage.output: kind},
            INPUT: weft.Input(),
            **{name: weft.Input() for name in given},
            stage.output: weft.Output(),
        }
        made.append(make(stage.output, (weft.Signature,), body))
        given = {stage.output: kind}
    return made


def metric_of(world: World) -> Any:
    """Right or wrong, or a half; of what is wrong, what it should have been."""

    def planted_score(example: Any, prediction: Any) -> weft.Score:
        answer = getattr(prediction, world.output, prediction)
        label, case = example[world.output], case_in(example[INPUT])
        value = world.value_of(answer, label)
        if value == 1 or case is None:
            return weft.Score(value)
        said = f"The {world.output} should be {label}."
        if len(world.stages) > 1:
            named = draw("named", world.seed, case.number) < world.named
            values = zip(world.stages, world.values(case), strict=True)
            every = ", ".join(f"{stage.output} {value}" for stage, value in values)
            said = f"It should go: {every}." if named else said
        return weft.Score(value, said)

    return planted_score


def truth_of(world: World, program: Any) -> Truth:
    """The expected score of a program on fresh rows, from the chances themselves."""
    rows = world.fresh
    seen = _contents(world, program, rows[:_PROBED])
    first = seen[0]
    if any(one != first for one in seen):  # other prompts for other rows
        rows = rows[: len(rows) // 5]
        seen = _contents(world, program, rows)
    else:
        seen = [first] * len(rows)
    stated = frozenset(
        one
        for stage in world.stages
        for one in rightly_stated(world, stage, first[stage.output].told)
    )
    return Truth(_mean(world, rows, seen), stated)


def _mean(
    world: World, rows: Sequence[dict[str, str]], seen: Sequence[dict[str, Content]]
) -> float:
    total = 0.0
    for row, contents in zip(rows, seen, strict=True):
        case = case_in(row[INPUT])
        total += expected(world, contents, case, row[world.output]) if case else 0.0
    return total / len(rows)


def _contents(
    world: World, program: Any, rows: Sequence[dict[str, str]]
) -> list[dict[str, Content]]:
    """What the modules' prompts say before their question, row by row."""
    found: dict[str, dict[str, Content]] = {}

    def probe(request: weft.Request) -> str:
        case = case_in(request.messages[question(request)].text)
        asked = fields_of(request)
        stage = next(s for s in world.stages if s.output in asked)
        if case is None:
            return ""
        at = found.setdefault(case.number, {})
        at[stage.output] = content_of(world, stage, request)
        value = world.values(case)[world.stages.index(stage)]
        return framed(request, dict.fromkeys(asked, "") | {stage.output: value})

    lm = weft.FunctionLM(probe, model="planted", schema_mode=True)
    with weft.use(lm=lm, cache=weft.MemoryCache(), adapter="json"):
        weft.evaluate(program, rows, metric_of(world))
    numbers = [case.number for row in rows if (case := case_in(row[INPUT]))]
    return [found[number] for number in numbers]


@lru_cache(maxsize=256)
def oracle(world: World) -> float:
    """The better of all rules told, and of these with solved cases beside them."""
    if world.mute:
        charm = world.charm
        said = {world.output: Content((), (), charm.text if charm else "")}
        plain = {world.output: Content((), (), "")}
        rows = world.fresh
        return max(_mean(world, rows, [one] * len(rows)) for one in (said, plain))
    rows, cases = world.fresh, _examples(world)
    told: dict[str, Content] = {}
    both: dict[str, Content] = {}
    for at, stage in enumerate(world.stages):
        lines = tuple(Statement(r.key, r.answer) for r in stage.rules if r.told)
        values = [("", *world.values(case)) for case in cases]
        pairs = zip(cases, values, strict=True)
        solved = tuple(Solved(case, all_[at], all_[at + 1]) for case, all_ in pairs)
        told[stage.output] = Content(lines, (), "")
        both[stage.output] = Content(lines, solved, "")
    return max(_mean(world, rows, [one] * len(rows)) for one in (told, both))


def _examples(world: World) -> list[Case]:
    """Solved cases without noise, of the rules by turns."""
    cases = [case for row in world.rows()[0] if (case := case_in(row[INPUT]))]
    clean = [case for case in cases if world.label(case) == world.values(case)[-1]]
    first = world.stages[0]
    turns: dict[Case, int] = {}
    for case in clean:
        rule = first.rule_of(case)
        turns[case] = sum(first.rule_of(other) is rule for other in turns)
    return sorted(turns, key=lambda case: turns[case])[:_SHOWN]
