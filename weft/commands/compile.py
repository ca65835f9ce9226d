"""`weft compile`: a better program, saved; or what it would cost."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ..compilers.compile import compile as compiled
from ..compilers.compile import quote
from ..compilers.result import Result
from ..compilers.search.cost import Quote
from ..pipeline.artifact.save import save
from ..pipeline.calls.budget import Ledger
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.program import as_given, as_program
from ..pipeline.run.settings import current, ledger_of
from .arguments import compiler_named, measured, rows_at, settings, tell_overlap
from .output import Outcome, calls_shown, remark, require_writable


def improve(arguments: argparse.Namespace) -> Outcome:
    """Compile a program and save it, or only quote the price."""
    compiler = compiler_named(arguments.compiler, arguments.option)
    program, metric, train = measured(arguments)
    given = as_given(program)  # a module is compiled and saved as one
    val = None if arguments.val is None else rows_at(arguments.val, program)
    tell_overlap(train, val, quiet=arguments.quiet)
    page = None if arguments.html is None else Path(arguments.html)
    if not arguments.quote:
        with tempfile.TemporaryDirectory() as folder:
            # What could not be saved is found out before it is paid for.
            save(given, Path(folder) / Path(arguments.out).name)
        for path in (Path(arguments.out), page):
            if path is not None:
                require_writable(path)
    with settings(arguments, budget=False):
        offer = quote(
            program, train, val, metric=metric, compiler=compiler, seed=arguments.seed
        )
        if arguments.quote:
            return Outcome(str(offer), _quote_data(offer))
        limit = ledger_of(arguments.budget) or current().ledger or Ledger()
        expected, title = offer.within(limit.remaining()), f"compile {program.name}"
        remark(f"{title}: about {expected} calls", quiet=arguments.quiet)
        with calls_shown(title, expected, quiet=arguments.quiet):
            result = compiled(
                given,
                train,
                val,
                metric=metric,
                compiler=compiler,
                budget=arguments.budget,
                seed=arguments.seed,
                run_dir=arguments.run_dir,
                concurrency=arguments.concurrency,
                passing=arguments.passing,
            )
    if page is not None:
        text = result.report.to_html(review=arguments.run_dir or "")
        page.write_text(text, encoding="utf-8")
    return _saved(result, arguments)


def _saved(result: Result[..., Any, Any], arguments: argparse.Namespace) -> Outcome:
    report, out = result.report, Path(arguments.out)
    missed = arguments.require_gain and not report.improved
    if not missed:
        result.save(out, history=True if arguments.keep else None)
    where = "nothing was written" if missed else f"saved      {out}"
    text = f"{report}\n  {where}\n\n{report.diff()}"
    data = report_data(result) | {"out": None if missed else str(out)}
    said = "" if missed else f"next: weft package {out.parent}"
    return Outcome(text, data, 3 if missed else 0, said)


def report_data(result: Result[..., Any, Any]) -> dict[str, Any]:
    """A compile's outcome as plain JSON data; scores and intervals in [0, 1]."""
    report = result.report
    scores = {"seed": report.seed_score, "compiled": report.score}
    return {
        "program": result.program.name,
        "digest": program_digest(as_program(result.program)),
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


def _quote_data(offer: Quote) -> dict[str, Any]:
    expected = offer.calls.expected
    return {
        "accounts": {name: row._asdict() for name, row in offer.accounts.items()},
        "total": offer.calls._asdict(),
        "smallest": offer.smallest,
        "bounded": offer.bounded,
        "tokens": expected * offer.tokens,
        "usd": None if offer.usd is None else expected * offer.usd,
    }
