"""APE's experiment on a real model: instructions that people wrote, raced.

For each task of the collection (`bench.induction`) the plain signature's instruction
races with all that people wrote for the task and with one of another task, by
successive halving on train and dev rows; the winner and the plain signature then
answer the test rows. Tasks are kept in runs/induction as they come, by model; the same
command goes on from there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import weft
from weft import compilers
from weft.pipeline.measure.stats import mean_interval, paired_bootstrap

from .. import BenchError, Findings, Row
from ..records import keep, records
from .instructions import Task, collection

__all__ = ["Raced", "raced", "raced_tasks"]

KEPT = Path(__file__).parents[2] / "runs" / "induction"
BUDGET = 160
MAX_TOKENS = 48
AT_ONCE = 4


@dataclass(frozen=True)
class Raced:
    """What came of one task.

    Attributes:
        task: Its name.
        whose: Whose instruction won: "plain", "people" or "another task".
        chosen: The instruction.
        before: Scores of the plain signature on the test rows, in their order.
        after: Those of the winner.
        calls: What the race cost.
    """

    task: str
    whose: str
    chosen: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    calls: int

    @property
    def gain(self) -> float:
        """The winner's mean score less that of the plain signature."""
        return (sum(self.after) - sum(self.before)) / len(self.before)

    def line(self) -> str:
        """As a table shows it."""
        scores = f"{_percent(self.before)} | {_percent(self.after)}"
        return (
            f"| {self.task} | {scores} | {self.calls} | {self.whose} | {self.chosen} |"
        )


def raced_tasks(model: str, api_base: str, tasks: str) -> Findings:
    """The table of a model, over the tasks that were raced.

    Args:
        model: As `weft.LM` takes it.
        api_base: Where it answers, or empty.
        tasks: Names with commas between; empty for all.

    Raises:
        BenchError: There is no such task.
    """
    known = collection()
    names = tasks.split(",") if tasks else list(known)
    if unknown := set(names) - set(known):
        raise BenchError(f"no task {sorted(unknown)}; there are {list(known)}")
    path = KEPT / f"{model.replace('/', '-')}.jsonl"
    found = {one.task: one for one in _kept(path)}
    lm = weft.LM(
        model,
        api_base=api_base or None,
        temperature=0,
        max_tokens=MAX_TOKENS,
        timeout=600,
    )
    for name in names:
        if name not in found:
            found[name] = raced(known[name], lm)
            keep(path, asdict(found[name]))
    return _findings(model, [found[name] for name in names])


def raced(task: Task, lm: Any) -> Raced:
    """Race the instructions of a task.

    Args:
        task: Which.
        lm: Who answers.
    """
    chance = random.Random(task.name)
    other = chance.choice([t for t in collection().values() if t.name != task.name])
    program = weft.Predict("input -> output", name="follow")
    rows = task.all_rows[: -len(task.rows["test"])]
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        report = weft.compile(
            program,
            rows[:6],
            rows[6:],
            metric=task.metric,
            compiler=compilers.TRIPLE(
                instructions=(*task.instructions, other.instruction)
            ),
            budget=f"{BUDGET} calls",
            concurrency=AT_ONCE,
        ).report
        plain = program.parameters.instruction
        chosen = str(report.winner.values.get("follow/instruction", plain))
        before, after = (
            [
                0.0 if row.score is None else row.score.value
                for row in weft.evaluate(
                    program.with_(instruction=told),
                    task.rows["test"],
                    task.metric,
                    concurrency=AT_ONCE,
                ).rows
            ]
            for told in (plain, chosen)
        )
    whose = {plain: "plain", other.instruction: "another task"}.get(chosen, "people")
    return Raced(task.name, whose, chosen, tuple(before), tuple(after), report.calls)


def _kept(path: Path) -> Iterator[Raced]:
    """The tasks on disk; a last line may be torn."""
    for record in records(path):
        for name in ("before", "after"):
            record[name] = tuple(record[name])
        yield Raced(**record)


def _findings(model: str, found: Sequence[Raced]) -> Findings:
    """The table, and how often the winner is better; nothing is promised."""
    lines = [
        "| task | plain | raced | calls | whose | the instruction that won |",
        "|---|---:|---:|---:|---|---|",
        *(one.line() for one in found),
    ]
    gains = [one.gain for one in found]
    interval = paired_bootstrap(gains, seed=0).interval
    better, worse = sum(g > 0 for g in gains), sum(g < 0 for g in gains)
    what = f"{model}, of {len(found)} tasks"
    people = sum(one.whose == "people" for one in found)
    mean = sum(gains) / len(gains)
    return Findings(
        [
            Row(f"{what}: better with the raced instruction", better, worse),
            Row(f"{what}: people's instruction won", people),
            Row(f"{what}: mean gain {interval}", mean),
        ],
        "\n".join(lines),
    )


def _percent(scores: Sequence[float]) -> str:
    interval = mean_interval(scores, seed=0)
    mean = sum(scores) / len(scores)
    return f"{100 * mean:.0f} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"
