"""Asking a model to write: many requests side by side, unusable replies left out."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from ...pipeline.errors import BudgetExceeded, ContextLengthError, ModelFailure
from ...pipeline.graph.module import Module
from ...pipeline.ground import strictjson
from ...pipeline.run.rows import map_rows
from ...pipeline.run.settings import current, entered
from ..candidate import Candidate
from ..driving.task import Task
from .base import Calls
from .demos import demos_of, passes
from .rows import labelled

J = TypeVar("J")
MOST_CHARS = 16_000
MOST_INSTRUCTION = 4_000
_CUT = "[...]"


async def write_each(
    task: Task,
    jobs: Sequence[J],
    write: Callable[[J], Awaitable[Candidate | None]],
    before: int = 0,
) -> list[Candidate]:
    """Candidates that a model writes, one a job, in the order of the jobs.

    Each job has a sample index of its own, so that equal requests still get different
    answers; of a model at temperature 0, which has none, they are made once. What the
    ledger has no room for is left out, as is an unusable reply, and a request that is
    too long for the writer.

    Args:
        task: Whose writer is asked, on whose ledger.
        jobs: What to write.
        write: Asks for one of them.
        before: How many jobs of this round came before these.
    """
    ledger = task.allowance.ledger
    runtime = replace(current(), account="propose", ledger=ledger, once=True)
    if task.proposer is not None:
        runtime = replace(runtime, lm=task.proposer)

    async def one(position: int, job: J) -> Candidate | None:
        sample = task.number * 1000 + before + position
        with entered(replace(current(), sample=sample)):
            try:
                return await write(job)
            except (ModelFailure, ContextLengthError, BudgetExceeded):
                return None

    with entered(runtime):
        made = await map_rows(one, jobs, concurrency=task.concurrency)
    return [candidate for candidate in made if candidate is not None]


def writing_calls(n: int, *modules: Module[..., Any]) -> Calls:
    """One request of each module a proposal, and their repairs at the most."""
    most = sum(1 + module.repairs for module in modules)
    return Calls(n * len(modules), n * len(modules), n * most)


def spread(
    task: Task, parents: Sequence[Candidate], n: int, paths: Sequence[str] = ()
) -> list[tuple[int, Candidate, str]]:
    """(Number, parent, module path) of `n` proposals, spread over the modules.

    Modules whose edits have gained the most for each try get more of them; those that
    were never tried come first. Without `paths` every module has a part; one whose
    instruction must stay has none.
    """
    free = [path for path in paths or task.program.modules if task.keeping.free(path)]
    tries = dict.fromkeys(free, 0)
    gains = dict.fromkeys(tries, 0.0)
    by_id = {c.id: c for c in task.archive}
    for child in task.archive:
        parent = by_id.get(child.parent)
        if parent is None:
            continue
        for path in tries:
            slot = f"{path}/instruction"
            if child.values.get(slot) != parent.values.get(slot):
                tries[path] += 1
                gains[path] = max(gains[path], _gain(task, child, parent))
    jobs: list[tuple[int, Candidate, str]] = []
    for at in range(n if tries else 0):
        path = max(tries, key=lambda p: (gains[p] + 0.05) / (tries[p] + 1))
        tries[path] += 1
        jobs.append((at, parents[at % len(parents)], path))
    return jobs


def _gain(task: Task, child: Candidate, parent: Candidate) -> float:
    rows = [r for r in task.rows if task.result(child, r) and task.result(parent, r)]
    return task.mean(child, rows) - task.mean(parent, rows)


def instruction_of(task: Task, candidate: Candidate, path: str) -> str:
    """The instruction that a candidate gives a module."""
    return candidate.apply(task.program).modules[path].parameters.instruction


def instructed(
    task: Task, parent: Candidate, path: str, text: str, origin: str
) -> Candidate | None:
    """A child with a new instruction, or None where it is empty or the old one."""
    fixed = text.strip()[: room_for(task, path)].rstrip()
    if not fixed or fixed == instruction_of(task, parent, path):
        return None
    return parent.but({f"{path}/instruction": fixed}, origin)


def room_for(task: Task, path: str) -> int:
    """How many characters an instruction may have: 4,000, or twice the seed's own."""
    own = task.program.modules[path].parameters.instruction
    return max(MOST_INSTRUCTION, 2 * len(own))


def solved_examples(
    task: Task, path: str, count: int, rng: random.Random
) -> list[dict[str, Any]]:
    """Solved cases of one module as plain data, labelled rows or passing traces."""
    module = task.program.modules[path]
    demos = labelled(task, module, count, rng, set(), [])
    if not demos:
        train = {row.digest for row in task.split.train}
        cells = [r for (_, row), r in sorted(task.cells.items()) if row in train]
        traces = [demos_of(cell, task.program) for cell in cells if passes(cell)]
        demos = [found[path] for found in traces if path in found]
        rng.shuffle(demos)
    return within([shown(module, d.values) for d in demos[:count]])


def shown(module: Module[..., Any], values: Any) -> dict[str, Any]:
    """A case of a module as a writer is shown it."""
    spec = module.spec
    return {
        "inputs": {n: values[n] for n in spec.inputs if n in values},
        "outputs": {n: values[n] for n in spec.outputs if n in values},
    }


def within(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first examples that fit into one request.

    One that no request has room for is shown with the middle of its texts cut out.
    """
    kept: list[dict[str, Any]] = []
    chars = 0
    for example in map(_fitting, examples):
        chars += len(strictjson.dumps(example))
        if chars > MOST_CHARS:
            break
        kept.append(example)
    return kept


def _fitting(example: dict[str, Any]) -> dict[str, Any]:
    """An example; a quarter of a request where it is longer than a whole one."""
    made, most = example, MOST_CHARS
    if len(strictjson.dumps(example)) > MOST_CHARS:
        while len(strictjson.dumps(made)) > MOST_CHARS // 4 and most > len(_CUT):
            most //= 2
            made = {key: _cut(value, most) for key, value in example.items()}
    return made


def _cut(value: Any, most: int) -> Any:
    """A value whose every text keeps both ends, and at most so many characters."""
    if isinstance(value, str) and len(value) > most:
        return f"{value[: most // 2]} {_CUT} {value[len(value) - most // 2 :]}"
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _cut(item, most) for key, item in items}
    if isinstance(value, list | tuple):
        return [_cut(item, most) for item in cast("Sequence[Any]", value)]
    return value
