"""Prompts that are not text, on a small real model: what training them is worth.

SmolLM2-135M in this process, on ten intents of a bank and the mood of verses. On the
same test rows: the hand-written prompt, the same decided by calibrated probabilities,
as chat and as a cloze, words that were found, demonstrations, an optimized text,
trigger tokens, trained soft words and tuned weights (LoRA). Then both tasks' words in
one served model. `--tasks`, `--ways`, `--seeds` and `--rows` choose cells. Each is kept
in bench/whitebox/cells.jsonl as it comes, and a second start goes on from there;
`--write` writes docs/bench-whitebox.md from what is there. All of it takes some hours
of one core.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import weft
from weft.pipeline.errors import ConfigError

from .. import BenchError, Findings, Row
from ..real.tasks import DATA
from .cells import Cell, Kept, Key
from .page import page, rows_of
from .served import interleaved
from .ways import (
    CLOZE,
    OPTIONS,
    PLAIN,
    SEEDED,
    TASKS,
    WAYS,
    Split,
    Task,
    asked,
    compiled,
    hand,
    in_words,
    rows_for,
)

__all__ = ["run"]

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_name("cells.jsonl")
PAGE = ROOT / "docs" / "bench-whitebox.md"
RUNS = ROOT / "runs" / "whitebox"
MODEL = "smollm2"
SERVED_ROWS = 50
_PASS_ROWS = 20


def run(
    tasks: str = ",".join(TASKS),
    ways: str = ",".join(WAYS),
    seeds: int = 3,
    rows: int = 100,
    write: bool = False,
) -> list[Row]:
    """Measure what is not there yet.

    Args:
        tasks: Of these tasks, with commas between.
        ways: These ways, with commas between; empty for none.
        seeds: How many seeds of what is trained.
        rows: Test rows.
        write: Write the page.

    Raises:
        BenchError: The model, its libraries or the rows are not there.
    """
    if not DATA.is_dir():
        raise BenchError(f"the rows are not there: {DATA}")
    named = [_one_of(TASKS, name) for name in tasks.split(",")]
    chosen = [_one_of(WAYS, way) for way in ways.split(",")] if ways else []
    kept = Kept(KEPT)
    for name in named:
        _measure(name, chosen, seeds, rows, kept)
    if CLOZE in chosen and len(named) > 1:
        _measure_served(named, rows, kept)
    text = page(kept, rows, MODEL)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    return Findings(rows_of(kept, rows), text)


def _one_of(known: Sequence[str] | dict[str, Task], name: str) -> str:
    if name not in known:
        raise BenchError(f"there is no {name!r}; give {', '.join(known)}")
    return name


def _measure(name: str, ways: Sequence[str], seeds: int, rows: int, kept: Kept) -> None:
    """The cells of a task that are not there."""
    every = [
        Key(name, way, rows, seed)
        for way in ways
        for seed in range(seeds if way in SEEDED else 1)
    ]
    missing = [key for key in every if kept.get(key) is None]
    if not missing:
        return
    task, split = TASKS[name], rows_for(TASKS[name], rows)
    try:
        one_pass = _one_pass(task, split)
        for key in missing:
            print(f"{key.task}: {key.way}, seed {key.seed}", flush=True)
            kept.add(_cell(key, task, split, one_pass))
    except ConfigError as error:
        raise BenchError(str(error)) from None


def _cell(key: Key, task: Task, split: Split, one_pass: float) -> Cell:
    with weft.use(cache=weft.MemoryCache()):
        if key.way in PLAIN:
            found = PLAIN[key.way](task, _model, split)
        else:
            lm = _model(base=True)
            found = compiled(task, lm, split, key.way, key.seed, _artifact(key))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    passes = round(found.seconds / one_pass, 2)
    return Cell(
        key, found.right, found.valid, passes, found.calls, memory, _made_with()
    )


def _one_pass(task: Task, split: Split) -> float:
    """Processor seconds of the hand-written prompt over the train rows, untrained."""
    with weft.use(cache=None):
        program = hand(task, _model(base=True))
        asked(program, split.train[:1])
        began = time.process_time()
        asked(program, split.train[:_PASS_ROWS])
        return (time.process_time() - began) / _PASS_ROWS * len(split.train)


def _measure_served(names: Sequence[str], rows: int, kept: Kept) -> None:
    keys = [Key(name, CLOZE, rows) for name in names]
    if kept.get(Key("both", "served, 4 slots", SERVED_ROWS)):
        return
    paths = [_artifact(key) for key in keys]
    if not all(path.exists() for path in paths):
        raise BenchError(
            f"the artifacts are not in {RUNS}: their cells were measured elsewhere; "
            f"drop those of {CLOZE}, seed 0, to train them here"
        )
    tests = [
        in_words(TASKS[name], rows_for(TASKS[name], rows).test[:SERVED_ROWS])
        for name in names
    ]
    found = interleaved(MODEL, paths, tests, RUNS / "baked.gguf")
    for slots, same in found.items():
        key = Key("both", f"served, {slots} slots", SERVED_ROWS)
        alike = tuple(map(int, same))
        kept.add(Cell(key, alike, alike, made_with=_made_with()))


def _model(base: bool = False) -> weft.LM:
    return weft.LM(f"torch/{MODEL}", base=base, **OPTIONS)


def _artifact(key: Key) -> Path:
    name = hashlib.sha256(key.way.encode()).hexdigest()[:8]
    return RUNS / key.task / f"{name}-{key.seed}" / f"{key.task}.weft.json"


def _made_with() -> dict[str, str]:
    versions = {n: importlib.metadata.version(n) for n in ("torch", "transformers")}
    return {"model": MODEL, "date": f"{datetime.now(UTC):%Y-%m-%d}", **versions}
