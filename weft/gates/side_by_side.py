"""Side by side: several prompts on the same inputs, cell by cell.

Reading outputs, many and closely, beats any mean at the beginning: what each prompt
made of each input, with what was sent and what it cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from ..compilers.driving.plan import kept
from ..pipeline.data.example import Example, require_rows
from ..pipeline.errors import ConfigError, DataError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.pages import drawn
from ..pipeline.ground.plain import plain
from ..pipeline.ground.shapes import is_mapping
from ..pipeline.ground.strictjson import spelt
from ..pipeline.ground.words import brief, counted
from ..pipeline.lm.prices import money
from ..pipeline.measure.labels import for_program, require_labels
from ..pipeline.measure.row_result import RowResult, outputs_of, row_data
from ..pipeline.measure.score import Metric, metric_name, require_callable
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import rows_of
from ..pipeline.trace import total_cost
from .running import answered
from .suites import bare_text

_WIDE: Final = 100
AnyProgram = Program[..., Any] | Module[..., Any]


@dataclass(frozen=True, repr=False)
class SideBySide:
    """Several programs on the same rows.

    Args:
        columns: The programs' names, in order.
        rows: The rows, in order.
        results: What each program made of each row: a tuple a row, in the columns'
            order. A score is there only with a metric.
        metric: The metric's name, or empty.
    """

    columns: tuple[str, ...]
    rows: tuple[Example, ...]
    results: tuple[tuple[RowResult, ...], ...]
    metric: str = ""

    def column(self, name: str) -> list[RowResult]:
        """What one program made of the rows.

        Raises:
            ConfigError: There is no such column.
        """
        if name not in self.columns:
            raise ConfigError(
                f"there is no column {name!r}; there are {', '.join(self.columns)}"
            )
        at = self.columns.index(name)
        return [row[at] for row in self.results]

    def describe(self) -> dict[str, Any]:
        """As plain JSON data; each cell holds its prompts and replies."""
        return {
            "columns": [self._sums(name) for name in self.columns],
            "metric": self.metric,
            "rows": [
                {
                    "id": row.id,
                    "inputs": plain(dict(row.inputs), repr),
                    "labels": plain(dict(row.labels), repr),
                    "cells": [self._cell(result) for result in results],
                }
                for row, results in zip(self.rows, self.results, strict=True)
            ],
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return spelt(self.describe(), indent=1)

    def to_html(self) -> str:
        """One self-contained page: a line a row, a column a program."""
        return drawn("side by side", self.describe())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        title, text = repr(self), str(self)
        data: dict[str, Any] = {
            "title": title,
            "scores": {},
            "notes": [],
            "folded": {"cells": text},
        }
        return drawn("cell", data)

    def __str__(self) -> str:
        wide = max(map(len, self.columns))
        lines: list[str] = []
        for row, results in zip(self.rows, self.results, strict=True):
            lines.append(
                f"{row.id}: {brief(bare_text(plain(dict(row.inputs), repr)), _WIDE)}"
            )
            for name, result in zip(self.columns, results, strict=True):
                cell = self._cell(result)
                said = cell["error"] or bare_text(cell["output"])
                score = "" if cell["score"] is None else f"  {cell['score']:g}"
                what = brief(" ".join(said.split()), _WIDE)
                lines.append(f"  {name:<{wide}}  {what}{score}")
        for name in self.columns:
            sums = self._sums(name)
            mean = "" if sums["mean"] is None else f", {self.metric} {sums['mean']:.3f}"
            spent = f"{counted(sums['calls'], 'call')}, {sums['tokens']:,} tokens"
            lines.append(f"{name}: {spent}, {money(sums['usd'])}{mean}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        what = f"{counted(len(self.rows), 'row')} by {', '.join(self.columns)}"
        return f"SideBySide({what})"

    def _cell(self, result: RowResult) -> dict[str, Any]:
        usage = result.trace.usage
        data = row_data(result, prompts=True)
        return {
            "output": plain(outputs_of(result), repr),
            "error": result.error,
            "score": data["score"] if self.metric else None,
            "feedback": data["feedback"] if self.metric else "",
            "calls": data["calls"],
            "tokens": usage.input_tokens + usage.output_tokens,
            "usd": result.trace.cost,
            "prompts": data["prompts"],
        }

    def _sums(self, name: str) -> dict[str, Any]:
        cells = [self._cell(result) for result in self.column(name)]
        scores = [cell["score"] for cell in cells if cell["score"] is not None]
        return {
            "name": name,
            "calls": sum(cell["calls"] for cell in cells),
            "tokens": sum(cell["tokens"] for cell in cells),
            "usd": total_cost(cell["usd"] for cell in cells),
            "mean": sum(scores) / len(scores) if scores else None,
        }


@checked
async def aside_by_side(
    programs: Mapping[str, AnyProgram] | Sequence[AnyProgram],
    rows: Iterable[Any] | str | Path,
    metric: Metric | None = None,
    *,
    concurrency: int = 64,
) -> SideBySide:
    """As `side_by_side`, without blocking the event loop."""
    named = _named(programs)
    if metric is not None:
        require_callable(metric)
    source = kept(rows)
    examples: list[list[Example]] = []
    for name, program in named.items():
        try:
            examples.append(rows_of(program.inputs, source))
        except DataError as error:
            said = f"the column {name!r}: {error.message}"
            raise DataError(said, hint=error.hint) from None
        require_rows(examples[-1], "side_by_side")
        if metric is not None:
            require_labels(for_program(metric, program), examples[-1])

    columns = [
        await answered(program, own, metric, concurrency=concurrency)
        for program, own in zip(named.values(), examples, strict=True)
    ]
    results = tuple(zip(*columns, strict=True))
    told = "" if metric is None else metric_name(metric)
    return SideBySide(tuple(named), tuple(examples[0]), results, told)


@checked
@waits_for(aside_by_side)
def side_by_side() -> None:
    """Run several programs on the same rows, and keep what each was sent and gave.

    A prompt is tried against another as a module with other parameters:
    `{"short": qa, "long": qa.with_(instruction="...")}`.

    Args:
        programs: Programs or modules by the names that their columns get; without
            names they have their own.
        rows: The inputs; labels are needed only for a metric.
        metric: What scores each cell; nothing by default.
        concurrency: How many rows run at once.

    Raises:
        ConfigError: No program is given, or two have one name.
        DataError: A row does not fit one of the programs, or there is none.
        WeftError: An error that no row could escape.
    """


def _named(programs: Any) -> dict[str, Program[..., Any]]:
    if isinstance(programs, Program | Module):
        raise ConfigError(
            f"{programs.name!r} stands beside nothing",
            hint="Give two or more, in a list",
        )
    pairs: list[tuple[Any, object]]
    if is_mapping(programs):
        pairs = [*programs.items()]
    elif isinstance(programs, Iterable):
        given = cast("Iterable[object]", programs)
        pairs = [(getattr(program, "name", ""), program) for program in given]
    else:
        pairs = [("", programs)]
    found: dict[str, Program[..., Any]] = {}
    for name, program in pairs:
        if not isinstance(program, Program | Module):
            raise ConfigError(
                f"{program!r:.80} is no program and no module",
                hint='Give programs by name: {"short": qa, "long": other}',
            )
        if name in found:
            raise ConfigError(
                f"two columns would be named {name!r}",
                hint='Give names: {"before": one, "after": other}',
            )
        found[str(name)] = as_program(program)
    if not found:
        raise ConfigError("there is no program to try", hint="Give one or more")
    return found
