"""Models by name while a compile chooses among them, and what its choice costs.

A candidate holds the name of a model. While a compile runs, and in the programs that it
gives back, the name stands for the model that the caller gave, with its address and its
key; a file holds the name alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from ...pipeline.graph.program import Program
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.run.settings import current, entered
from ..search.candidate import Candidate
from ..search.running_cost import Caps, RunningCost, price_words
from ..search.task import Task

P = ParamSpec("P")
R = TypeVar("R")


@contextlib.contextmanager
def choosing(models: Mapping[str, LanguageModel]) -> Generator[None]:
    """Let names stand for models in a scope."""
    if not models:
        yield
        return
    now = current()
    with entered(replace(now, lms={**now.lms, **models})):
        yield


def asking(
    program: Program[P, R], models: Mapping[str, LanguageModel]
) -> Program[P, R]:
    """A program whose chosen names are bound to the models that they stand for."""
    bound = {
        path: module.with_(lm=models[name], model=name)
        for path, module in program.modules.items()
        if (name := module.parameters.model) in models and name is not None
    }
    return program.with_modules(bound)


def models_asked(program: Program[..., Any]) -> dict[str, str]:
    """By module path, the models that were chosen and bound, as endpoints know them."""
    return {
        path: module.lm.model
        for path, module in program.modules.items()
        if module.lm is not None and module.parameters.model is not None
    }


def running_cost(task: Task, candidate: Candidate) -> RunningCost:
    """What a row of a candidate costs, by the select rows that it was seen on.

    By the other rows where it was seen on none of those.
    """
    split = task.split
    seen = task.results(candidate, task.rows)
    return RunningCost.of(
        seen or task.results(candidate, (*split.train, *split.sealed))
    )


def best_under(task: Task, caps: Caps) -> Candidate:
    """The best candidate whose rows cost no more than the caps.

    The best of all where there are no caps. Where nobody is under them, the best whose
    rows cost no more than those of the program as it was.
    """
    if not caps:
        return task.archive[0]
    costs = {c: running_cost(task, c) for c in task.archive}
    seed = running_cost(task, Candidate())
    under = [c for c, cost in costs.items() if caps.hold(cost)]
    no_dearer = [c for c, cost in costs.items() if cost.dominates(seed)]
    return next(iter([*under, *no_dearer]), Candidate())


def costs_less(task: Task, one: Candidate, other: Candidate) -> bool:
    """Whether a row of one candidate surely costs less than one of another."""
    mine, theirs = running_cost(task, one), running_cost(task, other)
    return mine.no_dearer(theirs) and not theirs.no_dearer(mine)


def costs_told(task: Task, caps: Caps, made: Candidate) -> str:
    """What a row costs before and after, in words."""
    old, new = running_cost(task, Candidate()), running_cost(task, made)
    prices = f"{price_words(old.usd_per_1000)} -> {price_words(new.usd_per_1000)}"
    under = f"; at most {caps}" if caps else ""
    return f"{prices}, {old.tokens:,.0f} -> {new.tokens:,.0f} tokens a row{under}"


def beyond(task: Task, best: Candidate, caps: Caps) -> str:
    """That nobody was under the caps, in words; empty where somebody was."""
    cost = running_cost(task, best)
    if not caps or caps.hold(cost):
        return ""
    costs = {c: running_cost(task, c) for c in task.archive}
    least = min(costs, key=lambda c: costs[c].order)
    return (
        f"no candidate costs at most {caps}: the cheapest, {least.origin}, costs "
        f"{price_words(costs[least].usd_per_1000)}, {costs[least].tokens:,.0f} tokens "
        "a row"
    )
