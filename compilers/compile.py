"""The driver: (program, data, metric, budget) to a better program, or the same one.

    quote -> split (train, select, sealed) -> headroom run of the seed
          -> rounds of: propose, drop doubles, race on one row order
          -> verify the best and the seed once, on sealed rows
          -> the better of the two, with what it cost

Nothing given is ever changed. Every model call is booked on one ledger, proposals and
verification too. The same seed and the same answers give the same result, whatever the
concurrency and whether the cache was warm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from ..pipeline.artifact import SUFFIX, program_digest, save
from ..pipeline.bridge import run_sync
from ..pipeline.budget import Budget, Ledger
from ..pipeline.data import digest_rows
from ..pipeline.errors import ArtifactError, ConfigError, DataError
from ..pipeline.evaluate import Evaluation
from ..pipeline.metrics import Metric, metric_name
from ..pipeline.module import Module
from ..pipeline.options import checked
from ..pipeline.program import Program, as_program
from ..pipeline.runtime import current, ledger_of
from .allowance import Allowance
from .auto import Auto
from .candidate import Candidate
from .check import (
    models_of,
    require_metric,
    require_models,
    require_writer,
    rows_for,
    writer_of,
)
from .journal import journaled
from .keeping import Keeping
from .progress import progress_in
from .provenance import provenance_of
from .quote import Quote, quote_of
from .recipe import Compiler, Recipe
from .report import Report, Result
from .search import search
from .split import split_for
from .task import Split, Task, calls_plain
from .tried import suspects, tried
from .verify import verify

P = ParamSpec("P")
R = TypeVar("R")
Rows = Iterable[Any] | str | Path


@checked
def compile(  # noqa: A001 - the field's own word, as in weft.compile
    program: Program[P, R] | Module[P, R],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    concurrency: int = 64,
    keep: Sequence[str] = (),
) -> Result[P, R]:
    """Compile a program: find better instructions and demos for its modules.

    Args:
        program: A program, or a module; it is not changed.
        train: Rows with labels. Where no `val` is given, the select rows come from it.
        val: Rows to select on; sealed rows are cut from it and from `train`.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        compiler: How to search; `Auto()` when None.
        budget: "$2", "500 calls", "200k tokens", "10 min", or several of them.
        seed: Every random choice follows from it.
        run_dir: Where each paid answer is journaled; the same call resumes from there.
        concurrency: How many rows run at once; it does not change the result.
        keep: What stays byte for byte: a parameter such as "qa/instruction", all of a
            module such as "qa", or a sentence of an instruction.

    Returns:
        The better of the compiled program and the given one, on sealed rows.

    Raises:
        SetupError: Something is wrong with the rows, the metric, the model or the
            budget; nothing was paid for.
        CompileError: A row could not be scored for a reason that is no model's.
    """
    return run_sync(
        acompile(
            program,
            train,
            val,
            metric=metric,
            compiler=compiler,
            budget=budget,
            seed=seed,
            run_dir=run_dir,
            concurrency=concurrency,
            keep=keep,
        )
    )


@checked
async def acompile(
    program: Program[P, R] | Module[P, R],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    budget: Budget | Ledger | str | int | None = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    concurrency: int = 64,
    keep: Sequence[str] = (),
) -> Result[P, R]:
    """As `compile`, without blocking the event loop."""
    plan = await _plan(program, train, val, metric, compiler, seed, keep)
    ledger = ledger_of(budget) or current().ledger or Ledger()
    plan.quote.check(ledger.remaining())
    row = calls_plain(plan.program)
    allowance = Allowance(ledger, row, plan.quote.guess)
    task = Task(plan.program, plan.split, metric, allowance, seed, concurrency)
    task.proposer = writer_of(plan.program)
    task.keeping = plan.keeping
    best = _keeper(plan, run_dir)
    about = {"compiler": plan.compiler.describe()["name"], "seed": plan.seed}
    with (
        journaled(run_dir, plan.identity),
        progress_in(run_dir, task, plan.quote, about) as progress,
    ):
        with allowance.aside(2 * len(plan.split.sealed)):
            stopped = await search(task, plan.recipes, progress.after(best))
        progress.tell("verify", rows=len(plan.split.sealed))
        report = await _verified(task, plan, stopped)
        progress.end(report)
    made = report.winner if report.returned else Candidate()
    best(made)
    result = cast("Program[P, R]", made.apply(plan.program))
    seed_program = cast("Program[P, R]", plan.program)
    programs = [candidate.apply(plan.program) for candidate in task.archive]
    ranked = cast("list[Program[P, R]]", programs)
    return Result(
        result,
        seed_program,
        report,
        provenance_of(report, plan.split, plan.identity),
        tuple(ranked),
    )


@checked
def quote(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None = None,
    *,
    metric: Metric,
    compiler: Compiler | None = None,
    seed: int = 0,
) -> Quote:
    """What `compile` would cost with these arguments; no model is called.

    Raises:
        SetupError: As `compile`.
    """
    return run_sync(_plan(program, train, val, metric, compiler, seed)).quote


@dataclass(frozen=True)
class _Plan:
    """Everything that is settled before the first call."""

    program: Program[..., Any]
    metric: str
    compiler: Compiler
    recipes: tuple[Recipe, ...]
    split: Split
    seed: int
    data: dict[str, str]
    models: dict[str, str]
    quote: Quote
    keeping: Keeping
    keep: tuple[str, ...]

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
            "seed": self.seed,
            "data": self.data,
            "models": self.models,
            "keep": list(self.keep),
        }


async def _plan(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None,
    metric: Metric,
    compiler: Compiler | None,
    seed: int,
    keep: Sequence[str] = (),
) -> _Plan:
    made = as_program(program)
    if not made.modules:
        raise ConfigError(
            f"program {made.name!r} calls no module, so there is nothing to compile"
        )
    chosen = compiler or Auto()
    if not isinstance(chosen, Compiler):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f"{chosen!r} is no compiler", hint="Give one such as weft.compilers.APE()"
        )
    rows = rows_for(made, train, "train")
    others = None if val is None else rows_for(made, val, "val")
    require_models(made)
    await require_metric(metric, rows, made)
    recipes = chosen.recipes()
    require_writer(made, recipes)
    raced = any(recipe.racer is not None for recipe in recipes)
    split = split_for(rows, others, seed, raced=raced)
    _refuse_too_few(split, raced=raced)
    data = {"train": digest_rows(rows)}
    if others is not None:
        data["val"] = digest_rows(others)
    return _Plan(
        made,
        metric_name(metric),
        chosen,
        recipes,
        split,
        seed,
        data,
        models_of(made, recipes),
        quote_of(made, split, recipes),
        Keeping.of(made, keep),
        tuple(keep),
    )


def _keeper(plan: _Plan, run_dir: str | Path | None) -> Callable[[Candidate], None]:
    """What keeps the best candidate so far on disk, beside the journal."""

    def keep(candidate: Candidate) -> None:
        if run_dir is None:
            return
        # A program whose steps are fixed to objects has no artifact; the journal does.
        with contextlib.suppress(ArtifactError):
            save(
                candidate.apply(plan.program),
                Path(run_dir) / f"best{SUFFIX}",
                provenance={"origin": candidate.origin, **plan.identity},
            )

    return keep


async def _verified(task: Task, plan: _Plan, stopped: str) -> Report:
    seed, best = Candidate(), task.archive[0]
    rows, short = await verify(task, list(dict.fromkeys((seed, best))))
    scores = {
        key: Evaluation(plan.program.name, plan.metric, tuple(found), 0.0, plan.seed)
        for key, found in rows.items()
    }
    gain = scores[best.id].mean - scores[seed.id].mean
    shorter = plan.shorter and task.size(best) < task.size(seed)
    seen = bool(scores[best.id].values)
    returned = bool(best.values) and seen and (gain > 0 or (shorter and gain == 0))
    result = (best if returned else seed).apply(plan.program)
    return Report(
        plan.compiler.describe(),
        scores[seed.id],
        scores[best.id],
        best,
        returned,
        tuple(tried(task)),
        task.allowance.ledger.snapshot(),
        plan.quote,
        plan.program.parameters,
        result.parameters,
        "; ".join(part for part in (stopped, short) if part),
        suspects(task),
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
