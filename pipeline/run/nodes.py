"""How nodes run: a level of them, a region, a step, the body of a module.

A node starts when its inputs are there. A chain runs in one task; anything wider runs
as structured tasks, so that the wall time is the critical path's and a failure cancels
what runs beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import CoroutineType
from typing import Any, NamedTuple, cast

from .. import seam
from ..calls.store import RunStore
from ..errors import (
    BudgetExceeded,
    CallError,
    ContextLengthError,
    ModelFailure,
    StepError,
    WeftError,
)
from ..graph.binding import resolve, source_name, takes_of
from ..graph.control import case_of, decided
from ..graph.graph import Body, Flow, Node
from ..graph.regions import DEFAULT
from ..graph.step import Step
from ..ground.words import said
from .bridge import in_own_thread, in_thread
from .context import Asked, Context, Recorded
from .rows import map_rows
from .settings import entered

Answered = Callable[[Node, int, dict[str, Any], Context], Awaitable[Any]]
"""Runs one node, given its position and the values that are known."""

AT_ONCE = 256
SCORED = (ModelFailure, ContextLengthError)
"""Failures that a compile scores, as it does an answer that is wrong."""

_FIRST_PAUSE = 0.1
_WORK = (CoroutineType, asyncio.Future)


def fitting(bind: Callable[..., Any], *given: Any, node: Node | None = None) -> Any:
    """Arguments inside a run, checked by what binds them; `node` is given them.

    Raises:
        StepError: A value does not fit. What it hangs on is the row: others may be
            well, so it is no mistake in the call, as a name that is misspelt is.
    """
    try:
        return bind(*given)
    except CallError as error:
        if not error.field:
            raise
        came = takes_of(node.bindings[error.field]) if node else ()
        names = ", ".join(dict.fromkeys(source_name(take.source) for take in came))
        said_of = f"{error.message}; it came from {names}" if names else error.message
        raise StepError(said_of, hint=error.hint) from None


def bound_in(at: Context | None, target: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """Checked arguments of a call; `at` is the place of the code that makes it.

    Raises:
        CallError: They do not fit, and no run is under way.
        StepError: As `fitting`.
    """
    bind, call = target.bind, (args, kwargs)
    bound: dict[str, Any] = bind(*call) if at is None else fitting(bind, *call)
    return bound


async def run_level(
    flow: Flow, values: dict[str, Any], context: Context, answer: Answered
) -> Any:
    """Run one level: a program's graph, or a region's body.

    Args:
        flow: The level.
        values: What is known so far, by source; the nodes' results are added.
        context: Its `order` is the place of the level in the run.
        answer: Runs one node.

    Raises:
        WeftError: The first node's error, in the order of the level.
    """
    context = context.noting() if flow.plan.twins else context
    if flow.plan.chain:
        for position, node in enumerate(flow.nodes):
            values[node.id] = await answer(node, position, values, context)
    else:
        await _wide(flow, values, context, answer)
    return resolve(flow.output, values)


async def _wide(
    flow: Flow, values: dict[str, Any], context: Context, answer: Answered
) -> None:
    nodes, followers = flow.nodes, flow.plan.followers
    waiting = list(flow.plan.waits)
    failed: dict[int, BaseException] = {}

    async def run_one(position: int) -> None:
        node = nodes[position]
        try:
            value = await answer(node, position, values, context)
        except BudgetExceeded as error:  # what runs beside it is paid for, and ends
            failed[position] = error
            return
        except WeftError as error:
            failed[position] = error
            if goes_on(error, context):
                return
            raise
        values[node.id] = value
        for follower in followers[position]:
            waiting[follower] -= 1
            if waiting[follower] == 0 and all_go_on():
                group.create_task(run_one(follower))

    def all_go_on() -> bool:
        return all(goes_on(error, context) for error in failed.values())

    ready = [position for position, count in enumerate(waiting) if count == 0]
    try:
        async with asyncio.TaskGroup() as group:
            for position in ready:
                group.create_task(run_one(position))
    except BaseExceptionGroup as errors:
        if failed:
            raise failed[min(failed)] from None
        raise errors.exceptions[0] from None
    if failed:
        raise failed[min(failed)]
    if any(node.id not in values for node in nodes):  # something cancelled itself
        raise asyncio.CancelledError


def goes_on(error: BaseException, context: Context) -> bool:
    """Whether what runs beside a failed node goes on to its end.

    It does where all answers of a run are kept and the failure is a result like any
    other. Were it cancelled, what is sent, and so what is spent, would hang on which
    answer came first.
    """
    return isinstance(error, SCORED) and isinstance(context.settings.store, RunStore)


async def run_region(
    node: Node, values: Mapping[str, Any], context: Context, answer: Answered
) -> Any:
    """Run a region, record the run, and give back its result.

    Args:
        node: The region.
        values: What is known so far, by source.
        context: Its `order` is the place of the region in the run.
        answer: Runs one node of a body.

    Raises:
        WeftError: A node of a body failed, or a value cannot decide.
    """
    argument, binding = next(iter(node.bindings.items()))
    given = resolve(binding, values)
    work = {"each": _each, "branch": _branch, "switch": _switch, "loop": _loop}
    at = _Region(node, values, context, answer)
    with Recorded(
        context, context.path + node.id, node.kind, {argument: given}
    ) as entry:
        result = await work[node.kind](at, given)
        entry.outputs = {"result": result}
    return result


class _Region(NamedTuple):
    """A region at its place in a run: what is known there, and who runs its nodes."""

    node: Node
    values: Mapping[str, Any]
    context: Context
    answer: Answered

    def run(self, body: Body, context: Context, *given: Any) -> Awaitable[Any]:
        """Run a body, which knows its parameters and outer values that it captured."""
        known = {source: self.values[source] for source in body.captures}
        known.update(zip((p.source for p in body.params), given, strict=True))
        return run_level(body, known, context, self.answer)


async def _each(at: _Region, given: Any) -> Any:
    body, failed = at.node.bodies["body"], dict[int, WeftError]()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise StepError(
            f"{at.node.id!r} got {given!r:.60}, and only a list can be gone over",
            hint=f"It stands at {at.node.where}; annotate the step that the value is "
            "from",
        )

    async def one(position: int, item: Any) -> Any:
        try:
            return await at.run(body, at.context.at(position), item)
        except WeftError as error:
            if not goes_on(error, at.context):
                raise
            failed[position] = error

    items: list[Any] = list(cast(Any, given))
    at_once = at.node.options.get("at_once", AT_ONCE)
    made = await map_rows(one, items, concurrency=at_once)
    if failed:
        raise failed[min(failed)]
    return made


async def _branch(at: _Region, given: Any) -> Any:
    name = "then" if decided(given, repr(at.node.id)) else "orelse"
    body = at.node.bodies[name]
    return await at.run(body, at.context)


async def _switch(at: _Region, given: Any) -> Any:
    bodies = list(at.node.bodies.values())
    labels = at.node.options["labels"]
    position = case_of(given, labels, len(bodies) > len(labels), repr(at.node.id))
    body = at.node.bodies[DEFAULT] if position is None else bodies[position]
    return await at.run(body, at.context)


async def _loop(at: _Region, given: Any) -> Any:
    body, until = at.node.bodies["body"], at.node.bodies.get("until")
    state = given
    for turn in range(at.node.options["at_most"]):
        if until is not None:
            found = await at.run(until, at.context.at(turn, 0), state)
            if decided(found, f"'until' of {at.node.id!r}"):
                break
        state = await at.run(body, at.context.at(turn, 1), state)
    return state


async def run_function(step: Step[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Run a step's function, off the event loop if it blocks."""
    function, first, rest = step.arranged(arguments)
    if step.awaited:
        return await function(*first, **rest)
    # What a timeout gives up runs on: it must not hold up other steps, or the exit.
    inside = in_thread if step.options.timeout is None else in_own_thread
    return await inside(function, *first, **rest)


