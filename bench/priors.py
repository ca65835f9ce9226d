"""A prior taken off without a label, on a real model: chat and cloze, before and after.

banking10, ten intents. The answer words are one of each label's own name, written down
before any row was scored. The prior is of train rows whose labels are not read; test
rows are only scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Literal

import weft
from weft.pipeline.measure.stats import compare

from . import Findings, Row
from ._data import DATA
from ._labelled import decided_rightly, rows_of, share
from .real.tasks import INTENTS

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-priors.md"
ROWS = DATA / "banking10.jsonl"
INSTRUCTION = "Which topic is the customer's message about?"
TEMPLATE = "[x] In one word, it is about [z]."  # of six, by 70 rows of the dev split
WORDS = {
    "Refund_not_showing_up": "refund",
    "beneficiary_not_allowed": "beneficiary",
    "card_payment_fee_charged": "payment",
    "contactless_not_working": "contactless",
    "exchange_charge": "exchange",
    "getting_spare_card": "spare",
    "pending_top_up": "pending",
    "top_up_by_bank_transfer_charge": "bank",
    "transfer_fee_charged": "transfer",
    "virtual_card_not_working": "virtual",
}
BAR = 0.15
ARMS: Final[tuple[tuple[str, Literal["forced", "top"]], ...]] = (
    ("chat", "forced"),
    ("chat", "top"),
    ("cloze", "forced"),
)
METHODS: Final[tuple[Literal["batch", "matching"], ...]] = ("batch", "matching")
SHOWN: Final = {"forced": 20, "top": 1000}
_HEAD = """\
# A prior taken off, measured

Written by `python -m bench priors --local {model} --write`. {model} on llama.cpp,
banking10: {test} test rows, ten labels. Each answer is one word of a label's name
({words}). Words were written down before any row was scored; the
template is one of six, chosen on 70 rows of the dev split. The prior is estimated by
`weft.calibrate` over {train} train rows, whose labels are not read: `batch` takes the
mean of the probabilities, `matching` the prior with which every label is as probable as
any other; it was added when what `batch` gives on these test rows was known. *chat*
asks in turns, by the default form; *cloze* continues
`{template}`, which names no label. *forced* scores each
answer under a grammar that allows nothing else, ten calls a row; *top* looks for them
among the {shown} likeliest tokens of one reply. Intervals are of 95 %: Wilson's, and of
the paired difference that of Agresti and Min.

| form | as it is, % correct | prior taken off by | % correct | difference |
|---|---|---|---|---|
"""


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
    train, test = (rows_of(ROWS, split, WORDS, rows) for split in ("train", "test"))
    words = {label: [word] for label, word in WORDS.items()}
    inputs = [{"text": row["text"]} for row in train]
    made: list[Row] = []
    lines: list[str] = []
    for form, by in ARMS:
        cloze: dict[str, Any] = {"adapter": weft.cloze(TEMPLATE)}
        options = cloze if form == "cloze" else {}
        asking: Any = weft.Predict(
            "text -> label: Intent",
            INSTRUCTION,
            name=form,
            types={"Intent": INTENTS},
            **options,
        )
        bare: Any = weft.Classify(asking, by=by, words=words, shown=SHOWN[by])
        # One slot: what the answers of a row share is read once.
        lm = weft.LM(f"local/{local}", base=bool(options), slots=1)
        with weft.use(lm=lm, cache=weft.MemoryCache()):
            before = decided_rightly(bare, test)
            for method in METHODS:
                even = weft.calibrate(bare, inputs, method=method, concurrency=1)
                after = decided_rightly(even, test)
                row, line = _compared(f"{form}, {by}", method, before, after)
                made.append(row)
                lines.append(line)
    head = _HEAD.format(
        model=local,
        template=TEMPLATE.replace("\n", "\\n"),
        words=", ".join(WORDS.values()),
        train=len(train),
        test=len(test),
        shown=SHOWN["top"],
    )
    page = head + "\n".join(lines) + "\n"
    if write:
        PAGE.write_text(page, encoding="utf-8")
    return Findings(made, page)


def _compared(
    arm: str, method: str, before: Sequence[float], after: Sequence[float]
) -> tuple[Row, str]:
    beside, n = compare(after, before, seed=0), len(before)
    gain = beside.difference
    what = f"{arm}, {method}: correct with the prior taken off, and as it is"
    row = Row(what, fmean(after), fmean(before), f"+{BAR:.2f}", gain >= BAR)
    line = (
        f"| {arm} | {share(sum(before), n)} | `{method}` | {share(sum(after), n)} | "
        f"{100 * gain:+.1f} {beside.interval.in_points('+')} |"
    )
    return row, line
