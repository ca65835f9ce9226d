"""`weft eval`: a mean with its 95 % interval."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..pipeline.evaluate import Evaluation, evaluate
from ..pipeline.typed.wording import counted
from .labels import check_labels
from .names import metric_named, rows_at, settings
from .output import Outcome, Spent, on_terminal, remark, require_writable
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Measure a program on rows."""
    program = program_named(arguments.target, arguments.program)
    metric = metric_named(arguments.metric)
    rows = rows_at(arguments.data, program)
    check_labels(metric, rows, program, quiet=arguments.quiet)
    for path in filter(None, (arguments.html, arguments.save)):
        require_writable(Path(path))
    with settings(arguments.model, arguments.api_base, arguments.budget):
        remark(f"{program.name}: {counted(len(rows), 'row')}", quiet=arguments.quiet)
        found = evaluate(
            program,
            rows,
            metric,
            repeats=arguments.repeats,
            concurrency=arguments.concurrency,
            progress=on_terminal(quiet=arguments.quiet),
        )
    if arguments.html:
        page = found.to_html(review=arguments.save or "")
        Path(arguments.html).write_text(page, encoding="utf-8")
    if arguments.save:
        Path(arguments.save).write_text(found.to_json(prompts=True), encoding="utf-8")
    return _measured(found, arguments.fail_under)


def _measured(found: Evaluation, wanted: float | None) -> Outcome:
    """Failed rows come before a low score: they say that it may not hold."""
    spent = Spent.on([call for row in found.rows for call in row.trace.calls])
    below = wanted is not None and found.mean < wanted
    said = [f"{spent}; {found.seconds:.1f} s"]
    if below:
        said.append(f"{100 * found.mean:.1f} is under {100 * (wanted or 0):.1f}")
    if found.failures:
        first = found.failures[0]
        said.append(f"row {first.example.id!r}: {first.error}")
    data = {**json.loads(found.to_json()), **spent.data(), "seconds": found.seconds}
    code = 1 if found.failures else 3 if below else 0
    return Outcome(str(found), data, code, "\n".join(said))
