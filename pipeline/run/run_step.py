"""Running a step: its timeout, its further attempts, and the modules it uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import CoroutineType
from typing import Any

from ..errors import StepError, WeftError
from ..graph.step import Step
from .calling import Inside, inside, moved
from .runtime import Runtime, entered
from .trace import Call, NodeRun
from .watching import said

_FIRST_PAUSE = 0.1
_WORK = (CoroutineType, asyncio.Future)


async def run_step(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    runtime: Runtime,
    path: str,
    where: str = "",
) -> Any:
    """Run a step as a node, record the run, and give back its result.

    Raises:
        StepError: It raised, or took too long, in every attempt.
        WeftError: A module that it called failed.
    """
    runtime.started(path, "step")
    started = time.perf_counter()
    problem, outputs, failed = "", dict[str, Any](), list[str]()
    # One count for all attempts: what a later one calls has places of its own.
    here = Inside(step.uses.stand_ins, run_step)
    try:
        result = await _attempts(step, arguments, runtime, path, where, failed, here)
        outputs = {"result": result}
        return result
    except BaseException as error:
        problem = said(error)
        raise
    finally:
        runtime.finished(
            NodeRun(
                path,
                "step",
                arguments,
                outputs,
                tuple(here.asked.calls),
                repairs=tuple(failed),
                seconds=time.perf_counter() - started,
                error=problem,
                order=runtime.order,
                started=started - (runtime.began or started),
                failed=_ended_by(here, problem),
            )
        )


def _ended_by(here: Inside, problem: str) -> Call | None:
    """The call of a model that brought no answer, where the step ended in its error."""
    failed = here.asked.failed
    return failed if failed is not None and failed.error == problem else None


async def _attempts(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    runtime: Runtime,
    path: str,
    where: str,
    failed: list[str],
    here: Inside,
) -> Any:
    """Run until an attempt succeeds or none is left; `failed` keeps what went wrong."""
    inner = moved(runtime, runtime.order, path + "/")
    for attempt in range(step.options.retries + 1):
        try:
            return await _attempt(step, arguments, inner, path, where, here)
        except WeftError as error:
            final = not (isinstance(error, StepError) or error.retryable)
            if final or attempt == step.options.retries:
                raise
            failed.append(f"attempt {attempt + 1}: {error.message}")
        await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


async def _attempt(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    inner: Runtime,
    path: str,
    where: str,
    here: Inside,
) -> Any:
    hint = f"It was called at {where}" if where else ""
    limit, clock = step.options.timeout, None
    token = inside.set(here)
    try:
        with entered(inner):
            if limit is None:
                return _awaited(await step.run(arguments), path)
            async with asyncio.timeout(limit) as clock:
                return _awaited(await step.run(arguments), path)
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
    finally:
        inside.reset(token)


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
