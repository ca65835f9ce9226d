"""Facts of MuSiQue as rows for judges: what each passage says is known there.

A question of MuSiQue is taken apart into steps. Each has an answer, and names the one
passage of the question that it stands in; the passages that no step names do not hold
it. So whether passages support a fact is known, and whether an answer makes a point.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, Final, NamedTuple

from ._data import lines_of

__all__ = ["complete", "facts_of", "grounded"]

_REFERS: Final = re.compile(r"#(\d+)")
_RELATION: Final = " >> "


class Fact(NamedTuple):
    """One step of a question, as a statement.

    Attributes:
        said: The statement: what is asked, and its answer.
        passage: The text that it stands in.
        others: Texts of the same question that no step stands in.
    """

    said: str
    passage: str
    others: tuple[str, ...]


def grounded(split: str, most: int) -> list[dict[str, Any]]:
    """Facts, each with two passages of which one holds it, or neither does.

    Raises:
        BenchError: The rows are not there.
    """
    rng = random.Random(0)
    known = {fact.said: fact for facts in _questions(split) for fact in facts}
    drawn = rng.sample([*known.values()], min(len(known), most))
    rows: list[dict[str, Any]] = []
    for fact, held in zip(drawn, cycle((True, False)), strict=False):
        two = rng.sample(fact.others, 2)
        if held:
            two[0] = fact.passage
        rng.shuffle(two)
        rows.append({"answer": fact.said, "passages": two, "score": float(held)})
    return rows


def complete(split: str, most: int) -> list[dict[str, Any]]:
    """Two facts of a question as the reference, and an answer with both or with one.

    An answer with one has another question's fact beside it, so that its length says
    nothing.

    Raises:
        BenchError: The rows are not there.
    """
    rng = random.Random(0)
    pairs = {tuple(fact.said for fact in facts[:2]) for facts in _questions(split)}
    drawn = sorted(pair for pair in pairs if len(pair) == 2)
    rng.shuffle(drawn)
    rows: list[dict[str, Any]] = []
    for at, (pair, whole) in enumerate(zip(drawn, cycle((True, False)), strict=False)):
        first, second = pair
        said = [second, first]
        if not whole:
            before = (one for one, _ in drawn[at - 1 :: -1])
            strange = next(one for one in before if one not in pair)
            said[rng.randrange(2)] = strange
        row = {"answer": " ".join(said), "reference": " ".join(pair)}
        rows.append({**row, "score": float(whole)})
    return rows[:most]


def facts_of(row: Mapping[str, Any]) -> list[Fact]:
    """The facts that a question of MuSiQue rests on, in the order of its steps.

    >>> step = {"question": "Anna >> born in", "answer": "Ulm", "title": "Anna"}
    >>> page = {"title": "Anna", "text": "Anna was born in Ulm."}
    >>> meta = {"decomposition": [step], "supporting_titles": ["Anna"]}
    >>> facts_of({"inputs": {"context": [page]}, "meta": meta})[0].said
    'Anna, born in: Ulm.'
    """
    pages: Sequence[Mapping[str, str]] = row["inputs"]["context"]
    texts = {page["title"]: page["text"] for page in pages}
    needed = {*row["meta"]["supporting_titles"]}
    others = tuple(text for title, text in texts.items() if title not in needed)
    steps: Sequence[Mapping[str, str]] = row["meta"]["decomposition"]
    answers = [step["answer"] for step in steps]

    def whole(question: str) -> str:
        return _REFERS.sub(lambda found: answers[int(found[1]) - 1], question)

    return [
        Fact(_stated(whole(step["question"]), step["answer"]), texts[title], others)
        for step in steps
        if (title := step["title"]) in texts
    ]


def _stated(question: str, answer: str) -> str:
    """A question and its answer, as a statement."""
    if _RELATION in question:
        return f"{question.replace(_RELATION, ', ')}: {answer}."
    return f"{question.rstrip(' ?')}? {answer}."


def _questions(split: str) -> Iterator[list[Fact]]:
    for row in lines_of("musique"):
        if row["split"] == split:
            yield facts_of(row)
