"""`weft explain`: which part of a compiled program earns its gain."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from ..pipeline.artifact.artifact import SUFFIX
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.explain import Explanation, ablations, explain
from ..pipeline.run.settings import current, use
from ..pipeline.signature.wording import counted
from .labels import check_labels
from .names import metric_named, rows_at, settings
from .output import Outcome, Spent, calls_shown, remark
from .targets import program_named

_NO_BASE = (
    "an artifact does not hold the instructions it began with, so demos alone are "
    "measured; name the program it was compiled from: --base or --program"
)


def command(arguments: argparse.Namespace) -> Outcome:
    """Measure a program without each of its parts in turn."""
    program = program_named(arguments.target, arguments.program)
    base = None if arguments.base is None else program_named(arguments.base)
    metric = metric_named(arguments.metric)
    rows = rows_at(arguments.data, program)
    check_labels(metric, rows, program, quiet=arguments.quiet)
    parts = ablations(program, base, each_demo=arguments.each_demo)
    alone = arguments.target.endswith(SUFFIX) and not arguments.program
    if alone and base is None:
        remark(_NO_BASE, quiet=arguments.quiet)
    title = f"explain {program.name}"
    runs = len(parts) + 2
    many = counted(len(rows), "row")
    remark(f"{title}: {runs} evaluations of {many}", quiet=arguments.quiet)
    expected = runs * len(rows) * len(program.modules)
    with (
        settings(arguments.model, arguments.api_base, arguments.budget),
        calls_shown(title, expected, quiet=arguments.quiet) as hook,
        use(hooks=(*current().every_hook, hook)),
    ):
        found = explain(
            program,
            rows,
            metric,
            base=base,
            each_demo=arguments.each_demo,
            concurrency=arguments.concurrency,
        )
    return _explained(found)


def _explained(found: Explanation) -> Outcome:
    measured = (found.whole, found.base)
    failed = sum(len(evaluation.failures) for evaluation in measured)
    data = {
        "whole": _score(found.whole),
        "base": _score(found.base),
        "parts": [dataclasses.asdict(part) for part in found.parts],
        "failures": failed,
    }
    said = f"{counted(failed, 'row')} failed, left out of the means" if failed else ""
    return Outcome(str(found), data, int(failed > 0), said)


def _score(found: Evaluation) -> dict[str, Any]:
    spent = Spent.on([call for row in found.rows for call in row.trace.calls])
    ends = [found.interval.low, found.interval.high]
    return {"mean": found.mean, "interval": ends, **spent.data()}
