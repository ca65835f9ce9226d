"""`weft finetune`: chats for fine-tuning, from the rows that went well."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..exports import finetuning_rows, write_rows
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.ground.words import counted
from ..pipeline.measure.evaluate import evaluate
from .labels import check_labels
from .names import metric_named, rows_at, settings
from .output import Outcome, Spent, on_terminal, remark, require_writable
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Run a program on rows, and keep what its modules said where it was right."""
    program = program_named(arguments.target, arguments.program)
    metric, out = metric_named(arguments.metric), Path(arguments.out)
    rows = rows_at(arguments.data, program)
    check_labels(metric, rows, program, quiet=arguments.quiet)
    module: str | None = arguments.module
    if module is not None and module not in program.modules:
        hint = did_you_mean(module, program.modules)
        raise ConfigError(f"{program.name!r} has no module {module!r}", hint=hint)
    require_writable(out)
    with settings(arguments.model, arguments.api_base, arguments.budget):
        remark(f"{program.name}: {counted(len(rows), 'row')}", quiet=arguments.quiet)
        found = evaluate(
            program,
            rows,
            metric,
            concurrency=arguments.concurrency,
            progress=on_terminal(quiet=arguments.quiet),
        )
    made = finetuning_rows(found, at_least=arguments.at_least, module=module)
    write_rows(made, out)
    spent = Spent.on([call for row in found.rows for call in row.trace.calls])
    failed = len(found.failures)
    data = {"out": str(out), "chats": len(made), "rows": len(found.rows)}
    data |= {"failures": failed, **spent.data()}
    said = f"{spent}; {counted(failed, 'row')} failed" if failed else str(spent)
    text = (
        f"{counted(len(made), 'chat')} from {counted(len(found.rows), 'row')}, in {out}"
    )
    return Outcome(text, data, int(failed > 0), said)
