"""Running regions: a body runs as often as its region says, each time as a level."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

from ..errors import StepError, WeftError
from ..graph.binding import resolve
from ..graph.graph import Body, Flow, Node
from ..graph.regions import DEFAULT
from .beside import goes_on
from .calling import moved
from .deciding import case_of, decided
from .rows import map_rows
from .runtime import Runtime
from .trace import NodeRun
from .watching import said

BodyRunner = Callable[[Flow, dict[str, Any], Runtime], Awaitable[Any]]
AT_ONCE = 256


async def run_region(
    node: Node, values: Mapping[str, Any], runtime: Runtime, run: BodyRunner
) -> Any:
    """Run a region, record the run, and give back its result.

    Args:
        node: The region.
        values: What is known so far, by source.
        runtime: Its `order` is the place of the region in the run.
        run: Runs one body.

    Raises:
        WeftError: A node of a body failed, or a value cannot decide.
    """
    path = runtime.path + node.id
    argument, binding = next(iter(node.bindings.items()))
    given = resolve(binding, values)
    runtime.started(path, node.kind)
    started = time.perf_counter()
    outputs, problem = dict[str, Any](), ""
    work = {"each": _each, "branch": _branch, "switch": _switch, "loop": _loop}
    try:
        result = await work[node.kind](node, given, values, runtime, run)
        outputs = {"result": result}
        return result
    except BaseException as error:
        problem = said(error)
        raise
    finally:
        runtime.finished(
            NodeRun(
                path,
                node.kind,
                {argument: given},
                outputs,
                seconds=time.perf_counter() - started,
                error=problem,
                order=runtime.order,
                started=started - (runtime.began or started),
            )
        )


def _known(body: Body, values: Mapping[str, Any], *given: Any) -> dict[str, Any]:
    """What a body may use: its parameters, and outer values that it captured."""
    known = {source: values[source] for source in body.captures}
    known.update(zip((p.source for p in body.params), given, strict=True))
    return known


async def _each(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    runtime: Runtime,
    run: BodyRunner,
) -> Any:
    body, failed = node.bodies["body"], dict[int, WeftError]()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise StepError(
            f"{node.id!r} got {given!r:.60}, and only a list can be gone over",
            hint=f"It stands at {node.where}; annotate the step that the value is from",
        )

    async def one(position: int, item: Any) -> Any:
        inner = moved(runtime, (*runtime.order, position), runtime.path)
        try:
            return await run(body, _known(body, values, item), inner)
        except WeftError as error:
            if not goes_on(error, runtime):
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
    runtime: Runtime,
    run: BodyRunner,
) -> Any:
    name = "then" if decided(given, repr(node.id)) else "orelse"
    body = node.bodies[name]
    return await run(body, _known(body, values), runtime)


async def _switch(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    runtime: Runtime,
    run: BodyRunner,
) -> Any:
    bodies = list(node.bodies.values())
    labels = node.options["labels"]
    position = case_of(given, labels, len(bodies) > len(labels), repr(node.id))
    body = node.bodies[DEFAULT] if position is None else bodies[position]
    return await run(body, _known(body, values), runtime)


async def _loop(
    node: Node,
    given: Any,
    values: Mapping[str, Any],
    runtime: Runtime,
    run: BodyRunner,
) -> Any:
    body, until = node.bodies["body"], node.bodies.get("until")
    state = given
    for turn in range(node.options["at_most"]):
        if until is not None:
            asking = moved(runtime, (*runtime.order, turn, 0), runtime.path)
            found = await run(until, _known(until, values, state), asking)
            if decided(found, f"'until' of {node.id!r}"):
                break
        working = moved(runtime, (*runtime.order, turn, 1), runtime.path)
        state = await run(body, _known(body, values, state), working)
    return state
