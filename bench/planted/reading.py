"""What a prompt says, by content: statements of rules, solved cases, prose.

Nothing here knows a form of prompts: a statement is a line that names a sign and a
label, a solved case is one that is followed by labels, and the case that is asked is in
the last message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeGuard

import weft

from .tasks import Case, Key, Stage, World, case_in

__all__ = [
    "Content",
    "Solved",
    "Statement",
    "content_of",
    "given_in",
    "is_list",
    "is_map",
    "question",
    "statements_in",
    "tokens",
]

_TOKEN = re.compile(r"\w+")
_BREAK = re.compile(r"\n|\\n|(?<=[.!?])\s+")
_RANGE = re.compile(r"\bfrom (\d+) to (\d+)\b")
_REPAIR = "That reply could not be used"


@dataclass(frozen=True)
class Statement:
    """A sign and the label that it is said to call for."""

    key: Key
    answer: str


@dataclass(frozen=True)
class Solved:
    """A solved case of a stage: the case, what the stage was given, and the answer."""

    case: Case
    given: str
    answer: str


@dataclass(frozen=True)
class Content:
    """What the part of a prompt before the question says to a stage."""

    told: tuple[Statement, ...]
    solved: tuple[Solved, ...]
    prose: str


@lru_cache(maxsize=4096)
def statements_in(world: World, stage: Stage, text: str) -> tuple[Statement, ...]:
    """The rules that a text states for a stage, right or wrong, each once."""
    signs, labels = _signs(world, stage), set(stage.labels)
    found: dict[Statement, None] = {}
    for line in _BREAK.split(text):
        words = _TOKEN.findall(line)
        answers = [word for word in words if word in labels]
        span = _RANGE.search(line)
        if len(set(answers)) != 1 or case_in(line):
            continue
        if span:
            found[Statement(("range", *span.groups()), answers[0])] = None
        elif key := tuple(dict.fromkeys(w for w in words if w in signs)):
            found[Statement(key[:2], answers[0])] = None
    return tuple(found)


@lru_cache(maxsize=256)
def _signs(world: World, stage: Stage) -> frozenset[str]:
    """Words that a statement for a stage may name."""
    at = world.stages.index(stage)
    if at:
        return frozenset(world.stages[at - 1].labels)
    words = {word for slot in world.words for word in slot}
    words |= {word for tags in world.tags.values() for word in tags}
    words |= {
        w for r in stage.rules if r.key[0] not in ("range", "ending") for w in r.key
    }
    return frozenset(words)


def question(request: weft.Request) -> int:
    """Where the message stands that asks: the last one, or that before a repair."""
    at = len(request.messages) - 1
    while at > 1 and request.messages[at].text.startswith(_REPAIR):
        at -= 2
    return max(0, at)


def content_of(world: World, stage: Stage, request: weft.Request) -> Content:
    """What a request says before its question."""
    prefix = tuple(m.text for m in request.messages[: question(request)])
    return _content(world, stage, prefix)


@lru_cache(maxsize=4096)
def _content(world: World, stage: Stage, prefix: tuple[str, ...]) -> Content:
    prose = prefix[0] if prefix else ""
    solved: list[Solved] = []
    for asked, reply in zip(prefix[1::2], prefix[2::2], strict=False):
        case, answers = case_in(asked), _named(stage.labels, reply)
        if case and answers:
            solved.append(Solved(case, given_in(world, stage, asked), answers[-1]))
    return Content(statements_in(world, stage, prose), tuple(solved), prose)


def given_in(world: World, stage: Stage, text: str) -> str:
    """What the stage before gave, or "" at the first one."""
    at = world.stages.index(stage)
    named = _named(world.stages[at - 1].labels, text) if at else []
    return named[-1] if named else ""


def _named(labels: Sequence[str], text: str) -> list[str]:
    return [word for word in _TOKEN.findall(text) if word in labels]


def is_map(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value of JSON is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value of JSON is an array."""
    return isinstance(value, list)


def tokens(text: str) -> int:
    """Tokens of a text, four characters each."""
    return (len(text) + 3) // 4
