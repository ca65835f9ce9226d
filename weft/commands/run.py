"""`weft run`: a program once, or on rows."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from ..pipeline.data.example import Example
from ..pipeline.errors import WeftError
from ..pipeline.graph.program import Program
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.progress import progress_bar
from ..pipeline.run.rows import bind_row, map_rows
from ..pipeline.signature.wording import counted
from ..pipeline.trace import Call
from .names import inputs_from, rows_at, settings
from .output import Outcome, Spent, on_terminal, plain, remark
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Run a program with the inputs of --set, or on the rows of --data."""
    program = program_named(arguments.target, arguments.program)
    if arguments.data is not None:
        return _on_rows(arguments, program)
    inputs = inputs_from(program, arguments.set)
    with settings(arguments.model, arguments.api_base, arguments.budget):
        made = program.run(**inputs)
    value, spent = plain(made.value), Spent.on(made.trace.calls)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    data = {"program": program.name, "value": value, **spent.data()}
    return Outcome(text, {**data, "seconds": round(made.seconds, 3)}, 0, str(spent))


def _on_rows(arguments: argparse.Namespace, program: Program[..., Any]) -> Outcome:
    rows = rows_at(arguments.data, program)
    remark(f"{program.name}: {counted(len(rows), 'row')}", quiet=arguments.quiet)
    calls: list[Call] = []
    drawn = on_terminal(quiet=arguments.quiet)
    with (
        settings(arguments.model, arguments.api_base, arguments.budget),
        progress_bar(len(rows), program.name, shown=drawn) as advance,
    ):
        lines = run_sync(_answers(program, rows, calls, arguments.concurrency, advance))
    failed = sum("error" in line for line in lines)
    spent = Spent.on(calls)
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    data = {"program": program.name, "rows": lines, "failed": failed, **spent.data()}
    said = f"{counted(len(lines) - failed, 'row')}, {spent}"
    if failed:
        said += f"\n{counted(failed, 'row')} failed; the output says why"
    return Outcome(text, data, int(failed > 0), said)


async def _answers(
    program: Program[..., Any],
    rows: list[Example],
    calls: list[Call],
    concurrency: int,
    done: Callable[[], None],
) -> list[dict[str, Any]]:
    """One line a row, in their order; an error that only one row has is its line."""
    bound = [bind_row(program.inputs, row.inputs, row.id) for row in rows]

    async def one(position: int, inputs: Mapping[str, Any]) -> dict[str, Any]:
        row = rows[position].id
        try:
            made = await program.run_row(inputs)
        except WeftError as error:
            if error.aborts:
                raise
            return {"id": row, "error": f"{type(error).__name__}: {error}"}
        calls.extend(made.trace.calls)
        return {"id": row, "value": plain(made.value)}

    return await map_rows(one, bound, concurrency=concurrency, done=done)
