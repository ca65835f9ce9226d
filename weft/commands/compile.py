"""`weft compile`: a better program, saved; or what it would cost."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ..compilers.compile import compile as compiled
from ..compilers.compile import quote
from ..compilers.driving.quote import Quote
from ..compilers.reporting.report import Result
from ..pipeline.artifact.artifact import program_digest, save
from ..pipeline.graph.program import Program
from ..pipeline.run.settings import current, use
from .labels import check_labels, tell_overlap
from .names import compiler_named, metric_named, rows_at, settings
from .output import Outcome, calls_shown, remark, require_writable
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Compile a program and save it, or only quote the price."""
    program = program_named(arguments.target, arguments.program)
    metric = metric_named(arguments.metric)
    compiler = compiler_named(arguments.compiler, arguments.option)
    train = rows_at(arguments.data, program)
    val = None if arguments.val is None else rows_at(arguments.val, program)
    check_labels(metric, train, program, quiet=arguments.quiet)
    tell_overlap(train, val, quiet=arguments.quiet)
    page = None if arguments.html is None else Path(arguments.html)
    if not arguments.quote:
        _refuse_unsavable(program, Path(arguments.out))
        if page is not None:
            require_writable(page)
    with settings(arguments.model, arguments.api_base):
        offer = quote(
            program, train, val, metric=metric, compiler=compiler, seed=arguments.seed
        )
        if arguments.quote:
            return Outcome(str(offer), quote_data(offer))
        expected, title = offer.calls.expected, f"compile {program.name}"
        remark(f"{title}: about {expected} calls", quiet=arguments.quiet)
        with (
            calls_shown(title, expected, quiet=arguments.quiet) as hook,
            use(hooks=(*current().every_hook, hook)),
        ):
            result = compiled(
                program,
                train,
                val,
                metric=metric,
                compiler=compiler,
                budget=arguments.budget,
                seed=arguments.seed,
                run_dir=arguments.run_dir,
                concurrency=arguments.concurrency,
            )
    if page is not None:
        text = result.report.to_html(review=arguments.run_dir or "")
        page.write_text(text, encoding="utf-8")
    return _saved(result, arguments)


def _saved(result: Result[..., Any], arguments: argparse.Namespace) -> Outcome:
    report, out = result.report, Path(arguments.out)
    missed = arguments.require_gain and not report.improved
    if not missed:
        result.save(out, history=True if arguments.keep else None)
    where = "nothing was written" if missed else f"saved      {out}"
    text = f"{report}\n  {where}\n\n{report.diff()}"
    data = report_data(result) | {"out": None if missed else str(out)}
    said = "" if missed else f"next: weft package {out.parent}"
    return Outcome(text, data, 3 if missed else 0, said)


def report_data(result: Result[..., Any]) -> dict[str, Any]:
    """A compile's outcome as plain JSON data; scores and intervals in [0, 1]."""
    report = result.report
    scores = {"seed": report.seed_score, "compiled": report.score}
    return {
        "program": result.program.name,
        "digest": program_digest(result.program),
        "compiler": dict(report.compiler),
        "improved": report.improved,
        "returned": "compiled" if report.returned else "seed",
        "verdict": report.verdict,
        "score": {
            name: {"mean": e.mean, "interval": [e.interval.low, e.interval.high]}
            for name, e in scores.items()
        },
        "sealed_rows": len(report.score.rows),
        "calls": report.calls,
        "sent": report.sent,
        "tokens": report.tokens,
        "usd": report.usd,
        "stopped": report.stopped,
        "diff": report.diff(),
    }


def quote_data(offer: Quote) -> dict[str, Any]:
    """A quote as plain JSON data."""
    expected = offer.calls.expected
    return {
        "accounts": {name: row._asdict() for name, row in offer.accounts.items()},
        "total": offer.calls._asdict(),
        "smallest": offer.smallest,
        "bounded": offer.bounded,
        "tokens": expected * offer.tokens,
        "usd": None if offer.usd is None else expected * offer.usd,
    }


def _refuse_unsavable(program: Program[..., Any], out: Path) -> None:
    """Find out before it is paid for that a result could not be saved.

    Raises:
        SetupError: The path or the program is at fault.
    """
    with tempfile.TemporaryDirectory() as folder:
        save(program, Path(folder) / out.name)
    require_writable(out)
