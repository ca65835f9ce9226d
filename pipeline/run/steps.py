"""Running a step: its timeout, its further attempts, and the modules it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import CoroutineType
from typing import Any

from .. import seam
from ..errors import StepError, WeftError
from ..graph.step import Step
from .bridge import in_thread
from .context import Asked, Context, Recorded
from .settings import entered

_FIRST_PAUSE = 0.1
_WORK = (CoroutineType, asyncio.Future)


async def run_function(step: Step[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Run a step's function, off the event loop if it blocks."""
    function, first, rest = step.arranged(arguments)
    if step.awaited:
        return await function(*first, **rest)
    return await in_thread(function, *first, **rest)


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
            result = await _attempts(step, arguments, path, where, asked.repairs)
        entry.outputs = {"result": result}
    return result


async def _attempts(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    path: str,
    where: str,
    failed: list[str],
) -> Any:
    """Run until an attempt succeeds or none is left; `failed` keeps what went wrong."""
    for attempt in range(step.options.retries + 1):
        try:
            return await _attempt(step, arguments, path, where)
        except WeftError as error:
            final = not (isinstance(error, StepError) or error.retryable)
            if final or attempt == step.options.retries:
                raise
            failed.append(f"attempt {attempt + 1}: {error.message}")
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
        problem = f"{type(error).__name__}: {error}"
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
