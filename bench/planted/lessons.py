"""What a writer learns from the cases that a prompt shows.

A case with a verdict (a score, a wanted value, feedback) is a run; one without is a
solved example. Where the right value of a module is said, or was found right, the case
is evidence of a rule. Which rule a writer sees in it is its own affair: a weak one
takes a word that means nothing two times of three.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..world.draw import draw
from .reading import Statement, is_list, is_map, statements_in
from .tasks import Case, Key, Stage, World, case_in

__all__ = ["WRITERS", "Evidence", "Prompt", "Writer", "lessons", "prompt_of"]


@dataclass(frozen=True)
class Writer:
    """How well a model writes.

    Attributes:
        solved: Chance to state a rule that two solved examples show.
        failed: Chance to state a rule that a failing run and its feedback show.
        most: How many rules one answer states at the most.
        false: Chance that a word which means nothing is taken for the sign.
        drops: Chance to lose a rule that stands in a text written anew.
        copies: Chance to give the text back as it is.
        heeds: Chance not to propose again what is shown as rejected.
    """

    solved: float
    failed: float
    most: int
    false: float
    drops: float
    copies: float
    heeds: float


WRITERS: Mapping[str, Writer] = {
    "weak": Writer(0.3, 0.5, 2, 0.67, 0.2, 0.3, 0.5),
    "strong": Writer(0.6, 0.9, 4, 0.05, 0.05, 0.0, 0.95),
    "labels": Writer(0.8, 0.0, 6, 0.1, 0.1, 0.0, 0.9),
    "feedback": Writer(0.0, 0.9, 3, 0.1, 0.1, 0.0, 0.9),
}


@dataclass(frozen=True)
class Evidence:
    """A case of a stage in a writer's prompt.

    Attributes:
        case: The case.
        given: What the stage before gave.
        wrote: What the module wrote, or "".
        right: The right value, as far as the prompt tells, or "".
        run: Whether it is a run with a verdict, and no solved example.
        failed: Whether the program failed on it.
    """

    case: Case
    given: str
    wrote: str
    right: str
    run: bool
    failed: bool


@dataclass(frozen=True)
class Prompt:
    """What a writer is asked.

    Attributes:
        stages: The modules that it is about: those whose instruction is shown, else
            those whose outputs the cases hold.
        text: The instruction in use, without what else is said.
        evidence: Cases, by output.
        said: Rules that other texts of the prompt state, such as reasons, by output.
        rejected: Rules in what is shown as tried before and dropped.
        query: The whole question, by which draws are keyed.
        sample: Which of several answers this is.
    """

    stages: tuple[Stage, ...]
    text: str
    evidence: Mapping[str, list[Evidence]]
    said: tuple[Statement, ...]
    rejected: frozenset[Statement]
    query: str
    sample: int


_TEXT = re.compile(r"instruction|^task$|prompt", re.IGNORECASE)
_GONE = re.compile(r"reject|refus|dropped|avoid|earlier|failed_|tried", re.IGNORECASE)
_STAYED = re.compile(r"\b(accept|kept|gained|helped)", re.IGNORECASE)
_SAID = re.compile(
    r"reason|weak|strength|note|advice|critique|hint|rule|other|lesson|keep|edit|"
    r"accepted|lines_that",
    re.IGNORECASE,
)
_RIGHT = re.compile(r"want|gold|expect|label|correct|right|should", re.IGNORECASE)
_VERDICT = re.compile(r"want|gold|expect|score|feedback|passed|verdict", re.IGNORECASE)


_ROLE = re.compile(f"^(inputs?|outputs?)$|{_VERDICT.pattern}", re.IGNORECASE)
_NUMBERED = re.compile(r"Case (\d+):")
_WHOLE_CASE = re.compile(r"Case \d+: [^.]*\.")
_PAIR = re.compile(r"(\w+)\W*[:=]\s*([^;\n]+)")


def prompt_of(world: World, query: str, sample: int) -> Prompt:
    """A writer's question, read by content."""
    data = _data(query)
    texts = [t for _, t in _strings(data, _TEXT)]
    shown = [s for s in world.stages if any(s.instruction in t for t in texts)]
    cases = [c for c in _cases(data) if case_in(json.dumps(c))]
    if not shown:
        inside = [s for s in world.stages if f'"{s.output}"' in json.dumps(cases)]
        named = [s for s in world.stages if s.instruction in query]
        shown = named or inside[-1:] or [world.stages[-1]]
    held = [t for t in texts if shown[0].instruction in t]
    text = (held or list(_holding(data, shown[0].instruction)) or texts or [""])[0]
    seen = {
        stage.output: [e for c in cases if (e := _evidence(world, stage, c))]
        for stage in world.stages
    }
    said = [t for k, t in _strings(data, _SAID) if not _GONE.search(k)]
    gone = [
        line
        for _, t in _strings(data, _GONE)
        for line in t.splitlines()
        if not _STAYED.search(line)
    ]
    return Prompt(
        tuple(shown),
        text,
        seen,
        tuple(r for s in shown for t in said for r in statements_in(world, s, t)),
        frozenset(r for s in shown for t in gone for r in statements_in(world, s, t)),
        query,
        sample,
    )


