"""The decorator `@tool`: above a typed function it makes a tool of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar, overload

from ...pipeline.graph.step import StepOptions
from ...pipeline.graph.uses import Used
from ...pipeline.ground.options import checked
from .tool import MOST_CHARACTERS, Tool, ToolOptions

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class _Maker:
    """The decorator that `@tool(...)` with options gives."""

    name: str | None
    description: str | None
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    options: ToolOptions = field(default_factory=ToolOptions)
    step: StepOptions = field(default_factory=StepOptions)
    uses: tuple[Used, ...] = ()

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Tool[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Tool[P, R]: ...
    def __call__(self, function: Any) -> Any:
        made: Tool[..., Any] = Tool(
            function,
            self.name,
            self.description,
            arguments=self.arguments,
            options=self.options,
            step=self.step,
            uses=self.uses,
        )
        return made


@overload
def tool(function: Callable[P, Coroutine[Any, Any, R]], /) -> Tool[P, R]: ...
@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    arguments: Mapping[str, str] | None = None,
    most: int = MOST_CHARACTERS,
    approval: bool = False,
    timeout: float | None = None,
    retries: int = 0,
    reusable: bool = True,
    uses: Iterable[Used] = (),
) -> _Maker: ...
@checked
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    arguments: Mapping[str, str] | None = None,
    most: int = MOST_CHARACTERS,
    approval: bool = False,
    timeout: float | None = None,
    retries: int = 0,
    reusable: bool = True,
    uses: Iterable[Used] = (),
) -> Any:
    """Make a typed function a tool.

    Args:
        function: What the tool runs: blocking or async.
        name: What the model calls it; the function's own name when not given.
        description: When to use it; what its docstring says when not given.
        arguments: What is said of arguments, by name; over the docstring's `Args`.
        most: Characters of a result that the model is shown.
        approval: Whether a person must agree before it runs.
        timeout: Seconds that one attempt may take; None for no limit.
        retries: How many further attempts may follow one that failed.
        reusable: Whether `run(..., reuse=trace)` may take a result that came of it from
            a trace; False for one that reads a clock or changes the world.
        uses: Modules, steps and programs that it calls by itself.

    >>> @tool
    ... def add(a: int, b: int = 1) -> int:
    ...     '''The sum of two numbers.'''
    ...     return a + b
    >>> add(2), add.schema["required"]
    (3, ['a'])
    """
    maker = _Maker(
        name,
        description,
        arguments or {},
        ToolOptions(most, approval),
        StepOptions(timeout, retries, reusable),
        tuple(uses),
    )
    return maker if function is None else maker(function)
