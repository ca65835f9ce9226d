"""The driver: (program, data, metric, budget) to a better program, or the same one.

    quote -> split (train, select, sealed) -> headroom run of the seed
          -> rounds of: propose, drop doubles, race on one row order
          -> verify the best and the seed on sealed rows, in planned looks
          -> the better of the two, with what it cost

Nothing given is ever changed. Every model call is booked on one ledger, proposals and
verification too. The same seed and the same answers give the same result, whatever the
concurrency and whether the cache was warm.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from ...pipeline.adapters.settling import Forms
from ...pipeline.artifact.save import as_text, save, trained_in
from ...pipeline.artifact.state import SUFFIX
from ...pipeline.calls.budget import Budget, Ledger
from ...pipeline.data.example import digest_rows
from ...pipeline.errors import ArtifactError
from ...pipeline.graph.digest import program_digest
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_given, origin
from ...pipeline.ground.shapes import as_dict
from ...pipeline.ground.words import counted
from ...pipeline.measure.decisions.cuts import rating_of
from ...pipeline.measure.evaluate import Evaluation
from ...pipeline.measure.score import Metric, metric_name
from ...pipeline.run.settings import current, ledger_of
from ..front import front_of
from ..recipe import Compiler, Recipe
from ..report import Report
from ..result import Result
from ..search.allowance import Allowance
from ..search.candidate import Candidate
from ..search.counting import calls_plain
from ..search.credit import credit_by_contrast
from ..search.judge import Judge
from ..search.task import Task, passes
from ..tried import passing_shown, suspects, tried
from .choosing import (
    asking,
    best_under,
    beyond,
    choosing,
    costs_less,
    costs_told,
    models_asked,
    running_cost,
)
from .forms import forms_at_first, keeping_forms, with_forms
from .index import indexed
from .journal import journaled
from .plan import Plan, Rows, Terms, plan_of, writer_of
from .rounds import search
from .steering import Steering, said
from .verify import Verified, sealed_rows, verify

_log: Final = logging.getLogger("weft")
_looks: WeakKeyDictionary[Any, tuple[str, int]] = WeakKeyDictionary()
"""Of programs that a compile gave back: digest of its sealed rows, looks at them."""
Giving = Callable[[Program[..., Any]], Program[..., Any] | Module[..., Any]]


async def drive(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None,
    *,
    metric: Metric,
    compiler: Compiler,
    budget: Budget | Ledger | str | int | None,
    terms: Terms,
) -> Result[..., Any, Any]:
    """Compile a program; arguments and errors are those of `compile`."""
    plan = plan_of(program, train, val, metric, compiler, terms)
    ledger = ledger_of(budget) or current().ledger or Ledger()
    plan.quote.check(ledger.remaining())
    task = _task_of(plan, ledger)
    given: Giving = partial(as_given, given=program)
    allowance, run_dir = task.allowance, terms.run_dir
    aside = sealed_rows(allowance, len(plan.split.sealed))
    seen = _seen_before(program, plan)
    about = {"compiler": plan.compiler.describe()["name"], "seed": terms.seed}
    with (
        choosing(plan.choice),
        journaled(
            run_dir, plan.identity, forms_at_first(plan.program, plan.others)
        ) as begun,
        keeping_forms(plan.program, begun.forms, plan.others) as forms,
        indexed(run_dir, task, plan.quote, about) as index,
    ):
        best = _keeper(plan, run_dir, forms, given)
        steering = Steering(run_dir, task, begun, index)
        if run_dir is not None and not _best_path(run_dir).exists():
            best(Candidate())
        with allowance.aside(2 * aside):
            kept, border = index.after(best), steering.before
            stopped = await search(task, plan.recipes, kept, border)
        rows = plan.split.sealed
        sealed = (digest_rows(rows), 1 + seen)
        index.tell("verify", state="verifying", rows=len(rows), sealed=sealed)
        whole = plan.shorter or plan.cheaper
        chosen = best_under(task, plan.caps)
        found = await verify(task, chosen, aside, whole=whole)
        report = _reported(task, plan, found, stopped, sealed)
        report = replace(report, steered=said(steering.taken))
        steering.over()
        index.end(report)
        made = report.winner if report.returned else Candidate()
        best(made)
        result = _written(made, plan, forms)
        programs = [_written(candidate, plan, forms) for candidate in task.archive]
        plain = _text_only(task, plan, forms) if trained_in(result) else None
    back = given(result)
    if back is not program:  # which whoever compiles it twice knows
        _looks[back] = sealed
    return Result(
        back,
        given(plan.program),
        report,
        _provenance(report, plan, result) | steering.provenance,
        tuple(map(given, programs)),
        None if plain is None else given(plain),
    )


def _text_only(task: Task, plan: Plan, forms: Forms) -> Program[..., Any]:
    """The best program of text alone that the search met."""
    met = (_written(candidate, plan, forms) for candidate in task.archive)
    return next((one for one in met if not trained_in(one)), as_text(plan.program))


def _task_of(plan: Plan, ledger: Ledger) -> Task:
    plain = calls_plain(plan.widest, plan.split.rows) + plan.judging.plain
    return Task(
        plan.program,
        plan.split,
        Judge(plan.metric),
        Allowance(ledger, plain, plan.quote.guess),
        plan.terms.seed,
        plan.terms.concurrency,
        proposer=writer_of(plan.program),
        teacher=plan.teacher,
        judging=plan.judging,
        keeping=plan.keeping,
        passing=plan.terms.passing,
        advising=plan.terms.advice,
        widest=plan.widest,
        folder=None if plan.terms.run_dir is None else Path(plan.terms.run_dir),
    )


def _written(candidate: Candidate, plan: Plan, forms: Forms) -> Program[..., Any]:
    """A candidate as a program, with the forms that it was asked in written down.

    Here the models that it chose are those that were given; a file holds their names.
    """
    return asking(with_forms(candidate.apply(plan.program), forms), plan.choice)


def _keeper(
    plan: Plan, run_dir: str | Path | None, forms: Forms, given: Giving
) -> Callable[[Candidate], None]:
    """What keeps the best candidate so far on disk, beside the journal."""
    refused = list[ArtifactError]()

    def keep(candidate: Candidate) -> None:
        if run_dir is None:
            return
        try:
            save(
                given(_written(candidate, plan, forms)),
                _best_path(run_dir),
                provenance={"origin": candidate.origin, **plan.identity},
            )
        except ArtifactError as error:
            # A program whose steps are fixed to objects has none; its journal goes on.
            if not refused:
                _log.warning("the best so far is not kept: %s", error)
            refused.append(error)

    return keep


def _best_path(run_dir: str | Path) -> Path:
    return Path(run_dir) / f"best{SUFFIX}"


def _seen_before(program: Program[..., Any] | Module[..., Any], plan: Plan) -> int:
    """How many compiles are known to have seen the sealed rows.

    Those that led to the artifact that the program was loaded from, and the one that
    gave it back in this process; whoever else has seen them left no word.
    """
    came = origin(program)
    told = plan.terms.parent or (came.provenance if came else {})
    sealed = as_dict(told.get("sealed"))
    digest, looks = _looks.get(program, (sealed.get("digest"), sealed.get("looks")))
    known = isinstance(looks, int) and not isinstance(looks, bool) and looks > 0
    same = digest == digest_rows(plan.split.sealed)
    return cast(int, looks) if known and same else 0


def _reported(
    task: Task, plan: Plan, found: Verified, stopped: str, sealed: tuple[str, int]
) -> Report:
    """The report, and with it the choice between the best candidate and the seed.

    The candidate comes back where a gain is claimed, or where it is likelier the better
    and no worse on the sealed rows. Where shorter or cheaper is a gain, only the
    latter counts; and where the seed costs more than it may, the candidate comes back.
    """
    seed, best = Candidate(), best_under(task, plan.caps)
    name, metric = plan.program.name, metric_name(plan.metric)
    rated = rating_of(plan.metric)
    scores = {
        key: Evaluation(
            name, metric, tuple(results), 0.0, plan.terms.seed, rating=rated
        )
        for key, results in found.rows.items()
    }
    gain = scores[best.id].mean - scores[seed.id].mean
    shorter = plan.shorter and task.size(best) < task.size(seed)
    saves = shorter or (plan.cheaper and costs_less(task, best, seed))
    costs = {c: running_cost(task, c) for c in (seed, best)}
    dear = plan.caps.hold(costs[best]) and not plan.caps.hold(costs[seed])
    if plan.shorter or plan.cheaper:
        better = gain > 0 or (saves and gain == 0)
    else:
        # Where only how is decided is new, what was there wins a draw.
        ruled = best.values and all(
            k.endswith(("/rule", "/words")) for k in best.values
        )
        better = found.won and (gain > 0 or not ruled)
    seen = bool(scores[best.id].values)
    returned = bool(best.values) and seen and (better or dear)
    result = (best if returned else seed).apply(plan.program)
    return Report(
        plan.compiler.describe(),
        scores[seed.id],
        scores[best.id],
        best,
        returned,
        tuple(tried(task)),
        task.allowance.spend(),
        plan.quote,
        plan.program.parameters,
        result.parameters,
        "; ".join(filter(None, (stopped, found.stopped, beyond(task, best, plan.caps))))
        or _untried(task, plan.recipes),
        suspects(task),
        task.form,
        passing_shown(task),
        task.advice(),
        front=front_of(task, task.archive),
        caps=str(plan.caps),
        costs=costs_told(task, plan.caps, best if returned else seed)
        if plan.cheaper
        else "",
        credit=credit_by_contrast(task, ("model", "adapter", "descriptions")),
        claim=found.claim,
        estimate=found.estimate,
        sealed=sealed,
    )


def _untried(task: Task, recipes: Sequence[Recipe]) -> str:
    """Why nobody met the program as it was, or empty where somebody did."""
    if len(task.archive) > 1:
        return ""
    if task.fits.unfound:
        return task.fits.unfound
    slots = [f"{p}/{s}" for p in task.program.modules for s in ("instruction", "demos")]
    if task.keeping.frozen.issuperset(slots):
        return "keep= leaves no instruction and no demos to change"
    if hidden := _hidden_from(task, recipes):
        return hidden
    if not any(map(task.keeping.free, task.program.modules)):
        return "keep= leaves no instruction to change, and no demo was found"
    if "propose" in task.allowance.spend():
        return "of what the proposer wrote nothing could be used"
    if not any(p.shows for recipe in recipes for p in recipe.proposers):
        least = "the budget left no room to propose"
        found = "the compiler found nothing that it would change"
        return found if math.isinf(task.allowance.room()) else f"{found}, or {least}"
    run = task.results(Candidate(), task.split.train)
    if run and all(map(passes, run)):
        return f"the program already passes all {len(run)} training rows that were run"
    bar = f"scored {task.passing:g}" if task.passing else "was passed"
    tried = f", and of {counted(len(run), 'row')} that were run none {bar}"
    return (
        f"{counted(len(task.split.train), 'training row')} gave no demo and no "
        "instruction: none holds all fields of a module under their names"
        f"{tried if run and not any(map(passes, run)) else ''}. Give teacher=, "
        "rows that do, or a compiler that learns from failures, such as GEPA"
    )


def _hidden_from(task: Task, recipes: Sequence[Recipe]) -> str:
    """What is left out of every prompt, where nothing that may change is in one."""
    proposers = [draw.proposer for recipe in recipes for draw in recipe.rounds[0]]
    slots = {s for p in proposers for s in p.changes or ("instruction",)}
    hidden = sorted(
        key
        for key in task.keeping.unshown(Candidate()) - task.keeping.frozen
        if key.rpartition("/")[2] in slots
    )
    told = {*slots} - {"demos", "nearest"}
    if not hidden or task.keeping.leaves(told, task.program.modules):
        return ""
    key = next((key for key in hidden if key.endswith("/instruction")), hidden[0])
    remedy = "Begin the template with [instruction]"
    if key.endswith("/descriptions"):
        remedy = "Say in the template what it says"
    shown = ", and no demo was found" if told != slots else ""
    return f"no prompt shows {key!r}, so it was not changed{shown}. {remedy}"


def _provenance(
    report: Report, plan: Plan, result: Program[..., Any]
) -> dict[str, Any]:
    """The report's figures beside what identifies the run; no clock, path or host."""
    split, identity = plan.split, plan.identity
    seed_score, score = report.seed_score, report.score
    shown = score if report.returned else seed_score
    known = {k: v for k, v in identity.items() if k not in ("program", "keep")}
    return {
        **known,
        "models": {**plan.models, **models_asked(result)},
        "rows": {
            "train": len(split.train),
            "select": len(split.select),
            "sealed": len(split.sealed),
            "scored": len(shown.values),
        },
        "parent": identity["program"],
        "measured": program_digest(result),
        "score": {"seed": _figures(seed_score), "compiled": _figures(shown)},
        "improved": report.improved,
        "sealed": {"digest": report.sealed[0], "looks": report.sealed[1]},
        "spend": {"calls": report.calls, "tokens": report.tokens, "usd": report.usd},
    }


def _figures(evaluation: Evaluation) -> list[float]:
    interval = evaluation.interval
    return [round(x, 6) for x in (evaluation.mean, interval.low, interval.high)]
