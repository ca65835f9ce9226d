"""Prompts that are not text, on a small real model: what training them is worth here.

SmolLM2-135M on ten intents of a bank and on lines of verse, in this process. On the
same rows: the hand-written prompt, the same decided by calibrated probabilities, words
that were found, demonstrations, trained soft words, and tuned weights (LoRA). It takes
an hour and more of one core; `--tasks`, `--seeds` and `--rows` make it shorter.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from typing import Any

import weft
from weft import compilers
from weft.pipeline.errors import ConfigError
from weft.pipeline.measure.evaluate import Evaluation

from . import BenchError, Findings, Row
from .real.tasks import DATA, TASKS, Task

__all__ = ["run"]

NAMED = ("banking10", "poem_sentiment")
_STEPS = 160
_TUNED = 60
_OPTIONS: dict[str, Any] = {"temperature": 0, "max_tokens": 24, "base": True}


def run(
    seeds: int = 3, tasks: str = ",".join(NAMED), rows: int = 200, local: str = ""
) -> list[Row]:
    """Measure each way on each task.

    Args:
        seeds: How many seeds of training.
        tasks: Of these tasks, with commas between.
        rows: Test rows at the most.
        local: Another model than SmolLM2: a path.
    """
    try:
        lm = weft.LM(f"torch/{local or 'smollm2'}", **_OPTIONS)
    except ConfigError as error:
        raise BenchError(str(error)) from None
    if not DATA.is_dir():
        raise BenchError(f"the rows are not there: {DATA}")
    found: list[Row] = []
    lines: list[str] = []
    for name in tasks.split(","):
        task = TASKS.get(name)
        if task is None:
            raise BenchError(f"there is no task {name!r}; give {', '.join(TASKS)}")
        for row, line in _measured(task, lm, seeds, rows):
            found.append(row)
            lines.append(line)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines.append(f"peak memory {most:,} MB")
    return Findings(found, "\n".join(lines))


def _measured(
    task: Task, lm: weft.LM, seeds: int, rows: int
) -> Iterator[tuple[Row, str]]:
    wanted = (("train", 200), ("dev", 40), ("test", rows))
    train, val, test = (_rows(task, split, most) for split, most in wanted)
    (label,) = task.outputs
    metric = weft.metrics.exact(label)
    program: Any = _program(task, lm)
    with weft.use(cache=weft.MemoryCache()):
        began = time.process_time()
        hand = weft.evaluate(program, test, metric=metric)
        one_pass = (time.process_time() - began) / len(test) * len(train)
        yield _told(task, "hand prompt", hand, None)
        few = [{n: row[n] for n in task.inputs} for row in val]
        judge: Any = weft.calibrate(weft.Classify(program), few)
        bar = weft.evaluate(judge, test, metric=metric)
        yield _told(task, "hand prompt, calibrated probabilities", bar, None)
        for what, compiler in _text_ways():
            made = weft.compile(program, train, val, metric=metric, compiler=compiler)
            scores = weft.evaluate(made.program, test, metric=metric)
            yield _told(task, what, scores, bar)
        for way in _trained_ways():
            for seed in range(seeds):
                began = time.process_time()
                made = weft.compile(
                    program, train, val, metric=metric, compiler=way, seed=seed
                )
                ratio = (time.process_time() - began) / max(one_pass, 1e-9)
                scores = weft.evaluate(made.program, test, metric=metric)
                name = type(way).__name__
                what = f"{name}, seed {seed}, {ratio:.1f} passes over the rows"
                yield _told(task, what, scores, bar)


def _text_ways() -> list[tuple[str, compilers.Compiler]]:
    return [
        ("TriggerTokens", compilers.TriggerTokens()),
        ("4 demos", compilers.LabeledFewShot(demos=4)),
        ("16 demos", compilers.LabeledFewShot(demos=16)),
    ]


def _trained_ways() -> list[compilers.Compiler]:
    """Those that train, each in the form of the hand prompt."""
    return [
        compilers.PromptTuning(steps=_STEPS, snapshots=1),
        compilers.LoRA(steps=_TUNED, snapshots=1),
    ]


def _told(
    task: Task, what: str, scores: Evaluation, bar: Evaluation | None
) -> tuple[Row, str]:
    """A line of the common table, and one of the details."""
    valid = sum(not row.model_failed for row in scores.rows) / len(scores.rows)
    percent = 100 * scores.mean
    row = Row(f"{task.name}: {what}", percent, 100 * bar.mean if bar else None)
    line = f"{task.name:16} {what:60} {percent:5.1f} right, {100 * valid:5.1f} valid"
    return row, line


def _program(task: Task, lm: weft.LM) -> Any:
    types = {**task.inputs, **task.outputs}
    fields = [
        ", ".join(f"{n}: T_{n}" for n in side) for side in (task.inputs, task.outputs)
    ]
    known = {f"T_{name}": kind for name, kind in types.items()}
    asked = " -> ".join(fields)
    return weft.Predict(
        asked, task.instruction, name="task", lm=lm, repairs=0, types=known
    )


def _rows(task: Task, split: str, most: int) -> list[dict[str, Any]]:
    return [{**row.inputs, **row.outputs} for row in task.sample(split, most)]
