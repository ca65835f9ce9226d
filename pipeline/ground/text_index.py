"""Which texts are alike: one index, weighted in one of two ways; no other library.

Pieces: texts are near where they share rare character trigrams (cosine of tf-idf
vectors). That needs no model, no word list and no language, inflections and
misspellings still overlap.

Words: BM25, by which a text answers a query where it has its rare words often and is
not long (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and
Beyond", sections 3.4 and 3.5, with the idf that Lucene has, which is never negative).
A script without blanks between words is cut into pairs of characters.

Both give the same numbers on every machine. An index is made once. Of pieces a question
reads at most `_MOST_READ` entries, the rarest first, so that thousands of texts cost it
a few milliseconds at the most; of words it reads all.
"""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .arrays import numpy_here

_WORD = re.compile(r"\w+")
# Thai, Lao, Burmese, Khmer; kana; Han with its extensions; Hangul.
NO_BLANKS: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]+"
)
"""Characters of scripts in which no blank need stand between words."""
_SIZE = 3
_LONGEST = 2_000
_MOST_READ = 10_000
_MANY = 2_000
"""Texts from which on numpy is worth its import."""

K1: Final = 1.2
"""How soon a further occurrence of a word counts for little."""
B: Final = 0.75
"""How much a long text's words are held against it, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Postings:
    """Where a term occurs: numbers of texts, and its weight in each of them."""

    texts: Sequence[int]
    weights: Sequence[float]


class _Reading(Protocol):
    """How a question is read: its terms, what each is worth, and how much is read."""

    most_read: float

    def terms(self, text: str) -> Mapping[str, float]:
        """The terms of a text, each with its weight in it."""
        ...

    def worth(self, weight: float, size: int, occurs: int) -> float:
        """What a term of a question counts, that is in so many of the texts."""
        ...


class _Pieces:
    """Trigrams: damped counts, and the rarity of each on both sides."""

    most_read: float = _MOST_READ

    def terms(self, text: str) -> Mapping[str, float]:
        return _bag(text)

    def worth(self, weight: float, size: int, occurs: int) -> float:
        return weight * _rarity(size, occurs)


class _Words:
    """Words as often as they are asked for; how rare they are is in the postings."""

    most_read: float = math.inf

    def terms(self, text: str) -> Mapping[str, float]:
        return Counter(words_of(text))

    def worth(self, weight: float, size: int, occurs: int) -> float:
        del size, occurs
        return weight


_PIECES: Final = _Pieces()
_WORDS: Final = _Words()


@dataclass(frozen=True)
class TextIndex:
    """Texts by their terms; made once, never changed.

    Args:
        size: How many texts there are.
        postings: Where each term occurs.
        reading: How a question is read.
    """

    size: int
    postings: Mapping[str, Postings]
    reading: _Reading = _PIECES

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

    @classmethod
    def of_words(
        cls, texts: Sequence[str], *, k1: float = K1, b: float = B
    ) -> TextIndex:
        """The index of some texts by their words, BM25.

        Args:
            texts: The texts.
            k1: How soon a further occurrence of a word counts for little, above 0.
            b: How much a long text's words are held against it, from 0 to 1.

        >>> TextIndex.of_words(["the old bridge", "the harbour"]).nearest("harbour", 1)
        [1]
        """
        where: dict[str, tuple[array[int], array[float]]] = {}
        lengths: list[int] = []
        for number, text in enumerate(texts):
            words = words_of(text)
            lengths.append(len(words))
            for word, count in Counter(words).items():
                numbers, counts = where.setdefault(word, (array("I"), array("f")))
                numbers.append(number)
                counts.append(count)
        mean = sum(lengths) / max(1, len(lengths)) or 1.0
        damping = [k1 * (1 - b + b * length / mean) for length in lengths]
        for numbers, weights in where.values():
            n = len(numbers)
            rare = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            for at, number in enumerate(numbers):
                tf = weights[at]
                weights[at] = rare * tf * (k1 + 1) / (tf + damping[number])
        made = {word: Postings(n, w) for word, (n, w) in where.items()}
        return cls(len(texts), made, _WORDS)

    def nearest(self, text: str, count: int) -> list[int]:
        """The numbers of the texts most like a text, the nearest first.

        Of two that are equally near the earlier comes first. So where nothing is like
        the text, the first of the index are given.
        """
        pairs = zip(self.likeness(text), range(0, -self.size, -1), strict=True)
        return [-number for _, number in heapq.nlargest(count, pairs)]

    def ranked(self, text: str, count: int) -> list[tuple[int, float]]:
        """The texts that share terms with a question, with their scores, best first.

        As `nearest` orders `likeness`; what shares no term is left out. With numpy many
        texts take a fraction of the time; the numbers are the same, to the last bit.
        """
        numpy = numpy_here() if self.size > _MANY else None
        if numpy is None or self.reading.most_read < math.inf:
            scores: Sequence[float] = self.likeness(text)
            found = [number for number, score in enumerate(scores) if score > 0]
        else:
            near = numpy.zeros(self.size)
            for _, gram, weight in self._terms_of(text):
                at = self.postings[gram]
                worth = self.reading.worth(weight, self.size, len(at.texts))
                weights = numpy.frombuffer(at.weights, numpy.float32).astype(float)
                near[numpy.frombuffer(at.texts, numpy.uint32)] += worth * weights
            some = numpy.flatnonzero(near > 0)
            if len(some) > count:
                least = numpy.partition(near[some], -count)[-count]
                some = some[near[some] >= least]
            scores, found = near, some.tolist()
        pairs = [(number, float(scores[number])) for number in found]
        return heapq.nsmallest(count, pairs, key=lambda one: (-one[1], one[0]))

    def _terms_of(self, text: str) -> list[tuple[int, str, float]]:
        """The terms that occur, the rarest first: how often, which, and its weight."""
        found = [
            (len(self.postings[gram].texts), gram, weight)
            for gram, weight in self.reading.terms(text).items()
            if gram in self.postings
        ]
        return sorted(found)

    def likeness(self, text: str) -> list[float]:
        """How like a text each indexed text is, in order, up to a common factor.

        Of words it is the score of BM25 itself.

        >>> index = TextIndex.of(["a refund", "the app"])
        >>> [share > 0 for share in index.likeness("refunds!")]
        [True, False]
        """
        near = [0.0] * self.size
        read = 0
        for occurs, gram, weight in self._terms_of(text):
            read += occurs
            if read > self.reading.most_read and read > occurs:
                break
            at = self.postings[gram]
            worth = self.reading.worth(weight, self.size, occurs)
            for number, share in zip(at.texts, at.weights, strict=True):
                near[number] += worth * share
        return near


def words_of(text: str) -> list[str]:
    """A text's words, folded; of a script without blanks its pairs of characters.

    >>> words_of("The Bridge's  e\u0301lan"), words_of("東京都 2024")
    (['the', 'bridge', 's', 'élan'], ['東京', '京都', '2024'])
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for word in _WORD.findall(folded):
        if word.isascii() or not NO_BLANKS.search(word):
            found.append(word)
            continue
        at = 0
        for run in NO_BLANKS.finditer(word):
            found += [word[at : run.start()]] if at < run.start() else []
            pairs, at = run.group(), run.end()
            found += [pairs[n : n + 2] for n in range(max(1, len(pairs) - 1))]
        found += [word[at:]] if at < len(word) else []
    return found


def _bag(text: str) -> dict[str, float]:
    """Damped counts of a text's trigrams; of a long text only its two ends count."""
    half = _LONGEST // 2
    short = text if len(text) <= _LONGEST else f"{text[:half]} {text[-half:]}"
    folded = f" {' '.join(_WORD.findall(short.casefold()))} "
    counts = Counter(folded[at : at + _SIZE] for at in range(len(folded) - _SIZE + 1))
    return {gram: 1.0 + math.log(n) for gram, n in counts.items()}


def _rarity(size: int, occurs: int) -> float:
    return math.log((1 + size) / (1 + occurs)) + 1.0
