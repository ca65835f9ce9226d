"""A training under way: step by step, booked, and kept so that a kill loses little.

What is kept says what it is of: another plan, other rows or other weights begin anew.
Steps that were made before a kill are booked again: the budget decides the same.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from ...pipeline.errors import BudgetExceeded, ConfigError
from ...pipeline.ground.files import write_bytes
from ...pipeline.ground.lazy import deferred
from ...pipeline.lm.soft.words import name_for
from ...pipeline.lm.white.lessons import Lesson
from ...pipeline.lm.white.weights import WhiteModel
from ...pipeline.lm.white.worker import WORKER
from ...pipeline.run.bridge import in_thread
from ..search.candidate import Candidate
from ..search.task import Task
from .lessons import Trained, trained_in

if TYPE_CHECKING:
    from ...pipeline.lm.white import loaded, tuning
    from ...pipeline.lm.white.tuning import Plan, Tuning
else:
    loaded = deferred("weft.pipeline.lm.white", "loaded")
    tuning = deferred("weft.pipeline.lm.white", "tuning")

V = TypeVar("V")

_log: Final = logging.getLogger("weft")
_EVERY: Final = 10
"""Steps from one time that a training is kept to the next."""
SHARE: Final = 0.5
"""Of the tokens and the seconds that a budget leaves: what all trainings of a proposer
may take, so that what was trained can race and be verified."""


async def candidates(
    task: Task,
    parent: Candidate,
    only: str,
    slot: str,
    of: Callable[[Trained, int], Awaitable[list[V]]],
    what: str,
    called: str = "",
) -> list[Candidate]:
    """Candidates with what was trained for each module, the states in the end first.

    Args:
        task: The compile.
        parent: The program that is trained.
        only: The path of the one module that is wanted; empty for all.
        slot: The parameter that is trained.
        of: Trains for a module, given how many trainings share the budget.
        what: What was trained, for people.
        called: What it is called; the modules' paths by default.

    Raises:
        ConfigError: No module asks a model that runs in this process, or several would
            get one name, by which a served model could not tell them apart.
    """
    found = trained_in(task, parent, only, slot)
    _refuse_one_name(found, called)
    made = [await of(one, len(found)) for one in found]
    least = min(map(len, made))
    slots = [f"{one.path}/{slot}" for one in found]
    return [
        parent.but(
            dict(zip(slots, (states[at] for states in made), strict=True)),
            f"{what}, after {least - at} of {least} parts of the steps" if at else what,
        )
        for at in range(least)
    ]


def _refuse_one_name(found: Sequence[Trained], called: str) -> None:
    """Refuse modules whose words or updates would have one name.

    Raises:
        ConfigError: Some would.
    """
    by_name: dict[str, str] = {}
    for one in found:
        name = called or name_for(one.path)
        other = by_name.setdefault(name, one.path)
        if other != one.path:
            raise ConfigError(
                f"what is trained for {other!r} and for {one.path!r} would both be "
                f"called {name!r}",
                hint="Train one module after the other, by module= and called=",
            )


def refuse_unknown(option: str, value: str, known: Sequence[str]) -> None:
    """Refuse a setting that is none of those that are known.

    Raises:
        ConfigError: It is not among them.
    """
    if value not in known:
        raise ConfigError(
            f"{option}={value!r} is not known",
            hint=f"Give one of {', '.join(map(repr, known))}",
        )


async def trained(
    task: Task,
    model: WhiteModel,
    lessons: Sequence[Lesson],
    plan: Plan[V],
    *,
    snapshots: int,
    parts: int,
) -> list[V]:
    """Carry out a training; give what comes out in the end, and states on the way.

    Args:
        task: The compile; its ledger pays, its folder keeps.
        model: The weights, which stay as they are.
        lessons: What is learnt from.
        plan: What is trained, and how: soft words, a prefix, or low-rank updates.
        snapshots: How many states are wanted, the last one first.
        parts: How many trainings share what the budget leaves.

    Returns:
        At most so many, the last first; fewer where the budget ended it early.

    Raises:
        BudgetExceeded: It does not pay for a single step.
        ContextLengthError: A row does not fit the model's context.
    """
    until = time.monotonic() + task.allowance.seconds(SHARE) / parts
    held = await WORKER.run(loaded.load, model)
    made = await WORKER.run(tuning.Tuning, held, lessons, plan)
    steps = _affordable(task, made, parts)
    if steps < plan.steps:
        plan = replace(plan, steps=steps)
        made = await WORKER.run(tuning.Tuning, held, lessons, plan)
    file = _file(task, model, lessons, plan)
    if file is not None:
        await WORKER.run(_resume, made, file)
    went_before = made.done
    wanted = {round(steps * (n + 1) / snapshots) for n in range(snapshots)}
    try:
        await _read(task, made)
        for step in range(steps):
            if step >= went_before:
                if step and time.monotonic() > until:
                    await WORKER.run(made.snap)
                    break
                await WORKER.run(made.step)
            task.allowance.ledger.train(made.tokens(step), made.seconds[step])
            done = step + 1
            if done in wanted and done > went_before:
                await WORKER.run(made.snap)
            if file is not None and done > went_before and _is_kept(done, steps):
                await in_thread(write_bytes, file, await WORKER.run(made.kept), 0o600)
    except BudgetExceeded:
        if not made.done:
            raise
        await WORKER.run(made.snap)
    found = await WORKER.run(made.values)
    return [found[step] for step in sorted(found, reverse=True)]


async def _read(task: Task, made: Tuning[V]) -> None:
    """Read what stands before the words, once; row by row, so that calls get between.

    Raises:
        BudgetExceeded: It does not fit.
    """
    task.allowance.ledger.train(made.reading)
    for at in range(len(made.lessons.rows)):
        await WORKER.run(made.read, at)


def _affordable(task: Task, made: Tuning[V], parts: int) -> int:
    """How many of the steps a budget in tokens pays for.

    Raises:
        BudgetExceeded: Not one.
    """
    free = task.allowance.tokens(SHARE) / parts - made.reading
    taken = 0
    for step in range(made.plan.steps):
        taken += made.tokens(step)
        if taken > free:
            if not step:
                raise BudgetExceeded(
                    f"the budget leaves {max(0, int(free))} tokens for training "
                    f"{made.plan.name!r}, and a step takes {taken}",
                    hint="Raise the budget, or give fewer rows= and a smaller batch=",
                )
            return step
    return made.plan.steps


def _is_kept(done: int, steps: int) -> bool:
    return done % _EVERY == 0 or done == steps


def _file(
    task: Task, model: WhiteModel, lessons: Sequence[Lesson], plan: Plan[V]
) -> Path | None:
    """Where a training is kept, by all that it follows from."""
    if task.folder is None:
        return None
    digest = hashlib.sha256(repr((model.digest, model.threads, plan)).encode())
    for lesson in lessons:
        digest.update(lesson.request.canonical + lesson.reply.encode() + b"\0")
    return task.folder / "training" / f"{digest.hexdigest()[:16]}.safetensors"


def _resume(made: Tuning[V], file: Path) -> None:
    """Go on from what was kept; what cannot be read is done again."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return
    try:
        made.resume(data)
    except ValueError as error:
        _log.warning(
            "%s is not gone on with, %s: the training begins anew", file, error
        )
