"""The input of a free-text field: a question, and sentences to answer it from."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from .ngrams import content_words, make_index, sentences, words
from .values import as_text, is_list, is_object, parsed

_QUESTION = re.compile(
    r"question|query|ask|frage|질문|claim|request|topic", re.IGNORECASE
)
_MOST = 4000
_PIECE = 2000
_COMPARED = 40
_LONGEST = 4000


@dataclass(frozen=True)
class Reading:
    """What is asked, and what may be answered from.

    Args:
        question: The text that asks; empty where nothing does.
        items: The passages: the members of a list, or one text.
    """

    question: str
    items: tuple[str, ...]

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """All sentences, in order."""
        found = (s for item in self.items for s in sentences(item))
        return tuple(itertools.islice(itertools.chain(*map(_pieces, found)), _MOST))

    def ranked(self) -> tuple[tuple[float, str], ...]:
        """Sentences with their likeness to the question, the most alike first."""
        return _ranked(self.question or " ".join(self.items), self.sentences)

    def ranked_items(self) -> tuple[tuple[float, str], ...]:
        """Passages with their likeness to the question, the most alike first."""
        return _ranked(self.question or " ".join(self.items), self.items)


def reading_of(query: Mapping[str, str]) -> Reading:
    """Tell question and passages apart: by name, by being a list, and by length."""
    values = [(name, value) for name, value in query.items() if value.strip()]
    if not values:
        return Reading("", ())
    if len(values) == 1:
        items = items_of(values[0][1])
        return Reading("", items)
    asking = [v for n, v in values if _QUESTION.search(n) and not _is_list(v)]
    question = asking[0] if asking else min((v for _, v in values), key=len)
    others = [value for _, value in values if value is not question]
    return Reading(question, tuple(item for v in others for item in items_of(v)))


def _is_list(text: str) -> bool:
    return text[:1] == "["


@lru_cache(maxsize=32)
def items_of(text: str) -> tuple[str, ...]:
    """The members of a JSON list as texts; a text that is no list is its one member."""
    if text[:1] in ("[", "{"):
        data = parsed(text, text)
        members = data if is_list(data) else [data]
        return tuple(filter(None, map(_item, members)))
    return (text,)


def _item(member: Any) -> str:
    if is_object(member):
        return ". ".join(as_text(value) for value in member.values())
    return as_text(member)


def _pieces(sentence: str) -> Iterator[str]:
    """The sentence; in pieces where nobody would call it one."""
    for at in range(0, len(sentence), _PIECE):
        yield sentence[at : at + _PIECE]


@lru_cache(maxsize=8)
def _ranked(question: str, texts: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    """Texts by likeness; n-grams are compared only where many words are shared."""
    asked = frozenset(content_words(question[:_LONGEST]))
    found = [asked.intersection(words(text)) for text in texts]
    counts = Counter(word for one in found for word in sorted(one))
    weights = {word: math.log(1 + len(texts) / n) for word, n in counts.items()}
    total = math.fsum(weights.values()) or 1.0
    shares = [math.fsum(weights[word] for word in one) / total for one in found]
    first = sorted(zip(shares, texts, strict=True), key=lambda p: -p[0])[:_COMPARED]
    likeness = make_index([text for _, text in first]).similar(question)
    scores = [(a + b, t) for a, (b, t) in zip(likeness, first, strict=True)]
    return tuple(sorted(scores, key=lambda pair: -pair[0]))
