"""Judges on small real models: agreement with labels, before and after a compile.

Whether a passage supports a claim, on ScoNe: pairs of sentences whose label is known.
`Classify` decides by the probabilities that the model gives to yes and no, since models
of this size cannot write a verdict; what a compile may change is the rule by which they
are cut. `Rubric` writes its reasons and a mark from 1 to 5, cut in the middle.

`Groundedness` and `Completeness` are asked about MuSiQue's facts, each of which is
known to stand in one passage; what a compile may change are the demos of their parts.
Answers are kept under runs/, so that a start goes on from the last one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import weft

from . import Findings, Row
from ._data import lines_of
from ._facts import complete, grounded
from ._local import local_lm
from .real.serving import models_of

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bench-judges.md"
ANSWERS = ROOT / "runs" / "judges"
TRAIN, TEST, WRITTEN = 120, 120, 20
LEARNT = {"grounded": 80, "complete": 56}
"""Rows of MuSiQue that a compile gets; it seals three in ten of them."""
AGREES = weft.metrics.agreement("supported")
WHOLE = {
    "grounded": weft.metrics.agreement("score", cuts=[0.5]),
    "complete": weft.metrics.agreement("score", cuts=[0.75]),
}
"""When all that an answer claims is supported, and when it makes both points."""
_HEAD = """\
# Judges, measured

