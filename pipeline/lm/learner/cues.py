"""Cues: what a task text says about each choice, and how much of it an input shows.

A sentence, line or clause that names exactly one choice lends that choice its other
words. `Answer "L3" when a refund does not show up.` makes "refund" and "show" speak
for L3; so does a hand-written list, a heading with bullets below it, or an instruction
that a proposer wrote. A word that speaks for few choices weighs more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .ngrams import STOP, Index, content_words, index_of, sentences, words

_QUOTES = "\"'`“”‘’„«»*"
_NEGATED = re.compile(
    r"(?:\bnot|n't|\bnever|\brather than|\binstead of|\bunlike|\bexcept|\bnicht)"
    r"\s+(?:\w+\s+){0,2}[\"'`“„«*]*\Z",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"(?:->|=>|→|:|=|\b(?:answer|reply|label|return|choose|say|output|write|use|pick"
    r"|select|means?|antworte|wähle))\s*\Z",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*(?:->|=>|→|[:=)])")
_CLAUSE = re.compile(
    r"[,;]\s+|\s+(?:and|or|but|while|whereas|otherwise|und|oder|aber|sonst)\s+",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“„«`]([^\"“”„«»`\n]{2,80})[\"”“»`]")
_EXACT, _SHORTENED, _PHRASE, _NGRAMS = 1.0, 0.7, 1.5, 4.0


class _Mention(NamedTuple):
    start: int
    end: int
    choice: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class Cues:
    """What a task text lends to each choice.

    Args:
        texts: The lent words as one text a choice; empty where nothing is said.
        table: Word or beginning of a word -> (choice, weight) pairs.
        phrases: Folded phrases of two words or more, with choice and weight.
        index: The texts' n-grams.
    """

    texts: tuple[str, ...]
    table: Mapping[str, tuple[tuple[int, float], ...]]
    phrases: tuple[tuple[str, int, float], ...]
    index: Index

    def scores(self, text: str) -> list[float]:
        """How much the input shows of each choice's cues; zeros where nothing is."""
        scores = [0.0] * len(self.texts)
        found = content_words(text)
        for word in dict.fromkeys(found):
            for choice, weight in self._lookup(word):
                scores[choice] += weight
        folded = f" {' '.join(words(text))} "
        for phrase, choice, weight in self.phrases:
            if phrase in folded:
                scores[choice] += weight
        if any(scores):
            for choice, share in enumerate(self.index.similar(text)):
                scores[choice] += _NGRAMS * share
        return scores

    def _lookup(self, word: str) -> tuple[tuple[int, float], ...]:
        for length in range(len(word), _shortest(word) - 1, -1):
            hit = self.table.get(word[:length])
            if hit is not None:
                return hit
        return self.table.get(word, ())


@lru_cache(maxsize=64)
def cues_of(task: str, choices: tuple[str, ...]) -> Cues | None:
    """What the task text says about each choice; None where it tells none apart."""
    lent = [list[str]() for _ in choices]
    for choice, text in _lent(task, choices):
        lent[choice].append(text)
    return cues_from(lent)


def cues_from(lent: Sequence[Sequence[str]]) -> Cues | None:
    """Cues from the texts that speak for each choice; None where nothing does."""
    texts = tuple(" ".join(parts) for parts in lent)
    table = _table(texts)
    return Cues(texts, table, _phrases(lent), index_of(texts)) if table else None


def _shortest(word: str) -> int:
    """The shortest beginning that still stands for the word."""
    least = 4 if word.isascii() else 2
    return max(least, len(word) - 3)


def _table(texts: Sequence[str]) -> dict[str, tuple[tuple[int, float], ...]]:
    raw: dict[str, dict[int, float]] = {}
    for choice, text in enumerate(texts):
        for word in dict.fromkeys(content_words(text)):
            for length in range(min(_shortest(word), len(word)), len(word) + 1):
                strength = _EXACT if length == len(word) else _SHORTENED
                held = raw.setdefault(word[:length], {})
                held[choice] = max(held.get(choice, 0.0), strength)
    total = len(texts)
    return {
        start: tuple((c, s * _rarity(len(held), total)) for c, s in held.items())
        for start, held in raw.items()
        if len(held) < total
    }


def _rarity(count: int, total: int) -> float:
    return math.log(1 + total / count) - math.log(2)


def _phrases(lent: Sequence[Sequence[str]]) -> tuple[tuple[str, int, float], ...]:
    found: dict[str, list[int]] = {}
    for choice, parts in enumerate(lent):
        for part in parts:
            pieces = [*_QUOTED.findall(part), *re.split(r"[,;:.]\s*|\s+or\s+", part)]
            for piece in pieces:
                folded = words(piece)
                if 2 <= len(folded) <= 6:
                    held = found.setdefault(f" {' '.join(folded)} ", [])
                    if choice not in held:
                        held.append(choice)
    total = len(lent)
    return tuple(
        (phrase, choice, _PHRASE * _rarity(len(held), total))
        for phrase, held in found.items()
        for choice in held
    )


