"""The page: one table a task, each way beside the hand prompt and the best of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from weft.pipeline.measure.stats import Comparison, compare, wilson

from .. import Row, words
from .cells import Cell, Kept, Key
from .served import SLOTS
from .ways import (
    CLOZE,
    CLOZE_STEPS,
    DEV,
    IN_CLOZE,
    LORA_STEPS,
    PRIOR,
    SEEDED,
    SOFT_STEPS,
    TASKS,
    TRAIN,
    TRAINED,
    TRIGGERS,
    TURNS,
    WAYS,
    rows_for,
)

__all__ = ["page", "rows_of"]

HAND, SAME_FORM = "hand prompt", "hand prompt calibrated"
CLOZE_FOUND = "cloze with found words"
_UNTRIGGERED = {"TriggerTokens": HAND, TRIGGERS: f"{HAND}{IN_CLOZE}"}
CLOZE_FORM = "cloze calibrated"
_SERVED_ROWS = 50
_HEAD = """\
# Prompts that are not text, measured

Written by `python -m bench whitebox --write`; nothing in it is chosen by hand.
{model} in this process, {test} test rows a task. What is compiled sees {train} train
rows and {dev} dev rows, and 300 calls at the most; what is calibrated sees {prior} of
the train rows without their labels. The hand prompt is a text to be continued, the form
of a model without a chat; what is trained is trained in it: soft words for {soft} steps
of eight rows, LoRA for {lora}. *{cloze}* is trained in the template of the cloze ways,
for {cloze_steps} steps of sixteen rows, and says one answer word a label; trigger words
are sought for {turns} turns. *valid*: the reply could be read as a label. *recall*: the
mean over labels of the share of their rows that are right. *beside* is the difference
in right answers to the prompt of the same form, decided by calibrated probabilities:
of the ways in the cloze to the cloze, of all others to the hand prompt; paired by rows,
of the mean over seeds. *passes* is the processor time of the compile in units of
one untrained pass of the hand prompt over its {train} train rows, in the same process.
Intervals are of 95 %.

