"""A planted reader of one hop on MuSiQue: what taking a question apart is worth to it.

The reader is no model. It knows MuSiQue's own decomposition of each question, and
answers a step of it where the passage that the step needs is shown and the answers it
builds on are there; of a question of several hops it answers the first one, which is
wrong. It misreads one step in twenty, always the same ones. Who takes the question
apart is planted too: the steps are the data set's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import weft

SIGNATURE: Final = "question, passages: list[Passage] -> answer"
_MISREAD: Final = 20
_REFERS: Final = re.compile(r"#(\d+)")


def rows_of(data: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """MuSiQue's rows with the passages as `Passage`s."""
    return [
        {
            "question": row["inputs"]["question"],
            "passages": [
                weft.Passage(id=page["title"], text=page["text"])
                for page in row["inputs"]["context"]
            ],
            "answer": row["outputs"]["answer"],
            "aliases": row["meta"]["aliases"],
        }
        for row in data
    ]


def exact(example: Any, prediction: Any) -> float:
    """Whether the answer is the gold one, or one of its aliases."""
    known = {example.answer, *example.aliases}
    return float(prediction.answer in known)


def reader(data: Sequence[Mapping[str, Any]]) -> weft.FunctionLM:
    """The reader, who also knows how the questions are taken apart."""
    steps = {row["inputs"]["question"]: row["meta"]["decomposition"] for row in data}

    def said(request: weft.Request) -> dict[str, Any]:
        asked = _fields(request.messages[-1].text)
        gold = steps[asked["question"]]
        shown = {page["id"] for page in json.loads(asked["passages"])}
        solved = [one["answer"] for one in json.loads(asked.get("solved", "[]"))]
        if "[[ questions ]]" in request.messages[0].text:
            return {"questions": [step["question"] for step in gold]}
        if "sub_question" in asked:
            wanted = asked["sub_question"]
            at = next(n for n, step in enumerate(gold) if step["question"] == wanted)
            return {"sub_answer": _read(gold, at, solved, shown)}
        if len(solved) == len(gold):
            return {"reasoning": "It is solved.", "answer": solved[-1]}
        first = _read(gold, 0, [], shown)
        return {"reasoning": "One passage says so.", "answer": first}

    return weft.FunctionLM(said, model="a planted reader of one hop")


def _read(
    gold: Sequence[Mapping[str, str]], at: int, solved: Sequence[str], shown: set[str]
) -> str:
    """A step's answer, where its passage and what it builds on are there."""
    step = gold[at]
    needs = [int(number) - 1 for number in _REFERS.findall(step["question"])]
    there = all(n < len(solved) and solved[n] == gold[n]["answer"] for n in needs)
    misread = crc32(step["question"].encode()) % _MISREAD == 0
    if step["title"] not in shown or not there or misread:
        return "unknown"
    return step["answer"]


def _fields(text: str) -> dict[str, str]:
    """What stands under each heading of a prompt's last turn."""
    parts = re.split(r"^\[\[ (\w+) \]\]\n", text, flags=re.MULTILINE)[1:]
    return {n: v.strip() for n, v in zip(parts[::2], parts[1::2], strict=True)}


def scores(data: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """By way, each question's score."""
    rows = rows_of(data)
    ways: dict[str, Any] = {
        "ChainOfThought": weft.ChainOfThought(SIGNATURE, name="it"),
        "Decompose": weft.Decompose(SIGNATURE, name="it"),
    }
    made: dict[str, list[float]] = {}
    with weft.use(lm=reader(data), cache=None):
        for name, way in ways.items():
            found = weft.evaluate(way, rows, exact)
            made[name] = [one.score.value for one in found.rows if one.score]
    return made