def _holding(data: Any, instruction: str) -> Iterator[str]:
    """Texts that hold an instruction, and lists of lines of which one does."""
    if isinstance(data, str):
        if instruction in data:
            yield data
    elif is_list(data):
        if instruction in _lines(data) and not case_in(_lines(data)):
            yield _lines(data)
    elif is_map(data):
        for key, value in data.items():
            if not _GONE.search(str(key)):
                yield from _holding(value, instruction)


def _data(query: str) -> Any:
    """The question as JSON; a text that is none is one value."""
    try:
        return json.loads(query)
    except ValueError:
        return {"instruction": query}


def _strings(data: Any, wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The texts under keys of a kind, with their keys, from the outside in."""
    if is_map(data):
        for key, value in data.items():
            if wanted.search(str(key)):
                text = value if isinstance(value, str) else _lines(value)
                yield str(key), text
            else:
                yield from _strings(value, wanted)
    elif is_list(data):
        for item in data:
            yield from _strings(item, wanted)


def _lines(value: Any) -> str:
    """All texts within a value; those of one object, and its number, on one line."""
    if is_map(value):
        parts = [_lines(item) for item in value.values()]
        number = [p for p in parts if p.isdecimal()][:1]
        return " ".join(
            [f"{n}:" for n in number] + [p for p in parts if p not in number]
        )
    if is_list(value):
        return "\n".join(_lines(item) for item in value)
    return str(value)


def _cases(data: Any) -> Iterator[Mapping[str, Any]]:
    """The outermost objects that are about one case, and texts that are."""
    if is_map(data):
        holders = [value for value in data.values() if _holds(value)]
        single = [value for value in holders if not is_list(value)]
        numbers = set(_NUMBERED.findall(json.dumps(data)))
        texts = any(_TEXT.search(str(key)) for key in data)
        told = any(_ROLE.search(str(key)) for key in data)
        whole = len(numbers) == 1 and not texts and (told or len(single) == 1)
        yield from [data] if whole else _inner(data)
    elif is_list(data):
        for item in data:
            yield from [_as_case(item)] if isinstance(item, str) else _cases(item)


def _as_case(text: str) -> Mapping[str, Any]:
    """A case that is told as text, with names before its values."""
    found = _WHOLE_CASE.search(text)
    rest = _WHOLE_CASE.sub("", text)
    pairs = dict(_PAIR.findall(rest))
    return {"message": found.group(0), **pairs} if found else {}


def _inner(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in data.values():
        yield from _cases(value)


def _holds(value: Any) -> bool:
    return case_in(_lines(value)) is not None


def _evidence(world: World, stage: Stage, data: Mapping[str, Any]) -> Evidence | None:
    """A case as evidence of one stage's rules."""
    case = case_in(_lines(data))
    if case is None:
        return None
    at = world.stages.index(stage)
    found: dict[str, list[str]] = {"given": [], "wrote": [], "right": [], "named": []}
    _read(data, stage, world.stages[at - 1].labels if at else (), found, "")
    run = any(_VERDICT.search(key) for key in _keys(data))
    score = next((v for k, v in _walk(data) if k == "score"), None)
    right = found["right"][-1] if found["right"] else ""
    wrote = found["wrote"][-1] if found["wrote"] else ""
    failed = run and (score < 1 if isinstance(score, int | float) else right != wrote)
    if not right and wrote and not failed:
        right = wrote
    given = found["given"][0] if found["given"] else ""
    if failed and found["named"] and found["named"][-1] != given:
        right = ""  # what it was given was wrong: this says nothing of its own rules
    if (at and not given) or not (right or wrote):
        return None
    return Evidence(case, given, wrote, right, run, failed)


def _read(
    data: Any,
    stage: Stage,
    before: tuple[str, ...],
    found: dict[str, list[str]],
    key: str,
) -> None:
    """Labels in a case: what was given, what was written, what is said to be right."""
    if is_map(data):
        for name, value in data.items():
            kind = "right" if _RIGHT.search(name) or key == "right" else key
            kind = "right" if name == "feedback" else kind
            _read(value, stage, before, found, kind)
    elif is_list(data):
        for item in data:
            _read(item, stage, before, found, key)
    elif isinstance(data, str) and not case_in(data):
        for word in re.findall(r"\w+", data):
            if word in before:
                found["named" if key == "right" else "given"].append(word)
            elif word in stage.labels:
                found["right" if key == "right" else "wrote"].append(word)


def _keys(data: Any) -> Iterator[str]:
    return (key for key, _ in _walk(data))


def _walk(data: Any) -> Iterator[tuple[str, Any]]:
    if is_map(data):
        for key, value in data.items():
            yield str(key), value
            yield from _walk(value)


def lessons(world: World, writer: Writer, prompt: Prompt) -> list[Statement]:
    """The rules that a writer states, the best shown first; some are false."""
    groups: dict[tuple[str, Key], list[Evidence]] = defaultdict(list)
    for stage in prompt.stages:
        for one in prompt.evidence[stage.output]:
            rule = stage.rule_of(one.case, one.given)
            if one.right:
                key = rule.key if rule else (one.case.words[1],)
                groups[stage.output, key].append(one)
    found: dict[Statement, float] = {}
    for (output, key), seen in groups.items():
        failing = sum(one.failed for one in seen)
        chance = writer.failed if failing else 0.0
        if sum(not one.run for one in seen) > 1:
            chance = max(chance, writer.solved)
        at: tuple[object, ...] = (world.seed, output, key, prompt.query, prompt.sample)
        if draw("sees", *at) < chance:
            made = _stated(writer, key, seen, at)
            if made in prompt.rejected and draw("heeds", *at) < writer.heeds:
                continue
            found[made] = failing + draw("first", *at)
    ranked = sorted(found, key=lambda one: -found[one])
    return ranked[: writer.most]


def _stated(
    writer: Writer, key: Key, seen: list[Evidence], at: tuple[object, ...]
) -> Statement:
    """The rule that some cases show, as a writer takes it."""
    answers = Counter(one.right for one in seen)
    answer = max(answers, key=lambda a: (answers[a], a))
    case = seen[int(draw("which", *at) * len(seen))].case
    if draw("false", *at) < writer.false:
        others = [word for word in case.words if word not in key]
        return Statement((others[int(draw("word", *at) * len(others))],), answer)
    if key[0] == "range":
        stones = [one.case.stone for one in seen if one.right == answer]
        wide = 2 if len(stones) == 1 else 0
        low, high = max(1, min(stones) - wide), min(100, max(stones) + wide)
        return Statement(("range", str(low), str(high)), answer)
    if key[0] == "ending":
        return Statement((case.words[1],), answer)
    return Statement(key, answer)
