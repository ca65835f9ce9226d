"""Demonstrations like the input beside drawn ones, on small real models.

Ten intents of a bank. Each test row is shown a few of the train rows with their labels:
the same ones, drawn once for each seed, or those that are most like it. Answers are
kept under runs/, so that a start goes on from the last.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final, get_args

import weft
from weft.pipeline.adapters.demos import nearest_demos
from weft.pipeline.measure.stats import compare

from . import Findings, Row
from ._data import DATA
from ._labelled import rows_of, share
from ._local import local_lm
from .real.serving import Model, models_of
from .real.tasks import INTENTS

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bench-nearest.md"
ANSWERS = ROOT / "runs" / "nearest"
FILE = DATA / "banking10.jsonl"
SHOWN, DRAWS, ROWS = 4, 3, 60
METRIC = weft.metrics.exact("label")
_HEAD: Final = """\
# Demonstrations like the input, measured

Written by `python -m bench nearest --models {models} --write`; nothing in it is chosen
by hand. banking10, ten labels, {rows} test rows, {pool} train rows to show {shown} of.
*drawn*: the same {shown} for every row, the mean of {draws} draws. *nearest*: the
{shown} most like the row by weft's own text index (character trigrams), as
`weft.compilers.KNNFewShot` has it. Temperature 0, the form that each model gets by
default. *named*: rows of which a row with the right label was shown. A reply that
could not be used is wrong. Intervals are of 95 %; the difference is of pairs.

| model | drawn, % right | named | nearest, % right | named | more by nearest |
|---|---:|---:|---:|---:|---:|
"""


def run(
    models: str = "smollm2=smollm2", rows: int | None = None, write: bool = False
) -> list[Row]:
    """Measure both ways on each model.

    Args:
        models: NAME=WHERE with commas between; WHERE is what `local/` takes. One whose
            name ends in "gemma" is a base model.
        rows: Only so many test rows.
        write: Write the page.

    Raises:
        BenchError: The rows are not there.
    """
    labels: tuple[str, ...] = get_args(INTENTS)
    train = rows_of(FILE, "train", labels, None)
    test = rows_of(FILE, "test", labels, rows or ROWS)
    made: list[Row] = []
    lines: list[str] = []
    for model in models_of(models):
        with weft.use(cache=ANSWERS):
            row, line = _measured(model, train, test)
        made.append(row)
        lines.append(line)
    head = _HEAD.format(
        models=models, rows=len(test), pool=len(train), shown=SHOWN, draws=DRAWS
    )
    page = head + "\n".join(lines) + "\n"
    if write:
        PAGE.write_text(page, "utf-8")
    return Findings(made, page)


def _measured(
    model: Model, train: list[dict[str, str]], test: list[dict[str, str]]
) -> tuple[Row, str]:
    asking: Any = weft.Predict(
        "text -> label: Intent",
        "Classify a customer's online-banking query into one of ten intents.",
        name="intent",
        lm=local_lm(model, 48),
        types={"Intent": INTENTS},
    )
    demos = tuple(weft.Demo(dict(row), str(at)) for at, row in enumerate(train))
    draws = [random.Random(seed).sample(demos, SHOWN) for seed in range(DRAWS)]
    drawn = [_right(asking.with_(demos=some), test) for some in draws]
    once = [fmean(hits) for hits in zip(*drawn, strict=True)]
    near = asking.with_(demos=demos, nearest=SHOWN)
    like = _right(near, test)
    named = fmean(
        any(demo.values["label"] == row["label"] for demo in some)
        for some in draws
        for row in test
    )
    near_named = fmean(
        any(
            demo.values["label"] == row["label"]
            for demo in nearest_demos(near.spec, demos, SHOWN, {"text": row["text"]})
        )
        for row in test
    )
    more = compare(like, once, seed=0)
    line = (
        f"| {model.name} | {100 * fmean(once):.1f} | {100 * named:.0f} % | "
        f"{share(sum(like), len(like))} | "
        f"{100 * near_named:.0f} % | {more.points} |"
    )
    what = f"{model.name}: right with the nearest demonstrations, and with drawn ones"
    return Row(what, fmean(like), fmean(once)), line


def _right(program: Any, rows: Sequence[dict[str, str]]) -> list[float]:
    return list(weft.evaluate(program, rows, METRIC, concurrency=1).values)
