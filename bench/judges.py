"""Judges on small real models: agreement with labels, before and after a compile.

Whether a passage supports a claim, on ScoNe: pairs of sentences whose label is known.
`Classify` decides by the probabilities that the model gives to yes and no, since models
of this size cannot write a verdict; what a compile may change is the rule by which they
are cut. `Rubric` writes its reasons and a mark from 1 to 5, cut in the middle. Answers
are kept under runs/, so that a start goes on from the last one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import weft

from . import BenchError, Findings, Row
from .real.serving import Model, models_of
from .realdata import DATA

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bench-judges.md"
ANSWERS = ROOT / "runs" / "judges"
TRAIN, TEST, WRITTEN = 120, 120, 20
AGREES = weft.metrics.agreement("supported")
_HEAD = """\
# Judges, measured

Written by `python -m bench judges --models {models} --write`; nothing in it
is chosen by hand. Whether a passage supports a claim, on
[ScoNe](https://github.com/selenashe/ScoNe), sentences with negation whose labels
(entailment or neutral) are as published. Both labels are as frequent. A judge is
compiled on {train} train rows, of which a part is sealed: the report's figures are of
those. {test} test rows are only scored. Kappa is agreement with the labels beyond
chance: 0 is that of a coin, 1 is all. Intervals are of 95 %.

*decides* is `Classify` over `passage, claim -> supported: bool`: the more probable of
yes and no. *compiled* is the same by `weft.compilers.Thresholds` with
`weft.metrics.agreement`: one threshold, fitted on select rows; where the sealed rows do
not show a gain, the judge stays as it was. *writes* is `weft.Rubric` of one criterion,
from 1 to 5 and cut at the middle, on {written} of the test rows: reasons and a mark,
written by the model under an enforced schema, at most {most} tokens.

| model | judge | rows | kappa | right, % |
|---|---|---:|---:|---:|
"""
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
    made: list[Row] = []
    lines: list[str] = []
    for model in models_of(models):
        lm = lm_of(model)
        with weft.use(lm=lm, cache=ANSWERS):
            for what, found in arms(train, test, few):
                kappa = found.kappa
                said = "-" if kappa is None else str(kappa)
                right = f"{100 * found.mean:.1f}"
                lines.append(
                    f"| {model.name} | {what} | {len(found.rows)} | {said} | {right} |"
                )
                value = 0.0 if kappa is None else kappa.value
                made.append(Row(f"kappa: {model.name}, {what}", value))
    head = _HEAD.format(
        models=models, train=len(train), test=len(test), written=len(few), most=MOST
    )
    page = head + "\n".join(lines) + "\n"
    if write:
        PAGE.write_text(page, "utf-8")
    return Findings(made, page)


def lm_of(model: Model) -> weft.LM:
    """The model, here."""
    base = model.name.endswith("gemma")
    return weft.LM(f"local/{model.where}", temperature=0, max_tokens=MOST, base=base)


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
    marked = [{**row, "human": float(row["supported"])} for row in few]
    cut = weft.metrics.agreement("score", cuts=[0.5], label="human")
    written = weft.evaluate(rubric, marked, cut, concurrency=1)
    return [
        ("decides, sealed rows", report.seed_score),
        ("compiled, sealed rows", report.score),
        ("decides", before),
        ("compiled", after),
        ("writes", written),
    ]


def pairs(split: str, most: int) -> list[dict[str, Any]]:
    """Rows of a split, as many of either label, drawn once.

    Raises:
        BenchError: The rows are not there.
    """
    file = DATA / "scone_nli.jsonl"
    if not file.is_file():
        raise BenchError(f"{file} is not there; WEFT_BENCH_DATA names its folder.")
    held = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
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