def _lent(task: str, choices: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Pairs of a choice and a text that speaks for it."""
    find = _finder(choices)
    heading: _Heading | None = None
    for line in task.split("\n"):
        named = find(line)
        if not named:
            if heading is not None and heading.covers(line):
                yield heading.choice, line
            else:
                heading = None
            continue
        one = len({mention.choice for mention in named}) == 1
        opens = one and not words(line[: named[0].start])
        heading = _Heading(named[0].choice, line) if one else None
        if opens:
            yield named[0].choice, _without(line, named)
            continue
        for sentence in sentences(line):
            yield from _of_sentence(sentence, find(sentence), find)


@dataclass(frozen=True, slots=True)
class _Heading:
    """A line that names one choice; what stands below it may belong to it."""

    choice: int
    line: str

    def covers(self, line: str) -> bool:
        """Whether a line belongs: it stands deeper, or the heading ends in a colon."""
        deeper = _depth(line) > _depth(self.line)
        return bool(line.strip()) and (deeper or self.line.rstrip().endswith(":"))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _of_sentence(
    sentence: str, named: Sequence[_Mention], find: _Find
) -> Iterator[tuple[int, str]]:
    distinct = {m.choice for m in named}
    if len(distinct) == 1:
        yield named[0].choice, _without(sentence, named)
    if len(distinct) < 2:
        return
    groups = list[tuple[int, list[str]]]()
    waiting = list[str]()
    for clause in _CLAUSE.split(sentence):
        here = find(clause)
        own = {m.choice for m in here}
        if len(own) > 1:
            return
        if own:
            groups.append((here[0].choice, [*waiting, _without(clause, here)]))
            waiting = []
        elif groups and _opens(sentence, named[0]):
            groups[-1][1].append(clause)
        else:
            waiting.append(clause)
    if groups:
        groups[-1][1].extend(waiting)
    telling = [(c, ", ".join(parts)) for c, parts in groups]
    speaking = [pair for pair in telling if _topical(pair[1])]
    if 2 * len(speaking) > len(telling):  # otherwise it only lists the choices
        yield from speaking


def _opens(sentence: str, first: _Mention) -> bool:
    """Whether the sentence names a choice before it says when that is meant."""
    return len(_CLAUSE.split(sentence[: first.start])) == 1


def _topical(text: str) -> bool:
    return any(word not in STOP for word in words(text))


def _without(text: str, named: Sequence[_Mention]) -> str:
    kept, at = list[str](), 0
    for mention in named:
        kept.append(text[at : mention.start])
        at = mention.end
    return " ".join([*kept, text[at:]])


class _Find:
    """Finds the choices that a text names, as whole tokens."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self._exact = {choice: at for at, choice in enumerate(choices)}
        self._folded = {choice.casefold(): at for at, choice in enumerate(choices)}
        ordered = sorted((c for c in choices if c.strip()), key=lambda c: (-len(c), c))
        parts = [_bounded(choice) for choice in ordered]
        self._pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, text: str) -> list[_Mention]:
        """Mentions in order; only the quoted ones where any is quoted."""
        if self._pattern is None:
            return []
        found = [m for m in map(self._mention, self._pattern.finditer(text)) if m]
        quoted = [m for m in found if m.quoted]
        return quoted or found

    def _mention(self, match: re.Match[str]) -> _Mention | None:
        text, start, end = match.string, match.start(), match.end()
        name = match[0]
        choice = self._exact.get(name, self._folded.get(name.casefold(), -1))
        if choice < 0 or _NEGATED.search(text[max(start - 60, 0) : start]):
            return None
        before, after = text[start - 1 : start], text[end : end + 1]
        quoted = bool(before and after and before in _QUOTES and after in _QUOTES)
        pointed = (
            quoted
            or _BEFORE.search(text[max(start - 20, 0) : start])
            or _AFTER.match(text, end)
        )
        if not pointed and _weak(name):
            return None
        return _Mention(start, end, choice, quoted)


_finder = lru_cache(maxsize=64)(_Find)


def _bounded(choice: str) -> str:
    """The choice as a pattern; Hangul, Kana and Han take particles on their right."""
    left = r"(?<![\w-])" if choice[0].isalnum() else ""
    right = r"(?![\w-])" if choice[-1].isalnum() and ord(choice[-1]) < 0x1100 else ""
    return left + re.escape(choice) + right


def _weak(name: str) -> bool:
    """Whether the name is so common that a bare occurrence need not mean it."""
    folded = name.casefold()
    return folded in STOP or folded.isdigit() or (len(name) < 3 and name.isalpha())
