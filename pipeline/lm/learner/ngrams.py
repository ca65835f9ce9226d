"""Texts as bags of character n-grams and of words, for the offline stand-in model.

Character 2-4-grams need no word list and no language: inflections, compounds and
misspellings still overlap. Bags of short texts are memoised, because the same
demonstrations and rows come back with every call.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

SIZES = (2, 3, 4)
LONGEST = 1000
_MEMOISED = 300
_SMALL = 6000
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_SPLIT = re.compile(r"(?<=[.!?。！？])[\"'”’)\]]*\s+|\n+")

# Short on purpose: words that carry no topic, English and German.
STOP = frozenset(
    word
    for line in (
        "a about all also am an and any are as at be been being but by can could did",
        "do does for from had has have he her his how i if in into is it its me my no",
        "not of on or our she should so some such than that the their them then there",
        "these they this to too us was we were what when where which who whom whose",
        "why will with would you your",
        "aber als am an auch auf aus bei bin bis das dass dein dem den der des die",
        "doch ein eine einem einen einer er es für habe hat ich ihr im ist ja kann man",
        "mein meine mich mir mit nach nicht noch nur oder sie sind so und uns vom von",
        "war was wenn wer werden wie wir wird wo zu zum zur über",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Index:
    """Texts as unit vectors, by n-gram, so that a query touches only what it shares.

    Args:
        size: How many texts there are.
        rarity: Inverse document frequency by n-gram.
        postings: Text number and weight by n-gram.
    """

    size: int
    rarity: Mapping[str, float]
    postings: Mapping[str, tuple[tuple[int, float], ...]]

    def similar(self, text: str) -> list[float]:
        """Cosine of the text with each indexed text, in order."""
        scores = [0.0] * self.size
        unseen = math.log(1 + self.size) + 1
        norm = 0.0
        for gram, weight in bag(text).items():
            rarity = self.rarity.get(gram)
            if rarity is None:
                norm += (weight * unseen) ** 2
                continue
            value = weight * rarity
            norm += value * value
            for number, share in self.postings[gram]:
                scores[number] += value * share
        scale = 1 / math.sqrt(norm) if norm else 0.0
        return [score * scale for score in scores]


def index_of(texts: tuple[str, ...]) -> Index:
    """The texts' index; memoised, since one set of demonstrations serves many calls."""
    small = sum(map(len, texts)) <= _SMALL
    return _small_index(texts) if small else _large_index(texts)


def make_index(texts: Sequence[str]) -> Index:
    """The texts' index, for texts that will hardly come again."""
    bags = [bag(text) for text in texts]
    counts = Counter[str]()
    for held in bags:
        counts.update(held.keys())
    total = len(texts) + 1
    rarity = {g: math.log((1 + total) / (1 + n)) + 1 for g, n in counts.items()}
    postings: dict[str, list[tuple[int, float]]] = {}
    for number, held in enumerate(bags):
        norm = math.sqrt(sum((w * rarity[g]) ** 2 for g, w in held.items()))
        for gram, weight in held.items():
            postings.setdefault(gram, []).append((number, weight * rarity[gram] / norm))
    return Index(len(texts), rarity, {g: tuple(p) for g, p in postings.items()})


_small_index = lru_cache(maxsize=32)(make_index)
_large_index = lru_cache(maxsize=16)(make_index)


def bag(text: str) -> Mapping[str, float]:
    """Damped counts of the text's n-grams; never to be changed by the caller."""
    text = clip(text)
    return _short_bag(text) if len(text) <= _MEMOISED else _bag(text)


def clip(text: str) -> str:
    """The text, or its two ends where it is too long to compare as a whole."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} {text[-half:]}"


def _bag(text: str) -> Mapping[str, float]:
    folded = f" {' '.join(words(text))} "
    if len(folded) < 4:
        return {}
    counts = Counter[str]()
    for size in SIZES:
        counts.update(folded[at : at + size] for at in range(len(folded) - size + 1))
    return {g: 1.0 if n == 1 else 1 + math.log(n) for g, n in counts.items()}


_short_bag = lru_cache(maxsize=512)(_bag)


def words(text: str) -> list[str]:
    """The text's words, folded, in order.

    >>> words("It's GONE: Überweisung_2!")
    ["it's", 'gone', 'überweisung', '2']
    """
    return _WORD.findall(text.casefold().replace("_", " ").replace("’", "'"))


def content_words(text: str) -> list[str]:
    """The words that carry a topic, in order; all of them where none does."""
    found = words(text)
    kept = [w for w in found if w not in STOP and (len(w) > 1 or not w.isascii())]
    return kept or found


def sentences(text: str) -> list[str]:
    """The text's sentences and lines, in order, without empty ones."""
    return [part.strip() for part in _SPLIT.split(text) if part.strip()]


def token_count(text: str) -> int:
    """Words and punctuation marks: a fixed, simple measure of length."""
    return _short_count(text) if len(text) <= _SMALL else _count(text)


def cut(text: str, most: int) -> str:
    """The text up to its `most`-th token."""
    for number, match in enumerate(TOKEN.finditer(text), start=1):
        if number == most:
            return text[: match.end()]
    return text


def _count(text: str) -> int:
    return len(TOKEN.findall(text))


TOKEN = re.compile(r"\w+|[^\w\s]")
_short_count = lru_cache(maxsize=1024)(_count)


def digest(*parts: str) -> int:
    """A whole number that depends on the texts alone, the same in every process."""
    raw = "\x00".join(parts).encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big")


def best(scores: Sequence[float]) -> int:
    """The place of the highest score; the first one where several are as high."""
    return max(range(len(scores)), key=lambda at: (scores[at], -at))
