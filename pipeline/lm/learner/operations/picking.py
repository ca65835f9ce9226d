"""Operations that pick: one of the listed, one of two sentences, a point on a scale."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from ..ngrams import content_words, digest
from .operation import Operation, Work

_TWO = re.compile(r"sentence 1:(.+?)\s*sentence 2:(.+)", re.IGNORECASE | re.DOTALL)
_NEW = re.compile(r"\b(?:an?|some|there (?:is|are|was|were))\b", re.IGNORECASE)
_KNOWN = re.compile(r"\b(?:he|she|it|they|him|her|them|his|its|their)\b", re.IGNORECASE)
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|e?s|e)$")
_COMPARED = (
    r"\b(?:bigg|larg|small|great|heavi|light|fast|slow|old|young|tall|short|strong)"
    r"(?:er|est)\b"
)
_MOST_ITEMS, _MOST_WORDS = 6, 4
_SCALE = (
    r"\b(?:from|scale of|between)\s+(\d{1,2})\b[^.\n]{0,40}?\s(?:to|and|-)"
    r"\s+(\d{1,2})\b"
)
_POINT = re.compile(
    r"\b(\d{1,2})\s*(?:\(([^()\d]{2,30})\)"
    r"|being ((?!high|low|best|worst)[a-z ]{2,30}))",
    re.IGNORECASE,
)
_SAYING = (
    r"\b(?:answer|choose|classify|decide|determine|judge|label|output|predict|reply|say"
    r"|state|tell|write)\b"
)
_EITHER = re.compile(
    rf"{_SAYING}(?: if\b|[^.\n]{{0,60}}?\b(?:whether|either|options)\b)[^.\n]*?"
    r"\b([a-z]+) or (?:an? )?(?!not\b)([a-z]+)\b"
    rf"|{_SAYING}(?: with)? (yes|true) or (no|false)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"[\"“]([^\"“”\n]{1,30})[\"”],? (?:if|when|where|for)\b", re.IGNORECASE
)


def one_listed(text: str) -> str | None:
    """One of a few names listed with commas, drawn by the list; None for other texts.

    >>> one_listed("ant, elephant") in ("ant", "elephant"), one_listed("an ant")
    (True, None)
    """
    items = listed(text)
    return items[digest(text.strip()) % len(items)] if items else None


def in_common(text: str) -> str | None:
    """What listed names share by their letters, which is all that can be seen of them.

    >>> in_common("guitars, sewing, theoretical physics")
    'have the letter i'
    """
    items = listed(text)
    if not items:
        return None
    letters = [{*filter(str.isalpha, item.casefold())} for item in items]
    shared = letters[0].intersection(*letters)
    if shared:
        return f"have the letter {min(shared)}"
    return f"have at least {min(map(len, items))} letters"


def listed(text: str) -> list[str]:
    """The names that commas set apart, two to six short ones; none in other texts."""
    items = [item.strip() for item in text.split(",")]
    fits = all(0 < len(item.split()) <= _MOST_WORDS for item in items)
    if not fits or not 1 < len(items) <= _MOST_ITEMS or re.search(r"[!?:\n]", text):
        return []
    return items


def two_sentences(text: str) -> tuple[str, str] | None:
    """The sentences after "Sentence 1:" and "Sentence 2:"; None where they are not."""
    found = _TWO.fullmatch(text.strip())
    return (found[1].strip(), found[2].strip()) if found else None


def _told(*, first: bool) -> Work:
    """Of two sentences the one that was told first, or the other one.

    A cause brings in what is new ("a man"), an effect goes on with what is known
    ("he"). Where neither shows, a draw by the text decides.
    """

    def do(text: str) -> str | None:
        pair = two_sentences(text)
        if pair is None:
            return None
        one, two = (len(_NEW.findall(s)) - len(_KNOWN.findall(s)) for s in pair)
        later = digest(text) % 2 if one == two else one < two
        return pair[later if first else not later]

    return do


def scale_in(task: str) -> Operation | None:
    """Rating how alike two sentences are on the scale that a task text spells out.

    >>> rate = scale_in("Rate from 0 (not at all) to 5 (perfectly) how alike they are.")
    >>> rate.do("Sentence 1: A dog runs. Sentence 2: Dogs run.") if rate else None
    '5 - perfectly'
    """
    found = re.search(_SCALE, task, re.IGNORECASE)
    if found is None:
        return None
    low, high = int(found[1]), int(found[2])
    names = {int(n): (a or b).strip() for n, a, b in _POINT.findall(task)}

    def do(text: str) -> str | None:
        pair = two_sentences(text)
        if pair is None:
            return None
        point = low + round(_shared(*pair) * (high - low))
        return f"{point} - {names[point]}" if point in names else str(point)

    return Operation(found[0], _SCALE, do)


def _shared(one: str, two: str) -> float:
    """Which share of their content words two texts have in common (Dice), by stems."""
    left, right = (Counter(map(_stem, content_words(text))) for text in (one, two))
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 0.0


def _stem(word: str) -> str:
    """An English word without the ending that a sentence gives it."""
    bare = _ENDING.sub("", word)
    return bare[:-1] if bare[-1:] == bare[-2:-1] else bare


@lru_cache(maxsize=256)
def alternatives(task: str) -> tuple[str, ...]:
    """The answers between which a task text lets choose; empty where it names none.

    >>> alternatives("Say whether the review is positive or negative.")
    ('positive', 'negative')
    >>> alternatives('Write "spam" if it advertises, and "ham" if it does not.')
    ('spam', 'ham')
    """
    quoted = tuple(dict.fromkeys(map(str, _QUOTED.findall(task))))
    if len(quoted) > 1:
        return quoted
    found = _EITHER.search(task)
    return (found[1] or found[3], found[2] or found[4]) if found else ()


PICKING = (
    Operation("Write which of the listed is the biggest.", _COMPARED, one_listed),
    Operation(
        "Write what the listed have in common.",
        r"\bin common\b|\bcommon (?:to all|characteristic|feature|property)|\bshare\b",
        in_common,
    ),
    Operation(
        "Write the sentence that states the cause.",
        r"\bcause\b(?! of\b)(?!.*\bwrite\b.{0,12}\beffect\b)",
        _told(first=True),
    ),
    Operation(
        "Write the sentence that states the effect.",
        r"\beffect\b|\boutcome\b",
        _told(first=False),
    ),
)
