"""`weft compile`: a better program, saved; `weft steer`: a word to one under way."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ..compilers.compile import compile as compiled
from ..compilers.compile import quote
from ..compilers.driving.orders import Order, place
from ..compilers.result import Result
from ..compilers.search.cost import Quote
from ..pipeline.artifact.save import save
from ..pipeline.calls.budget import Ledger
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.program import as_given, as_program
from ..pipeline.ground.words import counted
from ..pipeline.run.settings import current, ledger_of
from .arguments import compiler_named, measured, rows_at, settings, tell_overlap
from .files import require_writable, write_text
from .output import Outcome, calls_shown, remark
from .watch import Run, refuse_unread

_LEAST = 4
"""Digits of an id that may stand for all twelve, where no other begins so."""


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
        limit = ledger_of(arguments.budget) or current().ledger or Ledger()
        if arguments.quote:
            offer.check(limit.remaining())
            return Outcome(str(offer), _quote_data(offer))
        expected, title = offer.within(limit.remaining()), f"compile {program.name}"
        remark(f"{title}: about {counted(expected, 'call')}", quiet=arguments.quiet)
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
        write_text(page, text)
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


def steer(arguments: argparse.Namespace) -> Outcome:
    """Append an order to a run's file; the run takes it before its next round.

    Raises:
        ConfigError: There is no run that could take it, or it names what the run has
            not.
    """
    run = Run(Path(arguments.run_dir))
    _refuse_over(run)
    order = _order(run, arguments)
    given = place(run.folder, order)
    running = run.state == "running"
    when = "before its next round" if running else "when the same compile goes on"
    text = f"{given}\n  taken {when}; weft watch {run.folder} tells of it"
    return Outcome(text, {**given.record, "state": run.state})


def _refuse_over(run: Run) -> None:
    """Refuse a folder of no run, and a run that reads nothing more."""
    refuse_unread(run)
    if not run.index:
        raise ConfigError(
            f"there is no run to steer in {run.folder}",
            hint="Name the run_dir of a compile that has begun: weft compile "
            "--run-dir DIR",
        )
    # One that was killed there begins no round either when it goes on.
    verifies = any(event["event"] == "verify" for event in run.events)
    if run.state in ("ended", "verifying") or verifies:
        was = "is" if run.state == "verifying" else "was"
        what = "has ended" if run.state == "ended" else f"{was} verifying its result"
        raise ConfigError(
            f"the run in {run.folder} {what}: no round is left that could be steered",
            hint="best.weft.json in it is its best; a new compile from there begins "
            "with another --run-dir",
        )


def _order(run: Run, arguments: argparse.Namespace) -> Order:
    if arguments.module and arguments.hint is None:
        raise ConfigError(
            "--module says whom a hint is for", hint="Write it beside --hint"
        )
    if arguments.pause:
        if run.state != "running":
            raise ConfigError(
                f"the run in {run.folder} is not running: its state is {run.state!r}",
                hint="The same compile with this run_dir goes on, and can be paused "
                "then",
            )
        return Order("pause")
    if arguments.branch is not None:
        return Order("branch", candidate=_candidate(run, arguments.branch))
    modules: list[str] = run.start.get("modules", [])
    if arguments.module and arguments.module not in modules:
        raise ConfigError(
            f"the program of this run has no module {arguments.module!r}",
            hint=did_you_mean(arguments.module, modules),
        )
    try:
        return Order("hint", text=arguments.hint, module=arguments.module or "")
    except ValueError as error:
        raise ConfigError(
            f"--hint cannot be taken: {error}", hint="Say it in a few sentences"
        ) from None


def _candidate(run: Run, named: str) -> str:
    """The id of a candidate of the run, which its first digits may stand for."""
    ids = [str(line.get("id")) for line in run.index["candidates"]]
    alike = [one for one in ids if one.startswith(named) and len(named) >= _LEAST]
    if named in ids or len(alike) == 1:
        return named if named in ids else alike[0]
    which = "more than one candidate" if alike else "no candidate"
    raise ConfigError(
        f"the run in {run.folder} has {which} {named!r}",
        hint=f"{run.folder}/index.json lists them. {did_you_mean(named, ids)}",
    )
