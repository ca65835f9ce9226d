"""Sandbox: code that a model wrote runs beside this process, and reaches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast, final

from ...pipeline.errors import CallError, ConfigError
from ...pipeline.ground.hints import Advised, brought
from ...pipeline.ground.options import Count, Positive, checked, settings
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.lm.request import JSON
from ...pipeline.run.bridge import run_sync
from .functions import functions_of, is_name
from .outcome import CodeRun, NoData, data_of
from .session import Session


@final
@settings
class Sandbox(Advised):
    r"""A place where Python code runs that nobody has read, and its limits.

    The code runs in a process of its own, in pydantic-monty's interpreter, which knows
    no file, no socket, no environment, no clock and no package: there is nothing to
    escape to. What goes in and what comes out is plain data; functions that are passed
    in run here, with their arguments checked. Chance is seeded, so that code gives
    the same each time.

    Needs the extra `code` (pydantic-monty 1.4).

    Args:
        seconds: How long one run may compute, by the clock; the time of functions that
            it calls, and waiting for a processor among other runs, do not count.
        memory: Bytes of its heap, and of what the calls of one run hand over.
        depth: How deep its calls may nest.
        calls: How often one run may call the functions that were passed in.
        printed: Characters that are kept of what a run prints, and of its last value.

    Raises:
        ConfigError: A limit is none.

    >>> run = Sandbox().run("print(2 ** 10)\nsum(numbers)", inputs={"numbers": [1, 2]})
    >>> run.printed, run.value, run.error
    ('1024\n', 3, None)
    >>> print(Sandbox().run("import os\nos.environ").error)
    RuntimeError: 'os.environ' is not supported in this environment (line 2)
    """

    _advised_as = "sandbox"
    seconds: Positive = 10.0
    memory: Count = 256_000_000
    depth: Count = 400
    calls: Count = 1_000
    printed: Count = 20_000

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise ConfigError(
                    f"Sandbox: {name}={getattr(self, name)!r} is no limit",
                    hint=f"Give {most} at the most",
                )

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it.

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """Refuse: it runs code, and is no function."""
            del args, kwargs
            remedy = brought("sandbox", "execute")
            raise CallError("a Sandbox is not called", hint=remedy)

    @checked
    def run(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        functions: Iterable[Any] = (),
    ) -> CodeRun:
        """Run code by itself, and wait.

        Args:
            code: Python; fences of Markdown around it are taken off.
            inputs: Variables that it finds, plain JSON data by name.
            functions: Tools or typed functions that it may call by their names, without
                `await`; what they raise is raised in the code.

        Returns:
            What it printed, its value, and its error: whatever the code does, nothing
            is raised for it.

        Raises:
            ConfigError: The extra `code` is missing, an input is no data, or a function
                no tool.
            WeftError: A function failed in a way that no code may mend, such as a spent
                budget.
        """
        return run_sync(self.arun(code, inputs=inputs, functions=functions))

    async def arun(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        functions: Iterable[Any] = (),
    ) -> CodeRun:
        """As `run`, without blocking the event loop."""
        async with self.session(inputs=inputs, functions=functions) as session:
            return await session.run(code)

    def session(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        functions: Iterable[Any] = (),
    ) -> Session:
        """A sandbox that keeps its variables from one run to the next.

        >>> import asyncio
        >>> async def twice() -> object:
        ...     async with Sandbox().session() as session:
        ...         await session.run("x = 20")
        ...         return (await session.run("x + 1")).value
        >>> asyncio.run(twice())
        21
        """
        if inputs is not None and not is_mapping(inputs):
            raise ConfigError(
                f"inputs={inputs!r:.99}", hint='Write inputs={"text": text}'
            )
        known = {name: _input(name, given) for name, given in (inputs or {}).items()}
        return Session(self, known, functions_of(functions))

    def plain(self) -> dict[str, JSON]:
        """The limits as plain data, which makes the same sandbox again."""
        return {name: getattr(self, name) for name in _MOST}


_ANY_NUMBER: Final = 1_000_000_000  # of parts: what goes in is the caller's own
_MOST: Final[Mapping[str, float]] = {
    "seconds": 3_600,
    "memory": 64_000_000_000,
    "depth": 1_000,
    "calls": 100_000,
    "printed": 10_000_000,
}


def as_sandbox(given: Sandbox | Mapping[str, Any] | None) -> Sandbox:
    """A sandbox as it is, of plain data, or with the limits that hold by default.

    Raises:
        ConfigError: It is none of them.
    """
    if given is None:
        return Sandbox()
    if isinstance(given, Sandbox):
        return given
    if not is_mapping(given):
        raise ConfigError(
            f"sandbox={given!r} is none", hint="Write weft.Sandbox(seconds=5)"
        )
    return Sandbox(**given)


def _input(name: str, given: Any) -> JSON:
    """A variable for the code, as plain data.

    Raises:
        ConfigError: It is none, or has no name that code could use.
    """
    if not isinstance(cast(object, name), str) or not is_name(name):
        raise ConfigError(
            f"{name!r} is no name of a variable",
            hint="Write one that Python reads as it is, such as 'text'",
        )
    try:
        return data_of(given, _ANY_NUMBER)
    except NoData as error:
        raise ConfigError(
            f"the input {name!r} cannot go into a sandbox: {error}"
        ) from None
