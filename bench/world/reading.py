"""What a prompt holds: cases, what was answered to them, and rules put in words.

Everything is looked for by content: a case by how it is worded, an answer by its
vocabulary, a rule as a phrase that names a sign and then an answer. So it does not
matter how a framework lays a prompt out, or in which message a thing stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .form import Turn
from .tasks import Stage, World

__all__ = ["Case", "Mention", "Prompt", "Statement", "read_prompt", "statements_in"]

_CASE = re.compile(r"Case (\d{4}): a (\w+) crate tagged (\w+) from (\w+) by (\w+)\.")
_WORD = re.compile(r"[a-z]+")
_BREAK = re.compile(r"""[.;:\n{}\[\]"'`]|\\n""")
_NEGATED = re.compile(r"\b(?:not|never)\b|n't\b", re.IGNORECASE)
_WANTED = re.compile(
    r"(?:wanted|expected|correct|should|gold|oracle|truth|target)", re.IGNORECASE
)
_NEAR = 90
_REACH = 900


@dataclass(frozen=True)
class Case:
    """A case as its text words it: number, and the words of its four slots."""

    number: str
    words: tuple[str, str, str, str]


@dataclass(frozen=True)
class Mention:
    """An answer named after a case, before the next one; `wanted` where it says so."""

    output: str
    value: str
    wanted: bool


@dataclass(frozen=True)
class Shown:
    """A case with the answers that stand beside it."""

    case: Case
    mentions: tuple[Mention, ...]


@dataclass(frozen=True)
class Statement:
    """A rule in words: this sign calls for this answer."""

    sign: str
    answer: str


@dataclass(frozen=True)
class Prompt:
    """A whole prompt.

    Attributes:
        query: The text with the question in it.
        asked: The last case of that text, or None.
        shown: The cases before it, with what is said beside each.
        prose: What stands outside of cases and what belongs to them.
        again: Whether a reply to the question was sent back for repair.
    """

    query: str
    asked: Case | None
    shown: tuple[Shown, ...]
    prose: str
    again: bool


def read_prompt(world: World, turns: Sequence[Turn]) -> Prompt:
    """Read the messages of a call."""
    users = [at for at, turn in enumerate(turns) if turn.role == "user"]
    at = next((i for i in reversed(users) if _CASE.search(turns[i].text)), None)
    if at is None:
        at = users[-1] if users else len(turns) - 1
    query = turns[at].text
    before = "\n\n".join(turn.text for turn in turns[:at])
    shown, prose = _read(world, before)
    more, rest = _read(world, query)
    asked = more[-1].case if more else None
    again = at < len(turns) - 1
    return Prompt(query, asked, (*shown, *more), f"{prose}\n{rest}", again)


@lru_cache(maxsize=1024)
def _read(world: World, text: str) -> tuple[tuple[Shown, ...], str]:
    """The cases of a text, and the text without them."""
    found = list(_CASE.finditer(text))
    shown: list[Shown] = []
    prose = [text[: found[0].start()] if found else text]
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=False):  # no case, one end
        tail = text[match.end() : min(end, match.end() + _REACH)]
        case = Case(match[1], (match[2], match[3], match[4], match[5]))
        shown.append(Shown(case, _mentions(world, tail)))
        prose.append(text[match.end() : end])
    return tuple(shown), "\n".join(prose)


def _mentions(world: World, tail: str) -> tuple[Mention, ...]:
    """The answers named in a text, each with its field."""
    vocabulary = _outputs(world)
    found: list[Mention] = []
    for match in _WORD.finditer(tail):
        output = vocabulary.get(match[0])
        if output is not None:
            lead = tail[max(0, match.start() - _NEAR) : match.start()]
            found.append(Mention(output, match[0], _marked(lead, vocabulary)))
    return tuple(found)


def _marked(lead: str, vocabulary: Mapping[str, str]) -> bool:
    """Whether the nearest words before an answer call it the wanted one."""
    last = max((m.end() for m in _WANTED.finditer(lead)), default=-1)
    if last < 0:
        return False
    return not any(word in vocabulary for word in _WORD.findall(lead[last:]))


@lru_cache(maxsize=64)
def _outputs(world: World) -> dict[str, str]:
    return {label: s.output for s in world.stages for label in s.labels}


@lru_cache(maxsize=64)
def _signs(world: World, stage: Stage) -> frozenset[str]:
    """Words that a rule may name: true signs, and those that mean nothing."""
    signs = {rule.sign for rule in stage.rules if not rule.family}
    if stage is world.stages[0]:
        for words in (*world.fillers, *world.families.values()):
            signs.update(words)
    return frozenset(signs)


@lru_cache(maxsize=2048)
def statements_in(world: World, stage: Stage, prose: str) -> tuple[Statement, ...]:
    """The rules that a text puts in words, in order, doubles left out.

    A sign belongs to the next answer named in its phrase, or else to the last one.
    """
    signs, labels = _signs(world, stage), frozenset(stage.labels)
    found: dict[Statement, None] = {}
    for phrase in _BREAK.split(prose):
        words = _WORD.findall(phrase)
        answers = [at for at, word in enumerate(words) if word in labels]
        if not answers or _NEGATED.search(phrase):
            continue
        for at, word in enumerate(words):
            if word in signs:
                nearest = next((a for a in answers if a > at), answers[-1])
                found[Statement(word, words[nearest])] = None
    return tuple(found)


def read_words(stage: Stage, prompt: Prompt, world: World) -> tuple[str, ...]:
    """The words that a stage's rules look at in the case that is asked."""
    if stage is world.stages[0]:
        return prompt.asked.words if prompt.asked else ()
    before = world.stages[world.stages.index(stage) - 1]
    named = [w for w in _WORD.findall(prompt.query) if w in before.labels]
    return (named[-1],) if named else ()