Written by `python -m bench judges --models {models} --write`; nothing in it
is chosen by hand. Whether a passage supports a claim, on
[ScoNe](https://github.com/selenashe/ScoNe), sentences with negation whose labels
(entailment or neutral) are as published. Both labels are as frequent. A judge is
compiled on {train} train rows, of which three in ten are sealed: the report's figures
are of those, or of 16 where no candidate was there to be verified. {test} test rows are
only scored. Kappa is agreement with the labels beyond chance: 0 is that of a coin, 1 is
all. Intervals are of 95 %.

*decides* is `Classify` over `passage, claim -> supported: bool`: the more probable of
yes and no. *compiled* is the same by `weft.compilers.Thresholds` with
`weft.metrics.agreement`: one threshold, fitted on select rows; where the sealed rows do
not show a gain, the judge stays as it was. *writes* is `weft.Rubric` of one criterion,
from 1 to 5 and cut at the middle, on {written} of the test rows: reasons and a mark,
written by the model under an enforced schema, at most {most} tokens.
"""
_FACTS = """\
## What passages support, and what an answer makes

Facts of [MuSiQue](https://github.com/StonyBrookNLP/musique), whose questions are taken
apart into steps: each has an answer and the one passage that it stands in. For
`weft.Groundedness` a fact is the answer, and of two passages of its question one holds
it, or neither does. For `weft.Completeness` two facts of a question are the reference;
the answer has both, in the other order, or one of them beside a fact of another
question. As many rows are of either kind. A verdict is whether all claims are
supported, or both points made; it is the judge's score, cut.

A judge is compiled on {learnt} rows (claims) or {points} (points) by
`BootstrapFewShot(demos=4)`, which shows each part of a judge its own work on rows where
it agreed. The rows are those that the compile sealed, three in ten: it looks at them
until they tell enough, and at 16 where it found no candidate to verify. Each of the two
calls of a row has at most {most} tokens; a reply that could not be used agrees with
nobody.
"""
_TABLE = (
    "| model | judge | rows | kappa | right, % | unusable |",
    "|---|---|---:|---:|---:|---:|",
)
MOST = 96


def run(
    models: str = "smollm2=smollm2", rows: int | None = None, write: bool = False
) -> list[Row]:
    """Measure the judges of each model.

    Args:
        models: NAME=WHERE with commas between; WHERE is what `local/` takes. One whose
            name ends in "gemma" is a base model.
        rows: Only so many rows of each split.
        write: Write the page.

    Raises:
        BenchError: The rows are not there.
    """
    train, test = pairs("train", rows or TRAIN), pairs("test", rows or TEST)
    few = test[: min(len(test), WRITTEN)]
    facts = {
        name: made("train", rows or LEARNT[name])
        for name, made in (("grounded", grounded), ("complete", complete))
    }
    made: list[Row] = []
    measured: list[Any] = []
    lines: dict[str, list[str]] = {"ScoNe": [], "MuSiQue": []}
    for model in models_of(models):
        lm = local_lm(model, MOST)
        with weft.use(lm=lm, cache=ANSWERS):
            found = [("ScoNe", one) for one in arms(train, test, few)]
            found += [("MuSiQue", one) for one in fact_arms(facts)]
        for where, (what, scores) in found:
            measured.append(scores.kappa)
            lines[where].append(_line(model.name, what, scores))
            value = 0.0 if scores.kappa is None else scores.kappa.value
            made.append(Row(f"kappa: {model.name}, {what}", value))
    head = _HEAD.format(
        models=models, train=len(train), test=len(test), written=len(few), most=MOST
    )
    more = _FACTS.format(
        learnt=len(facts["grounded"]), points=len(facts["complete"]), most=MOST
    )
    tables = ["\n".join([*_TABLE, *told]) for told in lines.values()]
    page = f"{head}\n{tables[0]}\n\n{more}\n{tables[1]}\n\n{_beyond(measured)}\n"
    if write:
        PAGE.write_text(page, "utf-8")
    return Findings(made, page)


def _beyond(measured: Sequence[Any]) -> str:
    """How many kappas lie above 0 with all of their interval."""
    above = sum(one is not None and one.interval.low > 0 for one in measured)
    return (
        f"Agreement beyond chance, by its interval: {above} of {len(measured)} lines."
    )


def _line(model: str, what: str, scores: Any) -> str:
    """A line of a table."""
    kappa = "-" if scores.kappa is None else str(scores.kappa)
    unusable = len(scores.model_failures)
    return (
        f"| {model} | {what} | {len(scores.rows)} | {kappa} "
        f"| {100 * scores.mean:.1f} | {unusable} |"
    )


def arms(
    train: Sequence[dict[str, Any]],
    test: Sequence[dict[str, Any]],
    few: Sequence[dict[str, Any]],
) -> list[tuple[str, Any]]:
    """What each judge agrees on, by the name that the page has for it."""
    asking: Any = weft.Predict(
        "passage, claim -> supported: bool",
        "Does the claim follow from the passage?",
        name="judge",
    )
    bare: Any = weft.Classify(asking)
    result = weft.compile(
        bare,
        train,
        metric=AGREES,
        compiler=weft.compilers.Thresholds(),
        budget=f"{40 * len(train)} calls",
        concurrency=1,
    )
    report = result.report
    before = weft.evaluate(bare, test, AGREES, concurrency=1)
    after = weft.evaluate(result.program, test, AGREES, concurrency=1)
    rubric: Any = weft.Rubric(
        {"supported": "the claim follows from the passage"}, reads="passage, claim"
    )
    # Without "supported": the judge has an output of that name too, a mark.
    marked = [
        {**{n: row[n] for n in ("id", "passage", "claim")}, "human": row["supported"]}
        for row in few
    ]
    cut = weft.metrics.agreement("score", cuts=[0.5], label="human")
    written = weft.evaluate(rubric, marked, cut, concurrency=1)
    return [
        ("decides, sealed rows", report.seed_score),
        ("compiled, sealed rows", report.score),
        ("decides", before),
        ("compiled", after),
        ("writes", written),
    ]


def fact_arms(
    facts: Mapping[str, Sequence[dict[str, Any]]],
) -> list[tuple[str, Any]]:
    """What each judge of facts agrees on, by the name that the page has for it."""
    made: list[tuple[str, Any]] = []
    judges: dict[str, Any] = {
        "grounded": weft.Groundedness(),
        "complete": weft.Completeness(),
    }
    for name, judge in judges.items():
        learnt = facts[name]
        result: Any = weft.compile(
            judge,
            learnt,
            metric=WHOLE[name],
            compiler=weft.compilers.BootstrapFewShot(demos=4),
            budget=f"{20 * len(learnt)} calls",
            concurrency=1,
        )
        kind, report = judge.kind, result.report
        made += [
            (f"`{kind}`", report.seed_score),
            (f"`{kind}` compiled", report.score),
        ]
    return made


def pairs(split: str, most: int) -> list[dict[str, Any]]:
    """Rows of a split, as many of either label, drawn once.

    Raises:
        BenchError: The rows are not there.
    """
    held = lines_of("scone_nli")
    drawn: list[dict[str, Any]] = []
    rng = random.Random(0)
    for label in ("entailment", "neutral"):
        those = [
            row
            for row in held
            if row["split"] == split and row["outputs"]["label"] == label
        ]
        drawn += rng.sample(those, min(len(those), most // 2))
    rng.shuffle(drawn)
    return [
        {
            "id": row["id"],
            "passage": row["inputs"]["premise"],
            "claim": row["inputs"]["hypothesis"],
            "supported": row["outputs"]["label"] == "entailment",
        }
        for row in drawn
    ]