"""
_HEADINGS = """\
| way | right, % | valid, % | recall, % | beside its form, calibrated | passes |
|---|---|---|---|---|---|
"""


def page(kept: Kept, rows: int, model: str) -> str:
    """All tables, of the cells that are there."""
    parts = [
        _HEAD.format(
            model="SmolLM2-135M" if model == "smollm2" else model,
            test=rows,
            train=TRAIN,
            prior=PRIOR,
            dev=DEV,
            soft=SOFT_STEPS,
            lora=LORA_STEPS,
            turns=TURNS,
            cloze=CLOZE,
            cloze_steps=CLOZE_STEPS,
        )
    ]
    for name in TASKS:
        cells = list(kept.of(name, rows))
        if cells:
            parts.append(f"## {name}\n\n{_HEADINGS}{_table(name, cells, rows)}\n")
    parts.append(_best(kept, rows))
    parts.append(_valid(kept, rows))
    parts.append(_served(kept))
    parts.append(_memory(kept, rows))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def rows_of(kept: Kept, rows: int) -> list[Row]:
    """The bars."""
    found: list[Row] = []
    for name in TASKS:
        by = _by_way(list(kept.of(name, rows)))
        best = _best_untrained(by)
        most = _right(by[best]) if best else 0.0
        for way in TRAINED:
            form = by.get(_form_of(way))
            if way in by and form:
                own, bar = _right(by[way]), _right(form)
                what = f"{name}: {way}, right, beside the same form calibrated"
                found.append(Row(what, 100 * own, 100 * bar, "above", own > bar))
                what = f"{name}: {way}, right, beside the best way that trains nothing"
                found.append(Row(what, 100 * own, 100 * most))
    found += _valid_bars(kept, rows)
    for slots, least in zip(SLOTS, (1.0, 0.95), strict=True):
        cell = kept.get(Key("both", f"served, {slots} slots", _SERVED_ROWS))
        if cell:
            what = f"two tasks in turns as apart, {slots} slots"
            promise, held = f">= {least:.2f}", cell.share >= least
            found.append(Row(what, cell.share, None, promise, held))
    return found


def _form_of(way: str) -> str:
    """Which way decides by the same prompt, calibrated."""
    return CLOZE_FORM if way == CLOZE_FOUND or way.endswith(IN_CLOZE) else SAME_FORM


def _best_untrained(by: Mapping[str, Sequence[Cell]]) -> str:
    """The way that is right most often of those that train nothing, or nothing."""
    ways = [way for way in by if way not in TRAINED]
    return max(ways, key=lambda way: _right(by[way]), default="")


def _right(cells: Sequence[Cell]) -> float:
    return fmean(cell.share for cell in cells)


def _valid_bars(kept: Kept, rows: int) -> list[Row]:
    """Trigger tokens make more replies readable, surely; where all were, none can."""
    made: list[Row] = []
    for name, way, theirs, found in _with_triggers(kept, rows):
        if fmean(theirs) < 1:
            what = f"{name}: {way}, points more of valid replies than by hand, at least"
            low = 100 * found.interval.low
            made.append(Row(what, low, None, "> 0", low > 0))
    return made


def _with_triggers(
    kept: Kept, rows: int
) -> Iterator[tuple[str, str, list[float], Comparison]]:
    """Task, way, valid replies by hand, and how those with trigger tokens compare."""
    for name in TASKS:
        by = _by_way(list(kept.of(name, rows)))
        for way, without in _UNTRIGGERED.items():
            if way in by and without in by:
                theirs = [*map(float, by[without][0].valid)]
                ours = [
                    fmean(one) for one in zip(*(c.valid for c in by[way]), strict=True)
                ]
                yield name, way, theirs, compare(ours, theirs, seed=0)


def _by_way(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    ways = {cell.key.way for cell in cells}
    return {
        way: sorted((c for c in cells if c.key.way == way), key=lambda c: c.key)
        for way in WAYS
        if way in ways
    }


def _table(name: str, cells: Sequence[Cell], rows: int) -> str:
    labels = [row["label"] for row in rows_for(TASKS[name], rows).test]
    train = [row["label"] for row in rows_for(TASKS[name], rows).train]
    usual = max(sorted({*train}), key=train.count)
    by = _by_way(cells)
    hits = [float(label == usual) for label in labels]
    recall = f"{100 * words.recall(hits, labels):.1f}"
    first = ["the usual label of the train rows", _share(hits), "-", recall, "-", "-"]
    lines = [f"| {' | '.join(first)} |"]
    for way, own in by.items():
        beside = by.get(_form_of(way), [None])[0]
        lines += [_line(way, cell, labels, beside) for cell in own]
        if len(own) > 1:
            lines.append(_mean(way, own, labels, beside))
    return "\n".join(lines) + "\n"


def _line(way: str, cell: Cell, labels: Sequence[str], beside: Cell | None) -> str:
    seed = f", seed {cell.key.seed}" if way in SEEDED else ""
    recall = words.recall([*map(float, cell.right)], labels)
    parts = [
        f"{way}{seed}",
        _share(cell.right),
        f"{100 * fmean(cell.valid):.0f}",
        f"{100 * recall:.1f}",
        "-" if beside is None or cell is beside else _beside([cell], beside),
        f"{cell.passes:.1f}" if cell.passes else "-",
    ]
    return f"| {' | '.join(parts)} |"


def _mean(
    way: str, cells: Sequence[Cell], labels: Sequence[str], beside: Cell | None
) -> str:
    recalls = [words.recall([*map(float, cell.right)], labels) for cell in cells]
    parts = [
        f"**{way}, the mean of {len(cells)}**",
        f"**{100 * _right(cells):.1f}**",
        f"{100 * fmean(fmean(cell.valid) for cell in cells):.0f}",
        f"{100 * fmean(recalls):.1f}",
        "-" if beside is None else _beside(cells, beside),
        f"{fmean(cell.passes for cell in cells):.1f}",
    ]
    return f"| {' | '.join(parts)} |"


def _beside(cells: Sequence[Cell], beside: Cell) -> str:
    """Of seeds the mean of each row: rows are what is drawn, not their repeats."""
    own = [fmean(outcomes) for outcomes in zip(*(c.right for c in cells), strict=True)]
    found = compare(own, [*map(float, beside.right)], seed=0)
    low, high = found.interval.low, found.interval.high
    return f"{100 * found.difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _share(hits: Sequence[float]) -> str:
    reach = wilson(round(sum(hits)), len(hits))
    return f"{100 * fmean(hits):.1f} [{100 * reach.low:.0f}, {100 * reach.high:.0f}]"


def _best(kept: Kept, rows: int) -> str:
    """What is trained beside the best of what trains nothing, paired by rows."""
    lines: list[str] = []
    for name in TASKS:
        by = _by_way(list(kept.of(name, rows)))
        best = _best_untrained(by)
        if not best:
            continue
        theirs = by[best][0]
        lines += [
            f"| {name}, {way} | {100 * _right(by[way]):.1f} | {best}, "
            f"{100 * theirs.share:.1f} | {_beside(by[way], theirs)} |"
            for way in TRAINED
            if way in by
        ]
    if not lines:
        return ""
    head = (
        "## What is trained, and the best that trains nothing\n\nRight answers in %, "
        "of several seeds the mean. The best was found on these test rows, so that it "
        "is flattered.\n\n"
        "| way | right, % | best untrained way | difference, paired |\n"
        "|---|---|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


def _valid(kept: Kept, rows: int) -> str:
    """What trigger tokens do for the form of the answer, paired by rows."""
    lines: list[str] = []
    for name, way, theirs, found in _with_triggers(kept, rows):
        low, high = 100 * found.interval.low, 100 * found.interval.high
        before = 100 * fmean(theirs)
        lines.append(
            f"| {name}, {way} | {before:.0f} | {before + 100 * found.difference:.0f} | "
            f"{100 * found.difference:+.1f} [{low:+.1f}, {high:+.1f}] |"
        )
    if not lines:
        return ""
    head = (
        "## Trigger tokens, and the form of the answer\n\nValid replies of the same "
        "hand prompt, in %, without and with four words found by gradients; of several "
        "seeds the mean.\n\n"
        "| task | without | with | difference, paired |\n|---|---|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


def _served(kept: Kept) -> str:
    lines: list[str] = []
    for slots in SLOTS:
        cell = kept.get(Key("both", f"served, {slots} slots", _SERVED_ROWS))
        if cell:
            lines.append(f"| {slots} | {sum(cell.right)} of {len(cell.right)} |")
    if not lines:
        return ""
    head = (
        "## Two tasks in one served model\n\nThe words of both tasks (seed 0) in one "
        "file, an unmodified llama.cpp server. Requests of both in turns, as many at "
        "once as there are slots, beside the same requests task by task, one at a "
        "time: how many answers are the same.\n\n| slots | the same |\n|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


def _memory(kept: Kept, rows: int) -> str:
    every = [cell for name in TASKS for cell in kept.of(name, rows)]
    most = max((cell.memory for cell in every), default=0)
    if not most:
        return ""
    made = sorted({tuple(sorted(cell.made_with.items())) for cell in every})
    with_ = "; ".join(", ".join(f"{k} {v}" for k, v in one) for one in made)
    return f"Most memory of the process: {most:,} MB. Measured with: {with_}.\n"
