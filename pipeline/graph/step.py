"""Steps: ordinary Python functions used as nodes."""

from __future__ import annotations

import inspect
import itertools
import sys
import typing
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import (
    Any,
    Generic,
    ParamSpec,
    TypeGuard,
    TypeVar,
    cast,
    final,
    overload,
)

from .. import seam
from ..errors import ConfigError, GraphError, SignatureError, did_you_mean
from ..seam import Kind, caller
from ..signature.arguments import (
    POSITIONAL_ONLY,
    POSITIONAL_OR_KEYWORD,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    Inputs,
    named_parameters,
    types_of,
)
from ..signature.types import type_name
from .module import Module
from .runnable import Runnable
from .uses import Ancestor, Part, Used, Uses, descent_of, variables_of

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")

_serials = itertools.count()
_YIELDS = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)


@dataclass(frozen=True)
class StepOptions:
    """How a step runs as a node.

    Args:
        timeout: Seconds that one attempt may take, or None for no limit. A blocking
            function cannot be stopped: the node fails, its thread runs on to its end.
        retries: How many further attempts may follow one that raised or took too long.
        reusable: Whether `run(..., reuse=trace)` may take its result from the trace.
        untuned: Whether what it calls, and `uses=` does not name, stays as it is.
    """

    timeout: float | None = None
    retries: int = 0
    reusable: bool = True
    untuned: bool = False

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout > 0:
            raise ConfigError(
                f"timeout={self.timeout} leaves no time", hint="Give seconds above 0"
            )
        if self.retries < 0:
            raise ConfigError(
                f"retries={self.retries} is no number of attempts",
                hint="Give 0 or more",
            )


