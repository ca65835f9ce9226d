"""Runs of code that share their variables, in a process beside this one.

This is the one file that knows pydantic-monty.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar, cast, final

from ...pipeline.errors import ConfigError
from ...pipeline.ground import strictjson
from ...pipeline.ground.loops import PerLoop
from ...pipeline.ground.words import brief, counted
from ...pipeline.lm.request import JSON
from .functions import Ended, Function, called, refused
from .outcome import CodeError, CodeRun, NoData, Printed, data_of, shown, size_of
from .reading import likeliest, readings

if TYPE_CHECKING:
    import pydantic_monty as monty

T = TypeVar("T")

_MOST_WORDS: Final = 2_000
_STOP: Final = "1 / 0\n"  # raises before anything else runs
_NO_LIMIT: Final = 1_000_000_000  # of suspensions: they are counted here
_LOOKUPS: Final = 10  # names that may be asked for beside each call
_IN_BETWEEN: Final = re.compile(r"external function '(\w+)' cannot suspend in this")
_LOOP: Final = "call it in a loop or a comprehension"
_ANEW: Final = "; the sandbox begins anew, without its variables"


async def _let_go(_: object) -> None:
    """Nothing to close."""


_turns: Final[PerLoop[asyncio.Semaphore]] = PerLoop(
    lambda: asyncio.Semaphore(max(2, os.cpu_count() or 1)), _let_go
)
"""How many sandboxes compute at once: time limits mean something under load, too."""
_used_by: Final[list[int]] = []
_LAST: Final = 0.1
"""Seconds that a process waits at its end: a thread of the library that still lets go
of what it held aborts a process whose interpreter is gone."""


class Limits(Protocol):
    """What a session holds code to; see `Sandbox`."""

    @property
    def seconds(self) -> float:
        """How long one run may compute."""
        ...

    @property
    def memory(self) -> int:
        """Bytes of its heap."""
        ...

    @property
    def depth(self) -> int:
        """How deep its calls may nest."""
        ...

    @property
    def calls(self) -> int:
        """How often one run may call functions."""
        ...

    @property
    def printed(self) -> int:
        """Characters that are kept of what it prints."""
        ...


@final
class Session:
    """Runs of code that see one another's variables; opened with `async with`.

    A run that ends at a limit of time or memory ends the process, too: the next one
    begins anew, with nothing but the inputs.

    Args:
        limits: What the code is held to.
        inputs: Variables that the code finds, plain JSON data by name.
        functions: What it may call, by name.
        fixed: Those of them that a run finds again whatever the one before made of
            their names.
    """

    def __init__(
        self,
        limits: Limits,
        inputs: Mapping[str, Any],
        functions: Mapping[str, Function],
        fixed: Iterable[str] = (),
    ) -> None:
        self._limits = limits
        self._functions = functions
        for name in inputs:
            if name in functions:
                raise ConfigError(
                    f"{name!r} is an input and a function", hint="Rename one of them"
                )
        # Functions are bound as inputs are, so that they go before built-in ones.
        self._bound: dict[str, Any] = {name: _stub(name) for name in functions}
        self._bound |= inputs
        self._fixed = {name: _stub(name) for name in fixed}
        self._session: monty.AsyncMontySession | None = None
        self._stack = AsyncExitStack()
        self._running = asyncio.Lock()
        self._entered = False

    async def __aenter__(self) -> Self:
        self._entered = True
        await self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entered = False
        await self._end()

    @property
    def ended(self) -> bool:
        """Whether the last run ended the process: the next finds the inputs alone."""
        return self._session is None

    async def begin_anew(self) -> None:
        """Forget all variables but the inputs."""
        await self._end()

    async def run(self, code: str) -> CodeRun:
        """Run code; see `Sandbox.run`.

        A function that raises `Ended` ends the run there, as if the code ended.
        """
        if not isinstance(cast(object, code), str):
            raise ConfigError(
                f"code={code!r:.99} is no text", hint='Write run("1 + 1")'
            )
        if not self._entered:
            raise ConfigError(
                "the session of a sandbox is not open",
                hint="Write async with sandbox.session() as session: ...",
            )
        async with self._running:
            return await self._read_and_ran(code)

    async def _read_and_ran(self, code: str) -> CodeRun:
        try:
            return await self._ran(
                await self._read(strictjson.clean(code)), Printed(self._limits.printed)
            )
        except BaseException:
            await self._end()
            raise

    async def _read(self, text: str) -> str:
        """The code of a reply: only what is no Python is read in another way."""
        found = readings(text)
        if len(found) > 1:
            for code in found:
                if await self._is_python(code):
                    return code
        return likeliest(text)

    async def _is_python(self, code: str) -> bool:
        """Whether code can be read; nothing of it runs."""
        known, session = _monty(), await self._opened()
        try:
            await _turn(partial(session.feed_run, _STOP + code))
        except known.MontySyntaxError:
            return False
        except known.MontyCrashedError:  # as the run will, which tells of it
            await self._end()
        except known.MontyError:
            pass
        return True

    async def _ran(self, code: str, printed: Printed) -> CodeRun:
        """Run code that is Python, or find that it is none."""
        known = _monty()
        try:
            value = await self._fed(code, printed)
        except Ended:
            await self._end()
            return CodeRun(code, printed.text)
        except _Limit as error:
            await self._end()
            return self._failed(code, printed, "RuntimeError", f"{error}{_ANEW}", 0)
        except known.MontyCrashedError as error:
            await self._end()
            words = self._too_long if error.timed_out else f"it broke down{_ANEW}"
            kind = "TimeoutError" if error.timed_out else "SystemError"
            return self._failed(code, printed, kind, words, 0)
        except (known.MontyRuntimeError, known.MontySyntaxError) as error:
            return await self._raised(code, printed, error)
        data: JSON = None
        with contextlib.suppress(NoData):  # it is shown all the same
            data = data_of(value)
        text = shown(value, self._limits.printed)
        return CodeRun(code, printed.text, data, text)

    async def _raised(
        self,
        code: str,
        printed: Printed,
        error: monty.MontyRuntimeError | monty.MontySyntaxError,
    ) -> CodeRun:
        """What the code raised; a spent limit in words that hold no measured time."""
        kind = error.display("type-msg").partition(":")[0].strip()
        words, frames = error.display("msg"), error.traceback()
        if kind == "TimeoutError" and not frames:
            await self._end()
            words = self._too_long
        elif kind == "MemoryError" and not frames:
            await self._end()
            words = f"{self._too_large}{_ANEW}"
        elif kind == "MemoryError" and words.startswith("memory limit"):
            words = self._too_large
        elif named := _IN_BETWEEN.match(words):
            words = f"{named[1]} cannot be called by map, sorted or the like: {_LOOP}"
        line = frames[-1].line if frames else 0
        return self._failed(code, printed, kind, words, line)

    def _failed(
        self, code: str, printed: Printed, kind: str, words: str, line: int
    ) -> CodeRun:
        words = brief(strictjson.clean(words), _MOST_WORDS)
        return CodeRun(code, printed.text, error=CodeError(kind, words, line))

    @property
    def _too_long(self) -> str:
        return f"the code ran longer than {self._limits.seconds:g} seconds{_ANEW}"

    @property
    def _too_large(self) -> str:
        return f"the code needs more than {self._limits.memory} bytes of memory"

    async def _fed(self, code: str, printed: Printed) -> Any:
        """Run code to its end, and answer what it calls on the way."""
        known, session = _monty(), await self._opened()
        left = self._limits.calls
        lookups, room = _LOOKUPS * left, self._limits.memory
        later: dict[int, Any] = {}
        begin = partial(
            session.feed_start, code, inputs=self._fixed, print_callback=printed
        )
        at: Any = await _turn(begin)
        while not isinstance(at, known.MontyComplete):
            goes_on: Callable[[], Awaitable[Any]]
            if isinstance(at, known.AsyncNameLookupSnapshot):
                lookups -= 1
                goes_on = at.resume
            elif isinstance(at, known.AsyncFutureSnapshot):
                lookups -= 1
                came = {i: later.pop(i, _NO_FUTURE) for i in at.pending_call_ids}
                goes_on = partial(at.resume, came)
            elif at.is_os_function or at.function_name not in self._functions:
                lookups -= 1
                goes_on = partial(refused, at)
            else:
                left -= 1
                if left < 0:
                    raise _Limit(
                        f"more than {counted(self._limits.calls, 'call')} in one run"
                    )
                room -= size_of([at.args, at.kwargs], room)
                if room < 0:
                    raise _Limit(
                        f"its calls hand over more than {self._limits.memory} bytes"
                    )
                answer = await called(at, self._functions)
                if at.allow_eager_await:  # the code awaits it
                    later[at.call_id] = answer
                    answer = {"future": ...}
                goes_on = partial(at.resume, answer)
            if lookups < 0:
                raise _Limit("too many names that are not there")
            at = await _turn(goes_on)
        return at.output

    async def _opened(self) -> monty.AsyncMontySession:
        """The process, begun with the inputs, and anew after each run that ended it.

        Raises:
            ConfigError: The inputs do not fit into it.
        """
        session = self._session
        if session is None:
            known, limits = _monty(), self._limits
            # A process of its own: another's variables are never near.
            pool = known.AsyncMonty(min_processes=0, max_processes=1)
            await self._stack.enter_async_context(pool)
            checkout = pool.checkout(
                limits={
                    "max_feed_duration_secs": float(limits.seconds),
                    "max_memory": limits.memory,
                    "max_recursion_depth": limits.depth,
                    "max_suspensions": _NO_LIMIT,
                },
                os_policy={
                    "datetime": "call_host",
                    "sleep": "zero",
                    "process_time": "zero",
                    "random_start": {"seed": 0},
                },
            )
            made: monty.AsyncMontySession = await self._stack.enter_async_context(
                checkout
            )
            try:
                await _turn(partial(made.feed_run, "None", inputs=self._bound))
            except known.MontyError as error:
                await self._end()
                raise ConfigError(
                    f"the inputs cannot go into a sandbox: {error}"[:_MOST_WORDS],
                    hint=f"Its memory={limits.memory} may be too small for them",
                ) from None
            session = self._session = made
        return session

    async def _end(self) -> None:
        self._session = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()


_NO_FUTURE: Final = {"exc_type": "RuntimeError", "message": "nothing to wait for"}


class _Limit(Exception):
    """A run made more of something than it may."""


async def _turn(work: Callable[[], Awaitable[T]]) -> T:
    """Let the code compute, with as many others at once as there are processors.

    Args:
        work: Begins it at once: to await it is to wait for what goes on already.
    """
    async with await _turns.here():
        return await work()


def _stub(name: str) -> Callable[[], None]:
    """What stands in the sandbox for a function; it is never called there."""

    def stub() -> None: ...

    stub.__name__ = stub.__qualname__ = name
    return stub


def _monty() -> Any:
    """The library, imported at first use.

    Raises:
        ConfigError: It is not installed, or was used before this process was forked.
    """
    try:
        import pydantic_monty  # noqa: PLC0415 - an extra, for those who run code
    except ImportError:
        raise ConfigError(
            "the sandbox is not installed",
            hint="Write pip install 'pydantic-monty>=1.4'",
        ) from None
    if not _used_by:
        _used_by.append(os.getpid())
        atexit.register(time.sleep, _LAST)
    if os.getpid() != _used_by[0]:
        raise ConfigError(
            "the sandbox was used before this process was forked, and its threads "
            "stayed with the parent",
            hint="Run code after the fork only, or start the process with spawn",
        )
    return pydantic_monty
