"""Transfer: how programs that were compiled for one model do with others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..pipeline.artifact.load import load
from ..pipeline.calls.budget import Budget, Ledger
from ..pipeline.data.example import require_rows
from ..pipeline.errors import ConfigError
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.words import counted
from ..pipeline.lm.lm import LanguageModel, as_lm
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.labels import for_program
from ..pipeline.measure.score import Metric, metric_name
from ..pipeline.measure.scored_rows import score_rows
from ..pipeline.measure.typed import reader_of
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import rows_of
from ..pipeline.run.settings import current, entered, ledger_of
from .driving.plan import Rows, kept

AnyProgram = Program[..., Any] | Module[..., Any] | str | Path


@dataclass(frozen=True)
class Transfer:
    """Scores of programs under models, all on the same rows.

    Args:
        evaluations: By the program's name in the table, then by model.
    """

    evaluations: Mapping[str, Mapping[str, Evaluation]]

    @property
    def models(self) -> list[str]:
        """The models, in the order in which they were given."""
        return list(next(iter(self.evaluations.values())))

    def best(self, model: str) -> str:
        """The program that scored highest with a model; the earlier one of two.

        Raises:
            ConfigError: The model is not in the table.
        """
        if model not in self.models:
            raise ConfigError(
                f"the table has no model {model!r}",
                hint=f"It has {', '.join(self.models)}",
            )
        return max(
            self.evaluations, key=lambda name: self.evaluations[name][model].mean
        )

    def describe(self) -> dict[str, Any]:
        """Means with their intervals in [0, 1], rows and calls, as plain JSON data."""
        return {
            name: {
                model: {
                    "mean": found.mean,
                    "interval": [found.interval.low, found.interval.high],
                    "rows": len(found.values),
                    "calls": found.calls,
                }
                for model, found in by_model.items()
            }
            for name, by_model in self.evaluations.items()
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return json.dumps(self.describe(), ensure_ascii=False, indent=1)

    def __str__(self) -> str:
        """Points with their intervals; "*" marks the best program for each model."""
        names = list(self.evaluations)
        wide = max(len("program"), *map(len, names))
        columns = [(m, max(len(m), 21)) for m in self.models]
        lines = [f"{'program':<{wide}}" + "".join(f"  {m:>{w}}" for m, w in columns)]
        for name in names:
            cells = [
                f"  {_points(self.evaluations[name][m], self.best(m) == name):>{w}}"
                for m, w in columns
            ]
            lines.append(f"{name:<{wide}}" + "".join(cells))
        rows = {len(e.values) for by in self.evaluations.values() for e in by.values()}
        shown = "-".join(str(n) for n in sorted({min(rows), max(rows)}))
        return "\n".join([*lines, f"on {counted(shown, 'row')}; * best for the model"])


@checked
def transfer(
    programs: Mapping[str, AnyProgram],
    rows: Rows,
    metric: Metric,
    *,
    lms: Sequence[str | LanguageModel],
    budget: Budget | Ledger | str | int | None = None,
    concurrency: int = 64,
) -> Transfer:
    """Score programs under several models: does a prompt hold beyond its own?

    Args:
        programs: What to score, by the names in the table: programs, modules, or paths
            of artifacts, such as one before its compile and one for each model.
        rows: Rows with labels that no compile has seen.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        lms: The models; each answers for every module of every program.
        budget: "$2", "500 calls", ...; it holds for the whole table.
        concurrency: How many rows run at once.

    Raises:
        ConfigError: There is no program or no model, or a model is given twice.
        DataError: A row does not fit.
        BudgetExceeded: The budget does not reach for the table.
    """
    models = [as_lm(lm) for lm in lms]
    named = {model.model: model for model in models}
    if not programs or not models or len(named) < len(models):
        raise ConfigError(
            f"a table needs programs and different models, not {len(programs)} and "
            f"{[model.model for model in models]}",
            hint='Write transfer({"old": old, "new": new}, rows, metric, lms=[a, b])',
        )
    made = {name: as_program(_loaded(given)) for name, given in programs.items()}
    ledger = ledger_of(budget) or current().ledger
    with entered(replace(current(), ledger=ledger)):
        return run_sync(_table(made, named, kept(rows), metric, concurrency))


async def _table(
    programs: Mapping[str, Program[..., Any]],
    models: Mapping[str, LanguageModel],
    rows: Rows,
    metric: Metric,
    concurrency: int,
) -> Transfer:
    table: dict[str, dict[str, Evaluation]] = {}
    for name, program in programs.items():
        examples = rows_of(program.inputs, rows)
        require_rows(examples, "transfer")
        for called, model in models.items():
            own = {path: m.with_(lm=model) for path, m in program.modules.items()}
            results = await score_rows(
                program.with_modules(own),
                [(example, 0) for example in examples],
                for_program(metric, program),
                reader_of(program),
                modules=program.modules,
                concurrency=concurrency,
            )
            found = Evaluation(
                program.name,
                metric_name(metric),
                tuple(results),
                digest=program_digest(program),
            )
            table.setdefault(name, {})[called] = found
    return Transfer(table)


def _loaded(given: AnyProgram) -> Program[..., Any] | Module[..., Any]:
    return load(given) if isinstance(given, str | Path) else given


def _points(found: Evaluation, best: bool) -> str:
    mark = "*" if best else " "
    return f"{100 * found.mean:.1f} {found.interval.in_points()}{mark}"