@final
class Step(Generic[P, R_co]):
    """A function that is a node of a program when it is called in one.

    A blocking function runs in a thread, so it holds up no other node; an async one
    runs on the event loop. Called outside a program it is simply the function.
    """

    node_kind: Kind = "step"
    """What it is as a node."""

    def __init__(
        self,
        function: Callable[P, Any],
        name: str | None = None,
        uses: Iterable[Used] = (),
        options: StepOptions | None = None,
        inputs: Inputs | None = None,
    ) -> None:
        self.function = function
        own = getattr(function, "__name__", "")
        self.name = name or own
        other = isinstance(cast(object, function), type | Runnable)
        if other or not own or not self.name.isidentifier():
            raise SignatureError(
                f"{function!r} cannot be a step: a step is a function with a name",
                hint="Write @weft.step above a typed `def`",
            )
        if any(yields(function) for yields in _YIELDS):
            raise GraphError(
                f"{caller()}: step {self.name!r} yields, and a node gives one value",
                hint="Return the values as a list",
            )
        self.options = options or StepOptions()
        self.tool: object = None
        """The tool whose function this is, or None."""
        try:
            self.parameters = inspect.signature(function)
        except ValueError:  # one of Python's own, such as max
            raise SignatureError(
                f"{caller()}: {self.name!r} says nothing of its parameters",
                hint=f"Write a function that calls it: def {self.name}_of(values)",
            ) from None
        self._spread = False
        self.serial = next(_serials)
        try:
            self._hints = typing.get_type_hints(function)
        except NameError as error:
            raise SignatureError(
                f"{caller()}: step {self.name!r}: {error}, so a type cannot be "
                "resolved",
                hint="Define the type at module level, before the step",
            ) from None
        self.uses: Uses = _uses_of(function, uses, self.name)
        self.awaited: bool = inspect.iscoroutinefunction(function)
        """Whether the function is async."""
        if inputs is not None:
            own = inspect.signature(function, follow_wrapped=False)
            self.parameters = named_parameters(own, inputs, self.name)
            self._hints |= types_of(inputs)
            # Without **kwargs what is named can be passed on by position alone.
            self._spread = all(
                p.kind is not VAR_KEYWORD for p in own.parameters.values()
            )
        by_position = (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)[: 1 + self._spread]
        self._first = tuple(
            name
            for name, parameter in self.parameters.parameters.items()
            if parameter.kind in by_position
        )
        self.__doc__ = function.__doc__
        self.__name__ = self.name
        self.__module__ = function.__module__
        self._original: Step[P, R_co] | None = None
        self._descent: tuple[Ancestor, ...] = ()

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A step is found by its name, as its function would be, or by its tool."""
        if self.tool is not None and self._original is None:
            return as_step, (self.tool,)
        if self._original is None:
            name = self.function.__qualname__
            home = sys.modules.get(self.function.__module__)
            if getattr(home, name, None) is self.function:  # it was given undecorated
                return type(self), (self.function, self.name)
            return name
        return _with_modules, (self._original, self.modules)

    @property
    def result(self) -> Any:
        """The type of the result; Any where it is not written."""
        return self._hints.get("return", Any)

    def wants(self, parameter: str) -> Any:
        """The type of a parameter; Any where it is not written."""
        return self._hints.get(parameter, Any)

    @property
    def modules(self) -> dict[str, Module[..., Any]]:
        """The modules it uses, by path."""
        return self.uses.modules

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Step[P, R_co]:
        """The same step with some of the modules it uses replaced, keyed by path."""
        if not changes:
            return self
        made: Step[P, R_co] = object.__new__(type(self))
        vars(made).update(vars(self), _original=self._original or self)
        made.uses = self.uses.with_modules(changes)
        made._descent = descent_of(self, modules=changes)
        return made

    @property
    def descent(self) -> tuple[Ancestor, ...]:
        """What it was changed from, the nearest first."""
        return self._descent

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, /, *args: Any, after: object, **kwargs: Any) -> R_co: ...
    def __call__(self, /, *args: Any, **kwargs: Any) -> R_co:
        """Call the function; inside a program being traced, add a node.

        Args:
            args: The function's arguments.
            kwargs: The function's arguments, and `after`: results of nodes that must
                have run before, for steps tied only by side effect. Outside a trace
                Python's own order holds.
        """
        after = () if "after" in self.parameters.parameters else kwargs.pop("after", ())
        return cast(R_co, seam.answerer().call(self, args, kwargs, after))

    async def acall(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function without blocking the event loop."""
        engine = seam.engine(self.name, "acall")
        return cast(R_co, await engine.acall(self, args, kwargs))

    def bind(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        """Arguments by parameter name.

        Raises:
            GraphError: They do not fit the function.
        """
        known = self.parameters.parameters
        any_name = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in () if any_name else kwargs:
            if name not in known:
                raise GraphError(
                    f"{where}: step {self.name!r} has no parameter {name!r}",
                    hint=did_you_mean(name, known),
                )
        try:
            bound = self.parameters.bind(*args, **kwargs)
        except TypeError as error:
            wanted = ", ".join(f"{n}: {type_name(self.wants(n))}" for n in known)
            raise GraphError(
                f"{where}: step {self.name!r}: {error}",
                hint=f"It is {self.name}({wanted})",
            ) from None
        kinds = (VAR_KEYWORD, VAR_POSITIONAL)
        if any(self.parameters.parameters[n].kind in kinds for n in bound.arguments):
            raise GraphError(
                f"{where}: step {self.name!r} takes *args or **kwargs",
                hint="Name each parameter, so that wiring can be checked, or name what "
                'these hold: @weft.step(inputs="question, k: int")',
            )
        return dict(bound.arguments)

    def arranged(
        self, arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
        """The function, and its arguments as it takes them: by position and by name."""
        known = self.parameters.parameters
        first = [
            arguments.get(name, known[name].default)
            for name in self._first
            if name in arguments or self._spread
        ]
        rest = {n: v for n, v in arguments.items() if n not in self._first}
        return cast("Callable[..., Any]", self.function), first, rest

    def __repr__(self) -> str:
        return f"Step({self.name}{self.parameters})"


@dataclass(frozen=True)
class _Maker:
    """The decorator that `@step(...)` with options gives."""

    name: str | None = None
    uses: tuple[Used, ...] = ()
    options: StepOptions = field(default_factory=StepOptions)
    inputs: Inputs | None = None

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Step[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Step[P, R]: ...
    def __call__(self, function: Any) -> Any:
        given = self.name, self.uses, self.options, self.inputs
        made: Step[..., Any] = Step(function, *given)
        return made


def _uses_of(function: Callable[..., Any], given: Iterable[Used], step: str) -> Uses:
    """What a step uses, by name.

    Raises:
        GraphError: One is no module, step or program, has no name, or two share one.
    """
    variables = variables_of(function)
    found: dict[str, Part] = {}
    for each in given:
        used = cast(Part, getattr(each, "step", each))  # of a tool, its step
        anything = cast(object, used)
        if not is_part(anything):
            raise GraphError(
                f"{caller()}: step {step!r} uses {anything!r}, which is no module, "
                "step or program",
                hint="List what the function calls: uses=[critic, tool]",
            )
        named = used.node_kind != "module" or cast("Module[..., Any]", used).named
        name = used.name if named else variables.get(id(used))
        if name is None:
            raise GraphError(
                f"{caller()}: step {step!r} uses {used!r}, but its function reaches it "
                "by no variable",
                hint="Give it one with name=..., or leave it out of uses=",
            )
        if name in found:
            raise GraphError(
                f"{caller()}: step {step!r} uses two things named {name!r}",
                hint="Give one of them another name=...",
            )
        found[name] = used
    return Uses(found, found)


def is_part(value: object) -> TypeGuard[Part]:
    """Whether it is a module, step or program, and not merely answers as one would."""
    return isinstance(value, Step | Runnable)


def as_step(target: Callable[..., Any]) -> Step[..., Any]:
    """A step as it is, that of a tool, or a function as one."""
    held = getattr(target, "step", target)
    if isinstance(held, Step):
        return cast("Step[..., Any]", held)
    made: Step[..., Any] = Step(target)
    return made


def _with_modules(original: Step[P, R], modules: Mapping[str, Any]) -> Step[P, R]:
    """The step of a pickle: the one that its name finds, with the modules it had."""
    return original.with_modules(modules)


@overload
def step(function: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...
@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    uses: Iterable[Used] = (),
    timeout: float | None = None,
    retries: int = 0,
    reusable: bool = True,
    untuned: bool = False,
    inputs: Inputs | None = None,
) -> _Maker: ...
def step(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    uses: Iterable[Used] = (),
    timeout: float | None = None,
    retries: int = 0,
    reusable: bool = True,
    untuned: bool = False,
    inputs: Inputs | None = None,
) -> Any:
    """Make a function a node of the programs that call it.

    Args:
        function: What the node runs: blocking or async.
        name: Its name; the function's own when not given.
        uses: Modules, steps and programs that the function calls by itself, as an
            agent's loop does. They stay visible in `program.modules` as `step/module`,
            can be tuned there, and are traced below the step.
        timeout: Seconds that one attempt may take; None for no limit.
        retries: How many further attempts may follow one that failed.
        reusable: Whether `program.run(..., reuse=trace)` may take its result from a
            trace; False for a step that reads a clock or changes the world.
        untuned: Whether the modules that it calls, and `uses=` does not name, stay as
            they are: nobody warns of them, and no compile refuses them.
        inputs: For a function that takes `*args` or `**kwargs`, such as a wrapper of
            others, what these hold: "question, k: int", types by name, names, or a
            function, step, module or program that takes the same.

    >>> @step
    ... def shout(text: str) -> str:
    ...     return text.upper()
    >>> shout("hi")
    'HI'
    """
    if not isinstance(cast(object, uses), Iterable):
        raise ConfigError(f"uses is {uses!r}", hint="Write a list: uses=[module]")
    options = StepOptions(timeout, retries, reusable, untuned)
    maker = _Maker(name, tuple(uses), options, inputs)
    return maker if function is None else maker(function)
