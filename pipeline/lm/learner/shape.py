"""The shape of a short answer: how long, of which kind, copied from the input or not.

Shapes are learnt from demonstrations, or read from what a task text says about them;
`told` writes one down so that `shape_told` reads it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .ngrams import words

ShapeKind = Literal["any", "number", "date", "name", "sentence"]
_YEAR = re.compile(r"\b(?:1\d{3}|20\d{2})\b")
_DIGIT = re.compile(r"\d")
_COUNTS = {
    word: at
    for names in (
        "zero one two three four five six seven eight nine ten",
        "null ein zwei drei vier fünf sechs sieben acht neun zehn",
    )
    for at, word in enumerate(names.split())
}
_LENGTH = re.compile(
    r"(?:\b(?:at most|no more than|up to|under|max(?:imum)?(?: of)?|höchstens|in)\s+)?"
    r"\b(\d{1,3}|"
    + "|".join(_COUNTS)
    + r")(?:\s*(?:-|–|to|or|bis)\s*(\d{1,3}|"
    + "|".join(_COUNTS)
    + r"))?\s+(?:single\s+)?(?:words?|wörter|wort)\b",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"\b(?:few words|short (?:answer|phrase|span)|concise|brief(?:ly)?|kurz|a phrase"
    r"|exact (?:span|phrase|answer)|only the (?:answer|name|span|phrase)"
    r"|(?:no|not|without)(?: a| in)? (?:full |whole |complete )?sentences?)\b",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[ShapeKind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\b(?:only|with|give|write|just) (?:a |the )?(?:year|date)", re.IGNORECASE
        ),
    ),
    (
        "number",
        re.compile(
            r"\b(?:only|with|give|write|just) (?:a |the )?number", re.IGNORECASE
        ),
    ),
    (
        "name",
        re.compile(r"\b(?:only|with|give|write|just) (?:a |the )?name", re.IGNORECASE),
    ),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer looks like.

    Args:
        most: Words at most, usually; 0 where nothing is known.
        typical: The usual number of words.
        kind: What it is.
        copied: Whether it stands word for word in the input.
    """

    most: int = 0
    typical: float = 0.0
    kind: ShapeKind = "any"
    copied: bool = True

    def told(self) -> str:
        """The shape in words; empty where nothing is known."""
        if self.kind == "sentence" or not self.most:
            return "whole sentences" if self.most else ""
        unit = "word" if self.most == 1 else "words"
        kind = {"number": "a number", "date": "a date or year", "name": "a name"}
        head = f"{kind[self.kind]}, " if self.kind in kind else ""
        copied = " copied from the input" if self.copied else ""
        return f"{head}at most {self.most} {unit}{copied}, not a whole sentence"


def shape_of(pairs: Sequence[tuple[str, str]]) -> Shape:
    """The shape that answers share.

    Args:
        pairs: Each answer with the input it belongs to.
    """
    answers = [answer for answer, _ in pairs if answer.strip()]
    if not answers:
        return Shape()
    lengths = sorted(max(len(words(answer)), 1) for answer in answers)
    typical = lengths[len(lengths) // 2]
    copied = sum(a.casefold() in t.casefold() for a, t in pairs if a.strip())
    kinds: list[ShapeKind] = [kind_of(answer) for answer in answers]
    common = most_common(kinds)
    kind: ShapeKind = common if kinds.count(common) * 2 > len(kinds) else "any"
    most = lengths[-(len(lengths) // 10) - 1]
    return Shape(most, typical, kind, copied * 2 >= len(answers))


def most_common(kinds: Sequence[ShapeKind]) -> ShapeKind:
    """The kind that occurs most; the first in the alphabet where several do."""
    return max(sorted(set(kinds)), key=kinds.count)


def kind_of(answer: str) -> ShapeKind:
    """What an answer is, by its looks."""
    bare = answer.strip()
    if _YEAR.search(bare) and len(words(bare)) <= 5:
        return "date"
    if _DIGIT.search(bare) and len(words(bare)) <= 4:
        return "number"
    if len(words(bare)) > 12:
        return "sentence"
    return "name" if bare[:1].isupper() and len(words(bare)) <= 6 else "any"


def shape_told(task: str) -> Shape:
    """The shape that a task text asks for; nothing known where it asks for none."""
    match = _LENGTH.search(task)
    found: list[ShapeKind] = [kind for kind, pattern in _KINDS if pattern.search(task)]
    kind: ShapeKind = found[0] if found else "any"
    if match:
        most = _number(match[2] or match[1])
        return Shape(most, (most + 1) / 2, kind)
    if _SHORT.search(task) or kind != "any":
        return Shape(5, 2.0, kind)
    return Shape()


def _number(word: str) -> int:
    folded = word.casefold()
    return max(_COUNTS[folded] if folded in _COUNTS else int(folded), 1)
