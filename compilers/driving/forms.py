"""The forms that a compile asks in: one from its first call to its last, and kept.

What is known of an endpoint may change while a compile is killed and goes on. So its
journal holds the forms that it began with, and its result holds those that it ended
with: a refused schema is the only thing that can lie between.

A program whose replies cannot be read scores nothing whatever its instruction says, and
a search would spend its calls on instructions. So where the trial run shows many such
replies, the other forms are tried on the same rows, and the most legible one is where
the search starts from.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final, ParamSpec, TypeVar

from ...pipeline.adapters.settling import Forms, may_probe, settled
from ...pipeline.data.rows import Example
from ...pipeline.errors import BudgetExceeded
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.lm.abilities import abilities_of
from ...pipeline.lm.form import Form, form_of
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.measure.row_result import RowResult
from ...pipeline.run.settings import current, entered
from ..search.candidate import Candidate
from ..search.task import Task

P = ParamSpec("P")
R = TypeVar("R")
_FAILING: Final = 0.25
_SHARE: Final = 0.2
"""Of the room that is left: what looking for another form may take."""
_OTHERS: Final = ("json", "chat", "plain", "completion")


@dataclass(frozen=True)
class Asking:
    """A module of the program that names no settled form, and whom it asks."""

    own: str
    module: Module[..., Any]
    lm: LanguageModel


def forms_at_first(
    program: Program[..., Any], others: Mapping[str, Program[..., Any]]
) -> dict[str, str]:
    """The forms by module path, by what is known now; none where nothing was learnt.

    First editions hang on nothing that may change, and need no record.

    Args:
        program: As it was.
        others: What it may become that asks other models, or in other forms, by name.
    """
    made = {
        path: settled(a.own, a.lm, a.module.spec)
        for path, a in _asking_any(program, others).items()
    }
    if all(form.is_first for form in made.values()):
        return {}
    return {path: str(form) for path, form in made.items()}


@contextlib.contextmanager
def keeping_forms(
    program: Program[..., Any],
    begun: Mapping[str, str],
    others: Mapping[str, Program[..., Any]] | None = None,
) -> Generator[Forms]:
    """Ask in the forms that a compile began with, in a scope; see `forms_at_first`."""
    forms = Forms()
    for path, asking in _asking_any(program, others or {}).items():
        if path in begun:
            form = form_of(begun[path])
            forms.fix(asking.own, asking.lm, asking.module.spec, form)
    with entered(replace(current(), forms=forms)):
        yield forms


def with_forms(program: Program[P, R], forms: Forms) -> Program[P, R]:
    """The program with the form that each module was asked in, written down."""
    changes = {
        f"{path}/adapter": str(forms.of(a.own, a.lm, a.module.spec))
        for path, a in _asking(program).items()
    }
    return program.with_parameters(changes) if changes else program


def form_in_use(program: Program[..., Any], path: str) -> Form:
    """The form that a module of the program is asked in now."""
    module, runtime = program.modules[path], current()
    lm = runtime.model_of(path, module)
    return runtime.form_for(module.parameters.adapter, lm, module.spec)


def _asking_any(
    program: Program[..., Any], others: Mapping[str, Program[..., Any]]
) -> dict[str, Asking]:
    """What the program asks, and what it may come to ask, by path and name."""
    found = _asking(program)
    for name, other in others.items():
        found |= {f"{path} {name}": asking for path, asking in _asking(other).items()}
    return found


def _asking(program: Program[..., Any]) -> dict[str, Asking]:
    runtime, found = current(), dict[str, Asking]()
    for path, module in program.modules.items():
        own = runtime.form_asked(module.parameters.adapter)
        if form_of(own).flags is None and not form_of(own).is_first:
            lm = runtime.model_of(path, module)
            found[path] = Asking(own, module, lm)
    return found


async def most_legible(task: Task, rows: Sequence[Example]) -> None:
    """Put another form in front of the archive, where the program's own one fails.

    Args:
        task: Its archive holds the seed alone; what was found stands in `task.form`.
        rows: Training rows that the seed was run on.
    """
    seed = task.archive[0]
    seen = [r for row in rows if (r := task.result(seed, row)) is not None]
    paths = _paths(task.program)
    if not seen or not paths or (share := legible(seen)) > 1 - _FAILING:
        return
    own = form_in_use(task.program, paths[0])
    some = list(rows[: len(seen)])
    others = [c for c in _others(task, paths, str(own)) if c.id != seed.id]
    reach = task.allowance.rows(_SHARE)
    if not math.isinf(reach):
        others = others[: int(reach) // max(1, len(some))]
    tried = {seed: (share, task.mean(seed, some))}
    for candidate in others:
        try:
            results = await task.observe(candidate, some, "bootstrap")
        except BudgetExceeded:
            break
        tried[candidate] = (legible(results), task.mean(candidate, some))
    best = max(tried, key=lambda c: tried[c])
    rated = f"{share:.0%} of the replies in the form {own} could be read at once"
    if best == seed:
        more = "; no other form did better" if len(tried) > 1 else ""
        task.form = f"the form is what fails: {rated}{more}"
        return
    form = best.values[f"{paths[0]}/adapter"]
    task.form = (
        f"the form was what failed: {rated}, and {tried[best][0]:.0%} in {form}, "
        "which the search went on with"
    )
    task.archive = [best, *task.archive]


def legible(results: Sequence[RowResult]) -> float:
    """The share of questions whose first reply was read.

    In [0, 1]; 1 where none was asked.
    """
    nodes = [n for r in results for n in r.trace.nodes if n.kind == "module"]
    asked = [len(n.calls) == 1 and not n.error for n in nodes if n.calls]
    return fmean(asked) if asked else 1.0


def _paths(program: Program[..., Any]) -> list[str]:
    """The modules that ask a language model in a form of weft's choosing."""
    runtime, found = current(), list[str]()
    for path, module in program.modules.items():
        lm = runtime.model_of(path, module)
        if may_probe(lm):
            found.append(path)
    return found


def _others(task: Task, paths: Sequence[str], own: str) -> list[Candidate]:
    """The seed in each other form, settled for the models that are asked."""
    runtime, made = current(), list[Candidate]()
    for name in _OTHERS:
        values: dict[str, Any] = {}
        for path in paths:
            module = task.program.modules[path]
            lm = runtime.model_of(path, module)
            can, forms = abilities_of(lm), runtime.forms
            asked = runtime.form_asked(module.parameters.adapter)
            if name == "completion" and not (can and can.base):
                break  # a model that was taught turns is asked in turns
            refused = bool(forms and forms.why(asked, lm, module.spec))
            values[f"{path}/adapter"] = str(settled(name, lm, refused=refused))
        free = task.keeping.within(Candidate(values, f"asked in the form {name}"))
        if values and own not in values.values() and free.values:
            made.append(free)
    return made
