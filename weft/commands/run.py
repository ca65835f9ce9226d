"""`weft run`: a program once, or on rows; `weft finetune`: chats of its good rows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..exports import finetuning_rows, write_rows
from ..pipeline.data.example import Example
from ..pipeline.errors import ConfigError, WeftError, did_you_mean
from ..pipeline.graph.program import Program
from ..pipeline.ground.words import counted
from ..pipeline.measure.row_result import outputs
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import bind_row, map_rows, progress_bar
from ..pipeline.trace import Call
from .arguments import inputs_from, measured, rows_at, settings
from .output import (
    Outcome,
    Spent,
    json_text,
    on_terminal,
    remark,
    require_writable,
)
from .targets import program_named


def run(arguments: argparse.Namespace) -> Outcome:
    """Run a program with the inputs of --set, or on the rows of --data."""
    program = program_named(arguments.target, arguments.program)
    if arguments.data is not None:
        return _on_rows(arguments, program)
    inputs = inputs_from(program, arguments.set)
    with settings(arguments):
        made = program.run(**inputs)
    value, spent = outputs(made.value), Spent.on(made.trace.calls)
    text = value if isinstance(value, str) else json_text(value)
    data = {"program": program.name, "value": value, **spent.data()}
    return Outcome(text, {**data, "seconds": round(made.seconds, 3)}, 0, str(spent))


def _on_rows(arguments: argparse.Namespace, program: Program[..., Any]) -> Outcome:
    rows = rows_at(arguments.data, program)
    remark(f"{program.name}: {counted(len(rows), 'row')}", quiet=arguments.quiet)
    calls: list[Call] = []
    drawn = on_terminal(quiet=arguments.quiet)
    with (
        settings(arguments),
        progress_bar(len(rows), program.name, shown=drawn) as advance,
    ):
        lines = run_sync(_answers(program, rows, calls, arguments.concurrency, advance))
    failed = sum("error" in line for line in lines)
    spent = Spent.on(calls)
    text = "\n".join(json_text(line) for line in lines)
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
        return {"id": row, "value": outputs(made.value)}

    return await map_rows(one, bound, concurrency=concurrency, done=done)


def finetune(arguments: argparse.Namespace) -> Outcome:
    """Run a program on rows, and keep what its modules said where it was right."""
    given = measured(arguments)
    program = given.program
    out, module = Path(arguments.out), arguments.module
    if module is not None and module not in program.modules:
        hint = did_you_mean(module, program.modules)
        raise ConfigError(f"{program.name!r} has no module {module!r}", hint=hint)
    require_writable(out)
    with settings(arguments):
        found = given.scored(arguments)
    made = finetuning_rows(found, at_least=arguments.at_least, module=module)
    write_rows(made, out)
    spent, failed = Spent.of(found), len(found.failures)
    data = {"out": str(out), "chats": len(made), "rows": len(found.rows)}
    data |= {"failures": failed, **spent.data()}
    said = f"{spent}; {counted(failed, 'row')} failed" if failed else str(spent)
    text = f"{counted(len(made), 'chat')} from {counted(len(found.rows), 'row')}"
    return Outcome(f"{text}, in {out}", data, int(failed > 0), said)
