"""Recompiling: a program for another model, from what an earlier compile found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, cast, overload

from ..pipeline.artifact.load import load
from ..pipeline.calls.budget import Budget, Ledger
from ..pipeline.data.rows import digest_rows
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given, as_program, origin
from ..pipeline.ground.options import checked_with
from ..pipeline.lm.lm import LanguageModel, as_lm
from ..pipeline.measure.score import Metric
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import rows_of
from ..pipeline.run.settings import current, use
from .compile import CompileOptions, chosen
from .driving.driver import drive
from .driving.plan import Rows, Terms, kept
from .port import Port
from .propose.lines import sentences
from .recipe import Compiler
from .result import Result

_MOST_LINES = 32

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Module[..., Any]")


@overload
def recompile(
    program: Program[P, R],
    train: Rows,
    val: Rows | None = None,
    *,
    lm: str | LanguageModel,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[P, R]: ...
@overload
def recompile(
    program: M,
    train: Rows,
    val: Rows | None = None,
    *,
    lm: str | LanguageModel,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, M]: ...
@overload
def recompile(
    program: str | Path,
    train: Rows,
    val: Rows | None = None,
    *,
    lm: str | LanguageModel,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, Any]: ...
@checked_with(CompileOptions.__annotations__)
def recompile(
    program: Program[..., Any] | Module[..., Any] | str | Path,
    train: Rows,
    val: Rows | None = None,
    *,
    lm: str | LanguageModel,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, Any]:
    """Fit a compiled program to another model, with few calls.

    The old prompt is where the search starts, and each of its lines is tried again; see
    `Port`. Rows that it shows as demos only teach: they prove nothing about it. With
    the rows of the compile that made it the split is the old one, so that nothing it
    was tuned on is measured.

    Args:
        program: The compiled program, or the path of its artifact; one that calls steps
            is loaded first: `weft.load(path, steps=[...])`.
        train: Rows with labels, best those of the first compile.
        val: As for `compile`.
        lm: The new model. It answers for every module, also those that had their own.
        metric: As for `compile`.
        compiler: How to search; when None `Port`, with room for up to 32 old lines.
        budget: As for `compile`.
        options: As for `compile`. `seed` is that of the compile that made an artifact
            where the rows are the same, else 0.

    Returns:
        As `compile`: the likelier better of the ported program and the old one, both
        measured with the new model.

    Raises:
        SetupError: As `compile`.
        ArtifactError: The artifact cannot be loaded without its live program.
        CompileError: As `compile`.
    """
    loaded = load(program) if isinstance(program, str | Path) else program
    given = as_program(loaded)
    model = as_lm(lm)
    own = {
        path: module.with_(lm=model)
        for path, module in given.modules.items()
        if module.lm is not None or module.parameters.model is not None
    }
    train, val = kept(train), None if val is None else kept(val)
    came = origin(given)
    told: Mapping[str, Any] = {} if came is None else came.provenance
    terms: dict[str, Any] = {"seed": _seed_of(given, told, train, val), **options}
    moved = given.with_modules(own)
    others = {k: v for k, v in current().lms.items() if k not in given.modules}
    with use(lm=model, lms=others):
        return run_sync(
            drive(
                as_given(moved, loaded),
                train,
                val,
                metric=metric,
                compiler=chosen(compiler or Port(lines=_lines(given))),
                budget=budget,
                terms=Terms(**terms, parent=told),
            )
        )


def _lines(program: Program[..., Any]) -> int:
    """How many sentences the instructions have, of those that can be left out."""
    parts = [sentences(m.parameters.instruction) for m in program.modules.values()]
    return min(_MOST_LINES, max(1, sum(len(own) for own in parts if len(own) > 1)))


def _seed_of(
    program: Program[..., Any],
    told: Mapping[str, Any],
    train: Rows,
    val: Rows | None,
) -> int:
    """The seed of the compile that made a program, if it was on these rows.

    `told` is what its artifact says of its making.
    """
    seed, parts = told.get("seed"), {"train": train, "val": val}
    data = {
        name: digest_rows(rows_of(program.inputs, rows))
        for name, rows in parts.items()
        if rows is not None
    }
    known = isinstance(seed, int) and not isinstance(seed, bool)
    return cast(int, seed) if known and told.get("data") == data else 0
