"""The thin bridge from synchronous callers to the asynchronous core.

One background loop serves every synchronous call of the process, so that they share
connections and limits; it works from any thread, and inside a running event loop such
as a notebook's. Context variables travel along.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from ..errors import ConfigError, GraphError
from ..ground.loops import Begun
from ..ground.system import at_fork
from ..seam import refuse_traced

P = ParamSpec("P")
T = TypeVar("T")

_STEP_THREADS = 64
_LOOK = 0.2  # seconds
_EXIT_SECONDS = 1
_depth: contextvars.ContextVar[int] = contextvars.ContextVar("weft_depth", default=0)


class WouldWait(ConfigError):
    """A synchronous call on the background loop, which would wait for itself."""


class _Background:
    """The process's loop thread and step threads, started at first use."""

    def __init__(self) -> None:
        self._left: object = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.forget()

    def forget(self) -> None:
        """Start afresh, as a forked child must: threads do not come along."""
        self._lock = threading.Lock()
        # Kept, never closed: its selector is shared with the parent.
        self._left, self._loop = (self._left, self._loop), None
        self._thread: threading.Thread | None = None
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                _refuse_ending()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="weft", daemon=True
                )
                self._thread.start()
            return self._loop

    def runs_here(self) -> bool:
        """Whether the caller stands on the loop thread itself."""
        return threading.current_thread() is self._thread

    def pool(self, depth: int) -> ThreadPoolExecutor:
        # One pool a nesting depth: a step that waits for steps inside it can then
        # never hold the last thread they need.
        with self._lock:
            if depth not in self._pools:
                self._pools[depth] = ThreadPoolExecutor(
                    _STEP_THREADS, thread_name_prefix=f"weft-step-{depth}"
                )
            return self._pools[depth]

    def stop(self) -> None:
        """Close the loop at the exit, unless something is left on it.

        What is left ends with the process: to stop it here would tell of tasks that
        were destroyed. A loop that is left for no reason, the interpreter closes half.
        """
        with self._lock:
            loop, self._loop = self._loop, None
            thread = self._thread
        if loop is None or thread is None:
            return
        idle: Future[bool] = Future()
        loop.call_soon_threadsafe(lambda: idle.set_result(not asyncio.all_tasks(loop)))
        with suppress(TimeoutError):  # whoever blocks it does not hold the exit
            if idle.result(_EXIT_SECONDS):
                loop.call_soon_threadsafe(loop.stop)
                thread.join(_EXIT_SECONDS)


def _refuse_ending() -> None:
    """Refuse to start a thread while the interpreter ends: it would never begin.

    Raises:
        ConfigError: It does.
    """
    if sys.is_finalizing():
        raise ConfigError(
            "a synchronous call was made while the interpreter ends",
            hint="Make it before the program's last line, or in an atexit function",
        )


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped, whatever the work on it raises.

    asyncio lets SystemExit and KeyboardInterrupt of a task fall through the loop, which
    would leave every other caller waiting for ever; the task's own caller gets it.
    """
    stopped = False
    while not stopped:
        try:
            loop.run_forever()
            stopped = True
        except (SystemExit, KeyboardInterrupt):
            continue
    loop.close()


_background = _Background()
atexit.register(_background.stop)
at_fork(after_in_child=_background.forget)


def on_loop() -> bool:
    """Whether this code stands on the background loop, where nothing may block."""
    return _background.runs_here()


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the background loop and give back its result.

    Ctrl-C cancels the work and waits for its clean-up before it is raised.

    Raises:
        ConfigError: It is called from asynchronous code that weft itself runs, whose
            loop would wait for itself.
        GraphError: A program is traced right now: there are no values yet.
    """
    _refuse_waiting(work)
    return _run(work, contextvars.copy_context())


def waits_for(
    work: Callable[P, Coroutine[Any, Any, T]],
    wait: Callable[[Coroutine[Any, Any, T]], T] = run_sync,
) -> Callable[[Callable[[], None]], Callable[P, T]]:
    """Make the form of `work` that ordinary code calls, and that waits for it.

    What it decorates gives the name and the docstring; its body runs first, and may
    refuse the call.
    """

    def twin(form: Callable[[], None]) -> Callable[P, T]:
        @functools.wraps(form)
        def waiting(*args: P.args, **kwargs: P.kwargs) -> T:
            form()
            return wait(work(*args, **kwargs))

        vars(waiting)["__signature__"] = inspect.signature(work)
        waiting.__annotations__ = work.__annotations__
        return waiting

    return twin


