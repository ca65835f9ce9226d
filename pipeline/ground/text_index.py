"""Which texts are alike: character trigrams, weighted by rarity; no other library.

Texts are near where they share rare trigrams (cosine of tf-idf vectors). That needs no
model, no word list and no language, inflections and misspellings still overlap, and it
is the same number on every machine.

An index is made once. A question reads at most `_MOST_READ` of its entries, the rarest
trigrams first, so that thousands of texts cost it a few milliseconds at the most.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_SIZE = 3
_LONGEST = 2_000
_MOST_READ = 10_000


@dataclass(frozen=True, slots=True)
class Postings:
    """Where a trigram occurs: numbers of texts, and its weight in each of them."""

    texts: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class TextIndex:
    """Texts as unit vectors over trigrams; made once, never changed.

    Args:
        size: How many texts there are.
        postings: Where each trigram occurs.
    """

    size: int
    postings: Mapping[str, Postings]

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextIndex:
        """The index of some texts.

        >>> TextIndex.of(["my card was stolen", "a late transfer"]).nearest("cards", 1)
        [0]
        """
        bags = [_bag(text) for text in texts]
        counts = Counter[str]()
        for bag in bags:
            counts.update(bag.keys())
        rarity = {gram: _rarity(len(texts), n) for gram, n in counts.items()}
        where: dict[str, tuple[list[int], list[float]]] = {}
        for number, bag in enumerate(bags):
            norm = math.sqrt(sum((w * rarity[gram]) ** 2 for gram, w in bag.items()))
            for gram, weight in bag.items():
                numbers, weights = where.setdefault(gram, ([], []))
                numbers.append(number)
                weights.append(weight * rarity[gram] / norm)
        return cls(
            len(texts), {g: Postings(tuple(n), tuple(w)) for g, (n, w) in where.items()}
        )

    def nearest(self, text: str, count: int) -> list[int]:
        """The numbers of the texts most like a text, the nearest first.

        Of two that are equally near the earlier comes first. So where nothing is like
        the text, the first of the index are given.
        """
        pairs = zip(self.likeness(text), range(0, -self.size, -1), strict=True)
        return [-number for _, number in heapq.nlargest(count, pairs)]

    def likeness(self, text: str) -> list[float]:
        """How like a text each indexed text is, in order, up to a common factor.

        >>> index = TextIndex.of(["a refund", "the app"])
        >>> [share > 0 for share in index.likeness("refunds!")]
        [True, False]
        """
        found = [
            (len(self.postings[gram].texts), gram, weight)
            for gram, weight in _bag(text).items()
            if gram in self.postings
        ]
        near = [0.0] * self.size
        read = 0
        for occurs, gram, weight in sorted(found):
            read += occurs
            if read > _MOST_READ and read > occurs:
                break
            at = self.postings[gram]
            worth = weight * _rarity(self.size, occurs)
            for number, share in zip(at.texts, at.weights, strict=True):
                near[number] += worth * share
        return near


def _bag(text: str) -> dict[str, float]:
    """Damped counts of a text's trigrams; of a long text only its two ends count."""
    half = _LONGEST // 2
    short = text if len(text) <= _LONGEST else f"{text[:half]} {text[-half:]}"
    folded = f" {' '.join(_WORD.findall(short.casefold()))} "
    counts = Counter(folded[at : at + _SIZE] for at in range(len(folded) - _SIZE + 1))
    return {gram: 1.0 + math.log(n) for gram, n in counts.items()}


def _rarity(size: int, occurs: int) -> float:
    return math.log((1 + size) / (1 + occurs)) + 1.0
