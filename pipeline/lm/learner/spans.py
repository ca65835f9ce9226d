"""Free text, extractively: whole sentences untaught, spans once the shape is known.

Demonstrations teach how long answers are, what kind they are, and which words stand
beside them; a task text may say the length and the kind as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .case import Case
from .ngrams import STOP, best, cut, index_of, token_count, words
from .passages import Reading, reading_of
from .shape import Shape, ShapeKind, kind_of, most_common, shape_of, shape_told

_SENTENCES = 4
_TOKEN = re.compile(r"\w+(?:[.,'\u2019:/-]\w+)*%?|[^\w\s]")
_WANTS: tuple[tuple[ShapeKind, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(r"\b(?:when|wh(?:at|ich) (?:year|date|day)|wann)\b", re.IGNORECASE),
    ),
    (
        "number",
        re.compile(
            r"\b(?:how (?:many|much|old|long)|wie ?viele?|percent)", re.IGNORECASE
        ),
    ),
    ("name", re.compile(r"\b(?:who|whom|whose|where|wer|wem|wo)\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class _Taught:
    """What is known about the span to find.

    Args:
        shape: Its length and kind.
        kind: What the question asks for, where that can be told.
        beside: Share of the demonstrations with this word ("<w" before, ">w" after).
    """

    shape: Shape
    kind: ShapeKind
    beside: Mapping[str, float]


def extract(case: Case) -> str:
    """A text for the field: a span of the taught shape, or the whole best sentence."""
    reading = reading_of(case.query)
    shape = _shape(case)
    ranked = reading.ranked()
    if not ranked:
        return case.demos[0].text if case.demos else ""
    if not shape.copied:
        return case.demos[best(similar_demos(case))].text
    if not shape.most or shape.kind == "sentence":
        return ranked[0][1]
    kind = _asked_kind(reading.question, case) or shape.kind
    taught = _Taught(shape, kind, _beside(case))
    spans = list(_spans(ranked[:_SENTENCES], reading, taught))
    return max(spans)[2] if spans else ranked[0][1]


def similar_demos(case: Case) -> list[float]:
    """How like each demonstration is to the input."""
    evidence = case.evidence()
    return index_of(evidence.texts).similar(evidence.query)


def _shape(case: Case) -> Shape:
    if case.demos:
        return shape_of([(demo.text, demo.given) for demo in case.demos])
    return shape_told(f"{case.task}\n{case.note}")


def _asked_kind(question: str, case: Case) -> ShapeKind | None:
    """What kind of span answers: the question's word says, or demos that ask alike."""
    for kind, pattern in _WANTS:
        if pattern.search(question):
            return kind
    first = words(question)[:2]
    alike: list[ShapeKind] = [
        kind_of(demo.text)
        for demo in case.demos
        if first and words(reading_of(demo.inputs).question)[:2] == first
    ]
    return most_common(alike) if alike else None


def _beside(case: Case) -> dict[str, float]:
    """The words that stand before and after the demonstrations' answers."""
    seen = Counter[str]()
    for demo in case.demos:
        text = demo.given
        at = text.casefold().find(demo.text.casefold())
        if not demo.text or at < 0:
            continue
        before = words(text[max(at - 40, 0) : at])[-1:]
        after = words(text[at + len(demo.text) :][:40])[:1]
        seen.update([f"<{w}" for w in before] + [f">{w}" for w in after])
        seen.update({f"={w}" for w in words(demo.text)} if len(demo.text) < 80 else ())
    return {word: count / len(case.demos) for word, count in seen.items()}


def _spans(
    ranked: Sequence[tuple[float, str]], reading: Reading, taught: _Taught
) -> Iterator[tuple[float, int, str]]:
    """Candidates with their scores; earlier ones win where scores are equal."""
    asked = frozenset(words(reading.question)) - STOP
    top = ranked[0][0] or 1.0
    number = 0
    for likeness, sentence in ranked:
        tokens = list(_TOKEN.finditer(sentence))
        folded = [token[0].casefold() for token in tokens]
        near = _distances([word in asked for word in folded])
        for start, end in _candidates(folded, taught.shape.most):
            text = sentence[tokens[start].start() : tokens[end - 1].end()]
            score = 2 * likeness / top + _fit(text, end - start, taught)
            score -= (
                1.5 * sum(word in asked for word in folded[start:end]) / (end - start)
            )
            score -= 0.04 * min(near[start], near[end - 1])
            score += max(taught.beside.get(f"={w}", 0.0) for w in folded[start:end])
            if start:
                score += taught.beside.get(f"<{folded[start - 1]}", 0.0)
            if end < len(tokens):
                score += taught.beside.get(f">{folded[end]}", 0.0)
            if taught.kind == "name":
                score -= 0.5 * _cut_off(tokens, start, end)
            number -= 1
            yield score, number, text