async def on_background(work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that runs on the background loop, from any loop.

    What lives on one loop, such as a connection that many share, lives there. Whoever
    is cancelled here cancels it there; context variables travel along.
    """
    if _background.runs_here():
        return await work
    there = asyncio.run_coroutine_threadsafe(work, _background.loop())
    return await asyncio.wrap_future(there)


def clean_up(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a clean-up to its end, from wherever an object happens to be collected.

    On the loop itself, where nothing may wait, it runs soon after. While the
    interpreter ends it does not run: what it would stop ends with the process.
    """
    if _background.runs_here():
        task = asyncio.get_running_loop().create_task(work())
        _cleaning.add(task)
        task.add_done_callback(_cleaning.discard)
    elif not sys.is_finalizing():
        _run(work(), contextvars.copy_context())


_cleaning: set[asyncio.Task[None]] = set()


def run_ahead(work: Coroutine[Any, Any, T]) -> T:
    """As `run_sync`, with the first step made here: an answer at hand needs no loop.

    Args:
        work: The call of one module, whose first step needs no loop; see `Begun`.
    """
    _refuse_waiting(work)
    begun = Begun(work)
    return begun.value if begun.ended else _run(begun.rest(), begun.context)


def _refuse_waiting(work: Coroutine[Any, Any, Any]) -> None:
    try:
        refuse_traced("nothing can run", "Run the finished program")
    except GraphError:
        work.close()
        raise
    if _background.runs_here():
        work.close()
        raise WouldWait(
            "a synchronous call was made inside asynchronous code that weft runs",
            hint="Await the asynchronous form, such as module.acall(...), or make the "
            "step a plain def",
        )


def _run(work: Coroutine[Any, Any, T], context: contextvars.Context) -> T:
    loop = _background.loop()
    done: Future[T] = Future()
    task: list[asyncio.Task[T]] = []

    def start() -> None:
        made = loop.create_task(work, context=context)
        task.append(made)
        made.add_done_callback(lambda finished: _hand_over(finished, done))

    try:
        loop.call_soon_threadsafe(start)
        return _result(done)
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(lambda: [t.cancel() for t in task])
        _wait(done)
        raise


def side_by_side(
    body: Callable[[Any], Any], items: Sequence[Any], most: int
) -> list[Any]:
    """A function's results for some items, in threads, in the order of the items."""
    if len(items) < 2 or on_loop():
        return [body(item) for item in items]
    pool = ThreadPoolExecutor(min(most, _STEP_THREADS, len(items)))
    try:
        copied = contextvars.copy_context
        jobs = [pool.submit(copied().run, body, item) for item in items]
        return [job.result() for job in jobs]
    finally:
        pool.shutdown(cancel_futures=True)


async def in_thread(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a blocking function in a thread, so that the loop never waits for it.

    Raises:
        RuntimeError: It raised StopIteration, which no task can be ended with.
    """
    pool, work = _background.pool(_depth.get()), _inside(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, work)


async def in_own_thread(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """As `in_thread`, for what may be given up: it holds no thread of others then.

    It begins at once, whatever else runs, and the process does not wait for it.
    """
    done: Future[T] = Future()
    work = _inside(function, *args, **kwargs)

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over whole
            done.set_exception(error)

    done.set_running_or_notify_cancel()
    threading.Thread(target=run, name="weft-timed-step", daemon=True).start()
    return await asyncio.wrap_future(done)


def _inside(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> Callable[[], T]:
    """The call in a copy of this context, one level deeper."""
    depth, context = _depth.get(), contextvars.copy_context()
    context.run(_depth.set, depth + 1)

    def work() -> T:
        try:
            return context.run(function, *args, **kwargs)
        except StopIteration as error:
            raise RuntimeError("it raised StopIteration") from error

    return work


def _hand_over(finished: asyncio.Task[T], done: Future[T]) -> None:
    if finished.cancelled():
        done.cancel()
        return
    error = finished.exception()
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(finished.result())


def _result(done: Future[T]) -> T:
    """Wait as `done.result()` does, and look up now and then.

    A signal's handler runs between two instructions, never inside a wait: one that
    arrives just before a wait without an end would be heard when it is over.
    """
    while not done.done():
        try:
            return done.result(timeout=_LOOK)
        except TimeoutError:
            continue  # or the work's own, which is raised below
    return done.result()


def _wait(done: Future[Any]) -> None:
    try:
        done.exception(timeout=2)
    except BaseException:  # noqa: BLE001 - whatever the work ends with, Ctrl-C goes first
        return
