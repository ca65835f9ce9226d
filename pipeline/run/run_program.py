"""Running a program inside another: a node of its own, with its own nodes inside it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from .runtime import Runtime
from .trace import NodeRun
from .watching import said, value_of

T = TypeVar("T")


async def run_program(
    path: str,
    inputs: Mapping[str, Any],
    runtime: Runtime,
    work: Callable[[], Awaitable[T]],
) -> T:
    """Run a program as a node, record the run, and give back what the work gives.

    Args:
        path: The program's path.
        inputs: What it is given.
        runtime: Its `order` is the place of the node in the run.
        work: Runs the program; gives back its value or a `Run`.

    Raises:
        WeftError: A node of the program failed.
    """
    runtime.started(path, "program")
    started = time.perf_counter()
    outputs, problem = dict[str, Any](), ""
    try:
        made = await work()
        outputs = {"result": value_of(made)}
        return made
    except BaseException as error:
        problem = said(error)
        raise
    finally:
        runtime.finished(
            NodeRun(
                path,
                "program",
                inputs,
                outputs,
                seconds=time.perf_counter() - started,
                error=problem,
                order=runtime.order,
                started=started - (runtime.began or started),
            )
        )
