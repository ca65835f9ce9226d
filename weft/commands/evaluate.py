"""`weft eval`: a mean with its 95 % interval."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..pipeline.errors import ConfigError
from ..pipeline.graph.program import Program
from ..pipeline.ground.words import counted
from ..pipeline.measure.evaluate import Evaluation, evaluate
from .labels import check_labels
from .names import metric_named, rows_at, settings
from .newest import beside, measured_anew
from .output import Outcome, Spent, on_terminal, remark, require_writable
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Measure a program on rows."""
    if arguments.out and not arguments.edition:
        raise ConfigError(
            "--out is for a newer edition", hint="Write --edition newest too"
        )
    program = program_named(arguments.target, arguments.program)
    metric = metric_named(arguments.metric)
    rows = rows_at(arguments.data, program)
    check_labels(metric, rows, program, quiet=arguments.quiet)
    for path in filter(None, (arguments.html, arguments.save, arguments.out)):
        require_writable(Path(path))

    def measure(measured: Program[..., Any], how: str = "") -> Evaluation:
        said = f"{program.name}{how}: {counted(len(rows), 'row')}"
        remark(said, quiet=arguments.quiet)
        return evaluate(
            measured,
            rows,
            metric,
            repeats=arguments.repeats,
            concurrency=arguments.concurrency,
            progress=on_terminal(quiet=arguments.quiet),
        )

    with settings(arguments.model, arguments.api_base, arguments.budget):
        found = measure(program)
        anew = measured_anew(program, measure) if arguments.edition else None
    last = anew.found if anew else found
    if arguments.html:
        page = last.to_html(review=arguments.save or "")
        Path(arguments.html).write_text(page, encoding="utf-8")
    if arguments.save:
        Path(arguments.save).write_text(last.to_json(prompts=True), encoding="utf-8")
    made = _measured(last, arguments.fail_under)
    if not arguments.edition:
        return made
    return beside(_measured(found, None), found, made, anew, arguments.out)


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
