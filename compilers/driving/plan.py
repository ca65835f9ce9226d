"""The plan of a compile: everything that is settled before the first call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...pipeline.data.example import Example
from ...pipeline.data.rows import digest_rows
from ...pipeline.errors import ConfigError, DataError
from ...pipeline.graph.digest import program_digest
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_program
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.measure.score import Metric, metric_name
from ..auto import Auto
from ..recipe import Compiler, Recipe
from ..teacher import Teacher
from .check import (
    models_of,
    require_compiler,
    require_models,
    require_paths,
    require_recipes,
    require_terms,
    require_writer,
    rows_for,
)
from .judge import Judging, require_metric
from .keeping import Keeping, wishes
from .quote import Quote, quote_of
from .split import split_for, without_learnt
from .task import Split

Rows = Iterable[Any] | str | Path
Shower = str | LanguageModel | Program[..., Any] | Module[..., Any]


def kept(rows: Rows) -> Rows:
    """Rows that can be read more than once; an iterator is read into a list."""
    return list(rows) if isinstance(rows, Iterator) else rows


@dataclass(frozen=True)
class Terms:
    """What a compile is run with; see `compile`.

    Args:
        seed: Every random choice follows from it.
        run_dir: Where each paid answer is journaled.
        concurrency: How many rows run at once.
        keep: What stays byte for byte.
        teacher: Who shows how it is done, or None.
        learnt: Whether rows that the program's demos come from may only teach.
    """

    seed: int = 0
    run_dir: str | Path | None = None
    concurrency: int = 64
    keep: Sequence[str] = ()
    teacher: Shower | None = None
    learnt: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that is settled before the first call."""

    program: Program[..., Any]
    metric: str
    compiler: Compiler
    recipes: tuple[Recipe, ...]
    split: Split
    terms: Terms
    data: dict[str, str]
    models: dict[str, str]
    quote: Quote
    keeping: Keeping
    judging: Judging
    teacher: Teacher | None

    @property
    def shorter(self) -> bool:
        """Whether a shorter prompt of the same score is a gain."""
        return any(recipe.shorter for recipe in self.recipes)

    @property
    def identity(self) -> dict[str, Any]:
        """What a journal must agree on to be resumed."""
        return {
            "program": program_digest(self.program),
            "metric": self.metric,
            "compiler": self.compiler.describe(),
            "seed": self.terms.seed,
            "data": self.data,
            "models": self.models,
            "keep": wishes(self.terms.keep),
            **({"teacher": self.teacher.name} if self.teacher else {}),
            **({"learnt": True} if self.terms.learnt else {}),
        }


async def plan_of(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None,
    metric: Metric,
    compiler: Compiler | None,
    terms: Terms,
) -> Plan:
    """Check everything and count what it will cost; no model is called.

    Raises:
        SetupError: Something is wrong; nothing was paid for.
    """
    made = as_program(program)
    if not made.modules:
        raise ConfigError(
            f"program {made.name!r} calls no module, so there is nothing to compile",
            hint="Name the modules that a step calls: @weft.step(uses=[module])",
        )
    chosen = compiler or Auto()
    require_compiler(chosen)
    require_terms(terms.seed, terms.run_dir)
    rows = rows_for(made, train, "train")
    others = None if val is None else rows_for(made, val, "val")
    require_models(made)
    judging = await require_metric(metric, (*rows, *(others or ())), made)
    teacher = Teacher.of(terms.teacher, made)
    recipes = require_recipes(chosen)
    require_writer(made, recipes)
    require_paths(made, recipes)
    raced = any(recipe.racer is not None for recipe in recipes)
    split = split_for(rows, others, terms.seed, raced=raced)
    if terms.learnt:
        split = without_learnt(split, made)
    if others is not None:
        _refuse_seen(others, rows)
    _refuse_too_few(split, raced=raced)
    data = {"train": digest_rows(rows)}
    if others is not None:
        data["val"] = digest_rows(others)
    return Plan(
        made,
        metric_name(metric),
        chosen,
        recipes,
        split,
        terms,
        data,
        models_of(made, recipes),
        quote_of(made, split, recipes, judging, teacher),
        Keeping.of(made, terms.keep),
        judging,
        teacher,
    )


def _refuse_seen(val: Sequence[Example], train: Sequence[Example]) -> None:
    if {row.digest for row in val} <= {row.digest for row in train}:
        raise DataError(
            f"each of the {len(val)} rows of val is in train too, so that none is "
            "left to select on",
            hint="Give other rows as val; without val they are cut from train",
        )


def _refuse_too_few(split: Split, *, raced: bool) -> None:
    parts = {"train": split.train, "sealed": split.sealed}
    if raced:
        parts["select"] = split.select
    empty = [name for name, rows in parts.items() if not rows]
    if empty:
        raise DataError(
            f"there are too few different rows: none is left for {empty[0]}",
            hint=f"Give at least {len(parts)}; some sixty begin to show a gain",
        )
