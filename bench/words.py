"""Answer words found in data against words written by hand, on a real model.

poem_sentiment on a model that runs here, as a text to be continued: what the mood of a
verse is. Both kinds of words are calibrated over the same train rows, whose labels are
not read for that; found words are of train rows with labels. Test rows are only scored.
What counts is the macro recall over the three labels of the test split, and its paired
difference, with an interval of the bootstrap over rows of each label.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import weft
from weft.pipeline.measure.stats import Interval

from . import Findings, Row, pipes
from ._data import DATA
from ._labelled import decided_rightly, rows_of

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-words.md"
ROWS = DATA / "poem_sentiment.jsonl"
TEMPLATE = "[x]\nThe mood of this verse is [z]."
# Written down before any row was scored, from what the labels are called.
HAND = {
    "negative": ["sad", "dark"],
    "no_impact": ["plain", "neutral"],
    "positive": ["happy", "bright"],
}
SHOWN = 200
PRIOR_ROWS = 200
EACH = (1, 3)
_REPEATS = 10_000
_HEAD = """\
# Answer words, measured

Written by `python -m bench words --local {model} --write`; nothing in it is chosen by
hand. {model} on llama.cpp, poem_sentiment, the template `{template}`,
one call a row, its {shown} likeliest tokens. Words by hand were written down before any
row was scored. Words found are of {train} train rows with labels (`weft.find_words`).
Every line but the first and the last is calibrated over {prior} train rows, whose
labels are not read for that. Test: {test} rows, which are only scored. Macro recall is
the mean of the recalls of three labels. Intervals are of 95 %, by the bootstrap over
the rows of each label, paired with words by hand, calibrated.

"""
_HEADINGS = (
    "| words | macro recall, % | correct, % | difference | "
    f"{' | '.join(HAND)} |\n|---|---|---|---|---|---|---|"
)


class Verse(weft.Signature):
    """What is the mood of the verse?"""

    text: str = weft.Input()
    label: Literal["negative", "no_impact", "positive"] = weft.Output()


def run(
    local: str = "smollm2", rows: int | None = None, write: bool = False
) -> list[Row]:
    """The table.

    Args:
        local: A model that runs here, by name or file.
        rows: Only so many rows of the train and of the test split.
        write: Write the page.

    Raises:
        BenchError: The rows are not there.
    """
    train, test = (rows_of(ROWS, split, HAND, rows) for split in ("train", "test"))
    prior = train[:PRIOR_ROWS]
    lm = weft.LM(f"local/{local}", base=True)
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        asking = weft.Predict(Verse, adapter=weft.cloze(TEMPLATE), name="verse")
        bare = weft.Classify(asking, by="top", shown=SHOWN, words=HAND)
        hand = weft.calibrate(bare, prior)
        arms: dict[str, Any] = {"by hand, not calibrated": bare, "by hand": hand}
        for each in EACH:
            found = weft.find_words(bare, train, words_per_label=each)
            arms[f"found, {each} a label"] = weft.calibrate(found, prior)
        hits = {name: decided_rightly(arm, test) for name, arm in arms.items()}
    labels = [row["label"] for row in test]
    usual = max({*labels}, key=[row["label"] for row in train].count)
    hits["the usual label (majority)"] = [float(one == usual) for one in labels]
    lines = [
        _line(name, arms.get(name), own, hits["by hand"], labels)
        for name, own in hits.items()
    ]
    head = _HEAD.format(
        model=local,
        template=TEMPLATE.replace("\n", "\\n"),
        shown=SHOWN,
        train=len(train),
        prior=len(prior),
        test=len(test),
    )
    page = head + "\n".join([_HEADINGS, *lines]) + "\n"
    if write:
        PAGE.write_text(page, encoding="utf-8")
    best = [name for name in arms if name.startswith("found")]
    made = [
        Row(
            f"macro recall, {name}",
            recall(hits[name], labels),
            recall(hits["by hand"], labels),
        )
        for name in best
    ]
    for name in best:
        high = difference(hits[name], hits["by hand"], labels).high
        reaches = f"{name}: upper end of the paired interval"
        made.append(Row(reaches, high, None, ">= 0", high >= 0))
    return Findings(made, page)


def recall(hits: Sequence[float], labels: Sequence[str]) -> float:
    """The mean over labels of the share of its rows that are right."""
    return fmean(
        fmean(h for h, one in zip(hits, labels, strict=True) if one == label)
        for label in sorted({*labels})
    )


def difference(
    hits: Sequence[float], others: Sequence[float], labels: Sequence[str]
) -> Interval:
    """The 95 % interval of a difference of macro recalls, over rows of each label."""
    pairs = zip(hits, others, labels, strict=True)
    by: dict[str, list[float]] = {label: [] for label in labels}
    for own, other, label in pairs:
        by[label].append(own - other)
    rng = random.Random(0)
    found = sorted(
        fmean(fmean(rng.choices(own, k=len(own))) for own in by.values())
        for _ in range(_REPEATS)
    )
    return Interval(found[int(0.025 * _REPEATS)], found[int(0.975 * _REPEATS) - 1])


def _line(
    name: str,
    arm: Any,
    hits: Sequence[float],
    others: Sequence[float],
    labels: Sequence[str],
) -> str:
    reach = difference(hits, others, labels)
    words: dict[str, list[str]] = {} if arm is None else arm.words["label"].words
    own = [", ".join(words.get(label, ["-"])) for label in HAND]
    gained = recall(hits, labels) - recall(others, labels)
    paired = f"{100 * gained:+.1f} ({100 * reach.low:+.1f} to {100 * reach.high:+.1f})"
    cells = [
        name,
        f"{100 * recall(hits, labels):.1f}",
        f"{100 * fmean(hits):.1f}",
        "-" if hits is others else paired,
        *own,
    ]
    return pipes(cells)
