"""weft beside DSPy on real small models: one server, the same rows, the same score.

`python -m bench real --models smollm2=FILE.gguf,gemma=URL` measures what is not there
yet and prints the tables. `--tasks`, `--arms` and `--rows` choose cells; `--compile`
takes the compiles in place of the zero-shot cells. `--write` writes docs/bench-real.md
and measures nothing where no model is named; `--drop` forgets the chosen cells, so that
the next start measures them anew. Cells are kept in bench/real/cells.jsonl, each as it
comes: the repository holds those that docs/bench-real.md is written from, and the same
command goes on from there. What passed the server is in runs/real/wire. A model that is
a file is served by llama.cpp: `WEFT_LLAMA_PYTHON` names an interpreter that holds
xllamacpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import BenchError, Findings, Row
from .arms import COMPILED, ZERO_SHOT, arm_of
from .cells import Kept, Key
from .page import page, zero_shot
from .running import Session
from .serving import Model, models_of
from .tables import Cells, bars
from .tasks import DATA, TASKS

__all__ = ["Choice", "measured", "run"]

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_name("cells.jsonl")
PAGE = ROOT / "docs" / "bench-real.md"
NATURAL, OPAQUE = "banking10", "banking10-codes"
ROWS, COMPILED_ROWS = 40, 100
SEEDS = 3


@dataclass(frozen=True)
class Choice:
    """Which cells, of those that there could be.

    Args:
        tasks: Names with commas between; empty for all.
        arms: The same.
        rows: Test rows of a cell; 0 for 40, or for 100 after compiling.
        seeds: Compiles of each arm.
        compiling: Compiles in place of zero-shot cells.
    """

    tasks: str = ""
    arms: str = ""
    rows: int = 0
    seeds: int = SEEDS
    compiling: bool = False

    def keys(self, model: str) -> list[Key]:
        """The cells of a model, in the order in which they are measured.

        Raises:
            BenchError: There is no such task or arm.
        """
        tasks = self.tasks.split(",") if self.tasks else self._tasks(model)
        if unknown := set(tasks) - set(TASKS):
            raise BenchError(f"no task {sorted(unknown)}; there are {list(TASKS)}")
        known = ("weft", "dspy", *COMPILED) if self.compiling else ZERO_SHOT
        arms = self.arms.split(",") if self.arms else list(known)
        rows = self.rows or (COMPILED_ROWS if self.compiling else ROWS)
        found: list[Key] = []
        for arm in arms:
            if arm not in COMPILED:
                arm_of(arm)
            seeds = range(self._seeds(model)) if arm in COMPILED else range(1)
            found += [Key(t, model, arm, rows, seed) for t in tasks for seed in seeds]
        return found

    def _tasks(self, model: str) -> list[str]:
        if not self.compiling:
            return [name for name in TASKS if name != OPAQUE]
        return [NATURAL] if model == "gemma" else [NATURAL, OPAQUE]

    def _seeds(self, model: str) -> int:
        return 1 if model == "gemma" else self.seeds


def run(
    models: str = "",
    tasks: str = "",
    arms: str = "",
    rows: int = 0,
    seeds: int = SEEDS,
    compiling: bool = False,
    drop: bool = False,
    write: bool = False,
) -> list[Row]:
    """The tables and the bars; no row where no model is named and nothing is written.

    Args:
        models: NAME=WHERE with commas between; WHERE is an address or a GGUF file.
        tasks: Names with commas between; empty for all.
        arms: The same.
        rows: Test rows of a cell; 0 for 40, or for 100 after compiling.
        seeds: Compiles of each arm.
        compiling: Compiles in place of zero-shot cells.
        drop: Forget the chosen cells, and measure nothing.
        write: Write the page.
    """
    choice = Choice(tasks, arms, rows, seeds, compiling)
    if not DATA.exists():
        return Findings([], f"real: there is no folder {DATA}")
    if not models and not write:
        return Findings([], "real: no model is named (--models NAME=URL or FILE.gguf)")
    return measured(Kept(KEPT), models_of(models), choice, drop=drop, write=write)


def measured(
    kept: Kept,
    models: Sequence[Model],
    choice: Choice,
    *,
    drop: bool = False,
    write: bool = False,
) -> Findings:
    """Measure what is not kept yet; the tables of all cells, and a row a bar."""
    if drop:
        gone = {key for model in models for key in choice.keys(model.name)}
        return Findings([], f"real: {kept.drop(gone)} cells dropped")
    session = Session(kept)
    for model in models:
        session.measure(model, kept.missing(choice.keys(model.name)))
    cells = Cells(kept.found, choice.rows or ROWS)
    if write:
        PAGE.write_text(page(kept.found, cells.rows, COMPILED_ROWS), encoding="utf-8")
    names = sorted({key.model for key in kept.found}, reverse=True)
    bars_met = [row for name in names for row in bars(cells, name)]
    return Findings(bars_met, "\n".join(zero_shot(cells)))
