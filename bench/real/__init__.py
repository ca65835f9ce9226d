"""weft beside DSPy on real small models: one server, the same rows, the same score.

`python -m bench real --models smollm2=FILE.gguf,gemma=URL` measures what is not there
yet and prints the tables; `--tasks`, `--arms` and `--rows` choose cells, `--compile`
takes the compiles in place of the zero-shot cells, `--drop` forgets the chosen cells
and measures nothing, `--write` writes docs/bench-real.md. Cells are kept in runs/real.
"""

from __future__ import annotations

from pathlib import Path

from .. import Findings, Row
from .arms import COMPILED, ZERO_SHOT, arm_of
from .cells import Kept, Key
from .running import Session
from .serving import models_of
from .tasks import DATA, TASKS

__all__ = ["run"]

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "runs" / "real" / "cells.jsonl"
PLAIN = tuple(name for name in TASKS if name != "banking10-codes")


def run(
    models: str = "",
    tasks: str = "",
    arms: str = "",
    rows: int = 40,
    llama: Path | None = None,
    drop: bool = False,
) -> list[Row]:
    """Measure."""
    kept = Kept(KEPT)
    names = arms.split(",") if arms else list(ZERO_SHOT)
    chosen = tasks.split(",") if tasks else list(PLAIN)
    session = Session(kept, llama)
    for model in models_of(models):
        keys = [Key(t, model.name, a, rows) for a in names for t in chosen]
        session.measure(model, kept.missing(keys))
    return []
