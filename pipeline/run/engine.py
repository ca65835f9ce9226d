"""Running a graph: a node starts when its inputs are there.

A chain runs node by node in one task; anything wider runs as structured tasks, so that
the wall time is the critical path's and a failure cancels what runs beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from functools import partial
from typing import Any

from ..errors import BudgetExceeded, WeftError
from ..graph.binding import INPUT, resolve
from ..graph.build import Parts
from ..graph.graph import REGIONS, Flow, Node
from .beside import goes_on
from .calling import moved
from .memo import memory
from .run_program import run_program
from .run_region import run_region
from .run_step import run_step
from .runtime import Runtime


def run_parts(
    parts: Parts, bound: Mapping[str, Any], runtime: Runtime
) -> Coroutine[Any, Any, Any]:
    """Run a program's parts with checked inputs and give back its value.

    Raises:
        WeftError: The first node's error, in the order of the program.
    """
    values = {f"{INPUT}.{name}": value for name, value in bound.items()}
    return run_flow(parts, parts.graph, values, runtime)


async def run_flow(
    parts: Parts, flow: Flow, values: dict[str, Any], runtime: Runtime
) -> Any:
    """Run one level: a program's graph, or a region's body.

    Args:
        parts: What the nodes call.
        flow: The level.
        values: What is known so far, by source; the nodes' results are added.
        runtime: Its `order` is the place of the level in the run.

    Raises:
        WeftError: The first node's error, in the order of the level.
    """
    if flow.plan.chain:
        for position, node in enumerate(flow.nodes):
            values[node.id] = await _run_node(parts, node, position, values, runtime)
    else:
        await _run_wide(parts, flow, values, runtime)
    return resolve(flow.output, values)


async def _run_wide(
    parts: Parts, flow: Flow, values: dict[str, Any], runtime: Runtime
) -> None:
    nodes, followers = flow.nodes, flow.plan.followers
    waiting = list(flow.plan.waits)
    failed: dict[int, BaseException] = {}

    async def run_one(position: int) -> None:
        node = nodes[position]
        try:
            value = await _run_node(parts, node, position, values, runtime)
        except BudgetExceeded as error:  # what runs beside it is paid for, and ends
            failed[position] = error
            return
        except WeftError as error:
            failed[position] = error
            if goes_on(error, runtime):
                return
            raise
        values[node.id] = value
        for follower in followers[position]:
            waiting[follower] -= 1
            if waiting[follower] == 0 and all_go_on():
                group.create_task(run_one(follower))

    def all_go_on() -> bool:
        return all(goes_on(error, runtime) for error in failed.values())

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


def _run_node(
    parts: Parts,
    node: Node,
    position: int,
    values: dict[str, Any],
    runtime: Runtime,
) -> Awaitable[Any]:
    here = moved(runtime, (*runtime.order, position), runtime.path)
    if node.kind in REGIONS:
        return run_region(node, values, here, partial(run_flow, parts))
    arguments = {name: resolve(b, values) for name, b in node.bindings.items()}
    path = runtime.path + node.target
    known = memory.get()
    if node.kind == "module":
        module = parts.modules[node.target]
        bound = module.spec.bind(arguments, path)
        if known is not None and (hit := known.module(module, bound, here, path)):
            return _known(hit.value)
        return module.run_node(bound, here, path)
    if node.kind == "step":
        step = parts.steps[node.target]
        if known is not None and (hit := known.step(step, arguments, here, path)):
            return _known(hit.value)
        return run_step(step, arguments, here, path, node.where)
    program = parts.programs[node.target]
    inner = moved(here, here.order, path + "/")
    return run_program(
        path, arguments, here, lambda: program.run_inside(arguments, inner)
    )


async def _known(value: Any) -> Any:
    return value
