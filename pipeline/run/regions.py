"""Running regions: a body runs as often as its region says, each time as a level."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

from ..calls.store import RunStore
from ..errors import ContextLengthError, ModelFailure, StepError, WeftError
from ..graph.binding import resolve
from ..graph.control import case_of, decided
from ..graph.graph import Body, Flow, Node
from ..graph.regions import DEFAULT
from .context import Context, Recorded
from .rows import map_rows

BodyRunner = Callable[[Flow, dict[str, Any], Context], Awaitable[Any]]
AT_ONCE = 256
SCORED = (ModelFailure, ContextLengthError)
"""Failures that a compile scores, as it does an answer that is wrong."""


def goes_on(error: BaseException, context: Context) -> bool:
    """Whether what runs beside a failed node goes on to its end.

    It does where all answers of a run are kept and the failure is a result like any
    other. Were it cancelled, what is sent, and so what is spent, would hang on which
    answer came first.
    """
    return isinstance(error, SCORED) and isinstance(context.settings.store, RunStore)


async def run_region(
    node: Node, values: Mapping[str, Any], context: Context, run: BodyRunner
) -> Any:
    """Run a region, record the run, and give back its result.

    Args:
        node: The region.
        values: What is known so far, by source.
        context: Its `order` is the place of the region in the run.
        run: Runs one body.

    Raises:
        WeftError: A node of a body failed, or a value cannot decide.
    """
    argument, binding = next(iter(node.bindings.items()))
    given = resolve(binding, values)
    work = {"each": _each, "branch": _branch, "switch": _switch, "loop": _loop}
    with Recorded(
        context, context.path + node.id, node.kind, {argument: given}
    ) as entry:
        result = await work[node.kind](node, given, values, context, run)
        entry.outputs = {"result": result}
    return result


def _known(body: Body, values: Mapping[str, Any], *given: Any) -> dict[str, Any]:
    """What a body may use: its parameters, and outer values that it captured."""
    known = {source: values[source] for source in body.captures}
    known.update(zip((p.source for p in body.params), given, strict=True))
    return known


async def _each(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    context: Context,
    run: BodyRunner,
) -> Any:
    body, failed = node.bodies["body"], dict[int, WeftError]()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise StepError(
            f"{node.id!r} got {given!r:.60}, and only a list can be gone over",
            hint=f"It stands at {node.where}; annotate the step that the value is from",
        )

    async def one(position: int, item: Any) -> Any:
        inner = context.at(position)
        try:
            return await run(body, _known(body, values, item), inner)
        except WeftError as error:
            if not goes_on(error, context):
                raise
            failed[position] = error

    items: list[Any] = list(cast(Any, given))
    at_once = node.options.get("at_once", AT_ONCE)
    made = await map_rows(one, items, concurrency=at_once)
    if failed:
        raise failed[min(failed)]
    return made


async def _branch(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    context: Context,
    run: BodyRunner,
) -> Any:
    name = "then" if decided(given, repr(node.id)) else "orelse"
    body = node.bodies[name]
    return await run(body, _known(body, values), context)


async def _switch(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    context: Context,
    run: BodyRunner,
) -> Any:
    bodies = list(node.bodies.values())
    labels = node.options["labels"]
    position = case_of(given, labels, len(bodies) > len(labels), repr(node.id))
    body = node.bodies[DEFAULT] if position is None else bodies[position]
    return await run(body, _known(body, values), context)


async def _loop(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    context: Context,
    run: BodyRunner,
) -> Any:
    body, until = node.bodies["body"], node.bodies.get("until")
    state = given
    for turn in range(node.options["at_most"]):
        if until is not None:
            asking = context.at(turn, 0)
            found = await run(until, _known(until, values, state), asking)
            if decided(found, f"'until' of {node.id!r}"):
                break
        working = context.at(turn, 1)
        state = await run(body, _known(body, values, state), working)
    return state
