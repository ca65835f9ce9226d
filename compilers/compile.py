"""Compiling: (program, data, metric, budget) to a better program, or the same one.

What a compile does is in `driver`, which is imported when the first one begins: a
program that is only run pays nothing for its compilers.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ParamSpec,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from ..pipeline.errors import ConfigError
from ..pipeline.ground.lazy import deferred, public_names
from ..pipeline.ground.options import checked, checked_with
from ..pipeline.run.bridge import waits_for

if TYPE_CHECKING:
    from ..pipeline.calls.budget import Budget, Ledger
    from ..pipeline.graph.module import Module
    from ..pipeline.graph.program import Program
    from ..pipeline.measure.score import Metric
    from . import auto, recipe
    from .driving import driver, plan
    from .driving.plan import Rows, Shower
    from .recipe import Compiler
    from .result import Result
    from .search.cost import Quote
else:
    auto = deferred("weft.compilers", "auto")
    recipe = deferred("weft.compilers", "recipe")
    driver = deferred("weft.compilers.driving", "driver")
    plan = deferred("weft.compilers.driving", "plan")

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Module[..., Any]")


class CompileOptions(TypedDict, total=False):
    """What a compile is run with, beside what it works on; see `compile`."""

    seed: int
    run_dir: str | Path | None
    concurrency: int
    keep: Sequence[str]
    teacher: Shower | None
    passing: float | None
    advice: bool


@overload
async def acompile(
    program: Program[P, R],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[P, R]: ...
@overload
async def acompile(
    program: M,
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, M]: ...
@checked_with(CompileOptions.__annotations__)
async def acompile(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, Any]:
    """As `compile`, without blocking the event loop."""
    return await driver.drive(
        program,
        train,
        val,
        metric=metric,
        compiler=chosen(compiler),
        budget=budget,
        terms=plan.Terms(**options),
    )


@overload
def compile(  # noqa: A001 - the field's own word, as in weft.compile
    program: Program[P, R],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[P, R]: ...
@overload
def compile(  # noqa: A001 - the field's own word, as in weft.compile
    program: M,
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    **options: Unpack[CompileOptions],
) -> Result[..., Any, M]: ...
@checked_with(CompileOptions.__annotations__)
@waits_for(cast("Any", acompile))
def compile() -> None:  # noqa: A001 - the field's own word, as in weft.compile
    """Compile a program: find better instructions and demos for its modules.

    Args:
        program: A program, or a module; it is not changed.
        train: Rows with labels. Where no `val` is given, the select rows come from it.
        val: Rows to select on; sealed rows are cut from it and from `train`.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        compiler: How to search; `Auto()` when None.
        budget: "$2", "500 calls", "200k tokens", "10 min", or several of them.
        options: `seed` (0): every random choice follows from it. `run_dir`: where each
            paid answer is journaled; the same call resumes from there. `concurrency`
            (64): how many rows run at once; it does not change the result. `keep`: what
            stays byte for byte: a parameter such as "qa/instruction", all of a module
            such as "qa", or a sentence of an instruction. `teacher`: a model, or a
            program with modules of the same names, whose passing runs are shown as
            demos; by default the program's own are. `passing`: the score in (0, 1] from
            which a run passes for a demo; without it that is 1, and 0.5 where no run
            scores 1. `advice` (True): whether scores are looked through for what is odd
            about the metric; the report holds what was found, and nothing is refused.

    Returns:
        The likelier better of the compiled program and the given one, by sealed rows
        and what the search saw; a module where a module was given.

    Raises:
        SetupError: Something is wrong with the rows, the metric, the model or the
            budget; nothing was paid for.
        CompileError: A row could not be scored for a reason that is no model's.
        Paused: Somebody paused the run in `run_dir`; the same call goes on.
    """


@checked
def quote(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    seed: int = 0,
    teacher: Shower | None = None,
    keep: Sequence[str] = (),
) -> Quote:
    """What `compile` would cost with these arguments; no model is called.

    Raises:
        SetupError: As `compile`.
    """
    terms = plan.Terms(seed=seed, teacher=teacher, keep=keep)
    return plan.plan_of(program, train, val, metric, chosen(compiler), terms).quote


def chosen(compiler: Compiler | None) -> Compiler:
    """The compiler that a user named; `Auto()` where none was.

    Raises:
        ConfigError: It is none; the message says which one may be meant.
    """
    if compiler is None:
        return auto.Auto()
    given = cast(object, compiler)
    if isinstance(given, recipe.Compiler):
        return given
    meant = given.__name__ if inspect.isclass(given) else str(given)
    known = {name.casefold(): name for name in public_names("compiler")}
    nearest = difflib.get_close_matches(meant.casefold(), known, n=1)
    name = known[nearest[0]] if nearest else "Auto"
    raise ConfigError(
        f"{given!r} is no compiler", hint=f"Give one such as weft.compilers.{name}()"
    )
