"""Compiles on real rows with the offline stand-in: what is gained, and at what price.

The rows stand beside the checkout, in `../shared/data`; without them nothing is
measured. `embedded` is no language model: it learns from demonstrations and from cues
that an instruction spells out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import weft
from weft import compilers

from . import Findings, Row
from ._data import DATA, lines_of

__all__ = ["run"]

LABELS = "label"
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    """A task with its rows.

    Args:
        name: As the table calls it.
        program: What is compiled.
        metric: Higher is better, in [0, 1].
        rows: "train", "dev" and "test"; a compile never sees the last.
    """

    name: str
    program: weft.Predict[..., Any]
    metric: Any
    rows: Rows


def run(seeds: int = 1) -> list[Row]:
    """The tables; no row where the data are not there.

    Args:
        seeds: Compiles of each task by each compiler.
    """
    if not DATA.exists():
        return Findings([], f"realdata: there is no folder {DATA}")
    lines = [
        "| task | compiler | as it was | compiled | claimed | calls | below the seed |",
        "|---|---|---|---|---|---|---|",
    ]
    with weft.use(lm="embedded"):
        for task in tasks():
            lines += [_line(task, compiler, seeds) for compiler in COMPILERS]
    return Findings([], "\n".join(lines))


COMPILERS = (
    compilers.BootstrapFewShot(),
    compilers.BootstrapRandomSearch(),
    compilers.APE(),
    compilers.Auto(),
)


def tasks() -> Iterator[Task]:
    """Labels that say nothing, names that do, Korean, three fields, and a control."""
    banking = read("banking10")
    names = sorted({row[LABELS] for row in banking["train"]})
    codes = {name: f"K{at}" for at, name in enumerate(names)}
    opaque = _relabelled(banking, LABELS, codes)
    yield classification("banking10, opaque codes", opaque)
    clinc = _relabelled(read("clinc150_oos"), "domain", {})
    yield classification("clinc150_oos, domain", clinc)
    yield classification("chatbot_ko", read("chatbot_ko"))
    yield _facility()
    yield classification("scone_nli (control)", read("scone_nli"))


def classification(name: str, rows: Rows) -> Task:
    """One label of a few, from all inputs."""
    labels = tuple(sorted({row[LABELS] for part in rows.values() for row in part}))
    inputs = ", ".join(n for n in rows["train"][0] if n not in {LABELS, "id"})
    program = weft.Predict(
        f"{inputs} -> label: Label",
        "Give the label.",
        name="classify",
        types={"Label": Literal[labels]},
    )
    return Task(name, program, weft.metrics.exact(LABELS), rows)


def _facility() -> Task:
    rows = read("facility_support")
    levels = {
        n: tuple(sorted({row[n] for row in rows["train"]}))
        for n in ("urgency", "sentiment")
    }
    kinds = tuple(sorted({c for row in rows["train"] for c in row["categories"]}))
    program = weft.Predict(
        "message -> urgency: Urgency, sentiment: Sentiment, categories: list[Kind]",
        "Sort the message.",
        name="sort",
        types={
            "Urgency": Literal[levels["urgency"]],
            "Sentiment": Literal[levels["sentiment"]],
            "Kind": Literal[kinds],
        },
    )
    fields = {
        "urgency": weft.metrics.exact("urgency"),
        "sentiment": weft.metrics.exact("sentiment"),
        "categories": weft.metrics.set_match("categories"),
    }
    return Task("facility_support", program, weft.metrics.fields(fields), rows)


def read(name: str) -> Rows:
    """Rows of a data file by split, inputs and outputs in one mapping."""
    found: Rows = {"train": [], "dev": [], "test": []}
    for row in lines_of(name):
        domain = {k: v for k, v in row["meta"].items() if k == "domain"}
        flat = {**row["inputs"], **row["outputs"], **domain, "id": row["id"]}
        found[row["split"]].append(flat)
    return found


def _relabelled(rows: Rows, by: str, codes: Mapping[str, str]) -> Rows:
    """Rows labelled by another of their fields, or by codes of its values."""
    return {
        split: [
            {
                **{name: value for name, value in row.items() if name != by},
                LABELS: codes.get(row[by], row[by]),
            }
            for row in part
        ]
        for split, part in rows.items()
    }


def _line(task: Task, compiler: compilers.Compiler, seeds: int) -> str:
    with weft.use(cache=weft.MemoryCache()):
        before = weft.evaluate(task.program, task.rows["test"], task.metric).mean
        after: list[float] = []
        claimed: list[float] = []
        calls: list[int] = []
        for seed in range(seeds):
            result = weft.compile(
                task.program,
                task.rows["train"],
                task.rows["dev"],
                metric=task.metric,
                compiler=compiler,
                seed=seed,
            )
            found = weft.evaluate(result.program, task.rows["test"], task.metric)
            after.append(found.mean)
            report = result.report
            sealed = report.score if report.returned else report.seed_score
            claimed.append(sealed.mean)
            calls.append(report.calls)
    worse = sum(value < before for value in after)
    means = (before, statistics.mean(after), statistics.mean(claimed))
    scores = " | ".join(f"{100 * value:.1f}" for value in means)
    name = compiler.describe()["name"]
    spent = f"{statistics.mean(calls):.0f}"
    return f"| {task.name} | {name} | {scores} | {spent} | {worse} of {seeds} |"