def _distances(marked: Sequence[bool]) -> list[int]:
    """How far each place is from a marked one, ten at most; zeros where none is."""
    if not any(marked):
        return [0] * len(marked)
    found = [10] * len(marked)
    for places in (range(len(marked)), reversed(range(len(marked)))):
        last = 10
        for at in places:
            last = 0 if marked[at] else min(last + 1, 10)
            found[at] = min(found[at], last)
    return found


def _candidates(folded: Sequence[str], most: int) -> Iterator[tuple[int, int]]:
    """Runs of words that neither start nor end with a stop word or a mark."""
    for start, first in enumerate(folded):
        if not _bearing(first):
            continue
        for end in range(start + 1, min(start + most, len(folded)) + 1):
            last = folded[end - 1]
            if not last[0].isalnum():
                break
            if _bearing(last):
                yield start, end


def _bearing(word: str) -> bool:
    return word[0].isalnum() and word not in STOP


def _cut_off(tokens: Sequence[re.Match[str]], start: int, end: int) -> int:
    """At how many ends a name goes on beyond the span."""
    left = start > 1 and tokens[start - 1][0][0].isupper()
    right = end < len(tokens) and tokens[end][0][0].isupper()
    return left + right


def _fit(text: str, length: int, taught: _Taught) -> float:
    """How well a span's length and looks match what is wanted."""
    score = -0.2 * abs(length - taught.shape.typical)
    looks = kind_of(text)
    if taught.kind in ("number", "date"):
        if looks == taught.kind:
            return score + 1.5
        return score + 0.6 * any(c.isdigit() for c in text)
    if taught.kind == "name":
        parts = [p for p in text.split() if p.casefold() not in STOP] or [text]
        capital = sum(p[:1].isupper() for p in parts)
        return score + 1.2 * capital / len(parts) + 0.1 * (capital == len(parts) > 1)
    return score - 0.4 * (looks in ("number", "date"))


def list_of_texts(case: Case, least: int, most: int) -> list[str]:
    """Passages or sentences that overlap the question most, or key phrases."""
    reading = reading_of(case.query)
    several = len(reading.items) > 1
    ranked = reading.ranked_items() if several else reading.ranked()
    if not several and not reading.question:
        found = list(dict.fromkeys(_phrases(case.text)))
        return found[: max(least, min(most, 5))]
    kept, room = list[str](), case.room
    for number, (score, text) in enumerate(ranked[:most]):
        room -= token_count(text)
        if number and number >= least and (room < 0 or 2 * score < ranked[0][0]):
            break
        kept.append(cut(text, case.room))
    return kept


def _phrases(text: str) -> Iterator[str]:
    run = list[str]()
    for token in _TOKEN.findall(text):
        bearing = _bearing(token.casefold())
        if bearing and len(run) < 3:
            run.append(token)
            continue
        if run:
            yield " ".join(run)
        run = [token] if bearing else []
    if run:
        yield " ".join(run)


def keywords(case: Case, most: int = 12) -> str:
    """The input's content words, in order, each once."""
    text = reading_of(case.query).question or case.text
    kept = [w for w in _TOKEN.findall(text) if _bearing(w.casefold())]
    return cut(" ".join(list(dict.fromkeys(kept))[:most]) or text.strip(), case.room)


def because(case: Case) -> str:
    """One short sentence that names the evidence used."""
    if case.demos:
        at = best(similar_demos(case))
        shown = cut(_quoted(case.demos[at].given), case.room)
        return f"It is most like the solved case: {shown}."
    ranked = reading_of(case.query).ranked()
    shown = cut(_quoted(ranked[0][1] if ranked else case.text), case.room)
    return f"The input says: {shown}."


def _quoted(text: str) -> str:
    return " ".join(text[:400].split()[:14])[:140].rstrip(".") or "nothing"