async def run_step(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    context: Context,
    path: str,
    where: str,
    inside: seam.Engine,
    asked: Asked,
) -> Any:
    """Run a step as a node, record the run, and give back its result.

    Args:
        step: What runs.
        arguments: Its arguments by name.
        context: Its `order` is the node's place in the run.
        path: The node's path.
        where: File and line of the call, or empty.
        inside: Answers what the function calls.
        asked: The calls that it makes of a model itself.

    Raises:
        StepError: It raised, or took too long, in every attempt.
        WeftError: A module that it called failed.
    """
    with Recorded(context, path, "step", arguments) as entry:
        entry.asked = asked
        with seam.answered_by(inside), entered(context.settings):
            result = await _attempts(step, arguments, path, where, asked)
        entry.outputs = {"result": result}
    return result


async def _attempts(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    path: str,
    where: str,
    asked: Asked,
) -> Any:
    """Run until an attempt succeeds or none is left; `asked` keeps what went wrong."""
    for attempt in range(step.options.retries + 1):
        try:
            return await _attempt(step, arguments, path, where)
        except WeftError as error:
            final = not (isinstance(error, StepError) or error.retryable)
            if final or attempt == step.options.retries:
                raise
            asked.again(f"attempt {attempt + 1}: {error.message}")
        await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


async def _attempt(
    step: Step[..., Any], arguments: Mapping[str, Any], path: str, where: str
) -> Any:
    hint = f"It was called at {where}" if where else ""
    limit, clock = step.options.timeout, None
    try:
        if limit is None:
            return _awaited(await run_function(step, arguments), path)
        async with asyncio.timeout(limit) as clock:
            return _awaited(await run_function(step, arguments), path)
    except WeftError:
        raise
    except Exception as error:
        clock_ran_out = clock is not None and clock.expired()
        # A step is the user's code: whatever it raises is reported as the step's.
        if clock_ran_out and isinstance(error, TimeoutError):
            message = f"step {path!r} took longer than {limit:g} s"
            raise StepError(message, hint=hint) from None
        problem = f"{type(error).__name__}: {said(error)}"
        raise StepError(f"step {path!r} raised {problem}", hint=hint) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():  # it is the run that is cancelled
            raise
        raise StepError(f"step {path!r} raised CancelledError", hint=hint) from error
    except SystemExit as error:
        # Let through, it would end the process in silence, with every other row.
        remedy = "Return a value, or raise an error that says what is wrong"
        raise StepError(
            f"step {path!r} tried to end the process with sys.exit({error.code!r})",
            hint=f"{remedy}. {hint}" if hint else remedy,
        ) from error


def _awaited(result: Any, path: str) -> Any:
    """What a step gave, where that is no work that it forgot to wait for."""
    if not isinstance(result, _WORK):
        return result
    if isinstance(result, CoroutineType):
        result.close()
    raise StepError(
        f"step {path!r} gave back work that it did not wait for",
        hint="Make it an `async def`, and write `return await ...acall(...)`",
    )
