"""Tracing: run a program's function once, with references for values, into a graph."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NamedTuple

import pydantic

from ..errors import GraphError, SignatureError
from ..ground.words import brief
from ..seam import answered_by, recorder
from ..signature.field import FieldSpec
from ..signature.types import type_name
from .binding import INPUT, Take, takes_of
from .graph import Graph
from .ref import Ref, field_that_fits, fit, type_of
from .scope import Scope, Trail
from .uses import variables_of


class Traced(NamedTuple):
    """What a function became: its graph, and by name everything its nodes call."""

    graph: Graph
    targets: Mapping[str, Any]


def trace_function(function: Callable[..., Any], name: str) -> Traced:
    """Trace a program's function; no model is called and no step runs.

    Raises:
        GraphError: The function is wired wrongly; the message names file, line, both
            ends, their types and the remedy.
    """
    _refuse_other(function)
    where = place_of(function)
    if recorder() is not None:
        raise GraphError(
            f"{where}: program {name!r} is defined inside another program",
            hint="Define it at module level and call it here",
        )
    hints = _hints(function, name, where)
    inputs = _inputs(function, hints, name, where)
    scope = Scope(Trail(name, variables_of(function)))
    references = [Ref(Take(f"{INPUT}.{f.name}"), f.annotation, scope) for f in inputs]
    try:
        with answered_by(scope):
            returned = _called(function, references)
        if scope.trail.refusal is not None:
            raise scope.trail.refusal
    except NameError as error:
        if error.name == function.__name__:
            raise recursion(where, name) from None
        raise
    except (TypeError, pydantic.ValidationError) as error:
        if Ref.__name__ not in str(error):
            raise
        said, remedy = str(error), "Do it in a @weft.step function and call that"
        if isinstance(error, pydantic.ValidationError):
            said = f"a model {error.title!r} is made of it"
            remedy = f"Make {error.title} in a @weft.step function, or give a dict"
        raise GraphError(
            f"{where}: program {name!r} gives a value that is not there yet to other "
            f"code: {said}",
            hint=remedy,
        ) from error
    traced = _finish(scope, inputs, returned, hints.get("return", Any), where)
    _refuse_catching(function, traced.graph)
    return traced


def _refuse_catching(function: Callable[..., Any], graph: Graph) -> None:
    """Refuse a call inside `try`: it is made later, where nothing catches it."""
    code = function.__code__
    if not _may_catch(code):
        return
    # At first use: few programs hold a `try`, and the light import pays for none.
    import ast  # noqa: PLC0415
    import textwrap  # noqa: PLC0415

    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return  # it stands in no file, such as at a prompt
    above = code.co_firstlineno - 1
    tries = [
        found
        for found in ast.walk(tree)
        if isinstance(found, ast.Try | ast.TryStar) and found.handlers
    ]
    spans = ((one.body[0].lineno, one.body[-1].end_lineno) for one in tries)
    tried = {
        f"{code.co_filename}:{above + line}"
        for first, last in spans
        for line in range(first, (last or first) + 1)
    }
    for node in graph.walk():
        if node.where in tried:
            raise GraphError(
                f"{node.where}: {node.target!r} is called inside `try`, which catches "
                "nothing here: the call is made when the program runs",
                hint="Write weft.Fallback(...) of what is tried in turn, or call it in "
                "a @weft.step(uses=[...]) function, where `try` catches",
            )


def _may_catch(code: CodeType) -> bool:
    """Whether a function, or one inside it, has any `try` or `with`."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return bool(code.co_exceptiontable) or any(map(_may_catch, inner))


def _refuse_other(given: object) -> None:
    if inspect.isclass(given):
        raise GraphError(
            f"the class {given.__name__!r} is no function, as a program must be",
            hint="Write what `forward` does as a typed function under @weft.program, "
            "and keep its modules in variables beside it",
        )
    if inspect.ismethod(given):
        raise GraphError(
            f"{given.__qualname__!r} is a method, and a program has no object",
            hint="Write a typed function under @weft.program, and keep the modules "
            "that it calls in variables beside it",
        )
    if not inspect.isfunction(given):
        raise GraphError(
            f"{brief(repr(given))} is no function, as a program must be",
            hint="Write @weft.program above a typed function",
        )
    if not given.__name__.isidentifier():
        raise GraphError(
            f"{place_of(given)}: a lambda has no name, and artifacts hang on names",
            hint="Write @weft.program above a typed function",
        )


def place_of(function: Callable[..., Any]) -> str:
    """File and line of a function's definition."""
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def recursion(where: str, name: str) -> GraphError:
    """The error for a program that calls itself."""
    return GraphError(
        f"{where}: program {name!r} calls itself, and a graph has no recursion",
        hint="Repeat with weft.loop(...), or loop in a @weft.step(uses=[...]) function",
    )


def _called(function: Callable[..., Any], references: list[Ref]) -> Any:
    """Call a function with references in the order of its parameters."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    kinds = inspect.signature(function).parameters.items()
    pairs = list(zip(kinds, references, strict=True))
    first = [ref for (_, p), ref in pairs if p.kind is not keyword]
    return function(*first, **{n: ref for (n, p), ref in pairs if p.kind is keyword})


def _finish(
    scope: Scope, inputs: tuple[FieldSpec, ...], returned: Any, hint: Any, where: str
) -> Traced:
    name = scope.trail.name
    if inspect.iscoroutine(returned) or inspect.isasyncgen(returned):
        if inspect.iscoroutine(returned):
            returned.close()
        raise GraphError(
            f"{where}: program {name!r} is `async def`, or calls an async form",
            hint="Write a plain `def` with plain calls: nodes run side by side by "
            "themselves",
        )
    if inspect.isgenerator(returned):
        raise GraphError(
            f"{where}: program {name!r} yields, and a graph gives one value",
            hint="Return the values as a list; weft.each makes one",
        )
    output = scope.binding(returned, where)
    if not any(True for _ in takes_of(output)):
        raise GraphError(
            f"{where}: program {name!r} returns {returned!r}, which no node "
            "and no input gives",
            hint="Return a module's or a step's result",
        )
    result = type_of(returned, exact=True)
    if not fit(result, hint):
        raise GraphError(
            f"{where}: program {name!r} returns {type_name(result)} but "
            f"promises {type_name(hint)}",
            hint=field_that_fits(result, hint)
            or "Change the annotation or what is returned",
        )
    scope.refuse_unused(output)
    graph = Graph(name, inputs, tuple(scope.nodes), output, result)
    return Traced(graph, scope.trail.targets)


def _hints(function: Callable[..., Any], name: str, where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, SignatureError) as error:
        raise GraphError(
            f"{where}: program {name!r}: {error}, so a type cannot be resolved",
            hint="Define the type at module level, before the program",
        ) from None


def _inputs(
    function: Callable[..., Any], hints: Mapping[str, Any], name: str, where: str
) -> tuple[FieldSpec, ...]:
    specs: list[FieldSpec] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise GraphError(
                f"{where}: program {name!r} takes {parameter}",
                hint="Name each input and give it a type",
            )
        if parameter.name == "self" and "self" not in hints:
            raise GraphError(
                f"{where}: program {name!r} is a method, and a program has no object",
                hint="Write a typed function outside the class, and keep the modules "
                "that it calls in variables beside it",
            )
        unset = parameter.default is parameter.empty
        extra = {} if unset else {"default": parameter.default}
        kind = hints.get(parameter.name, Any)
        spec = FieldSpec(parameter.name, "input", kind, **extra)
        _check_input(spec, name, where)
        specs.append(spec)
    return tuple(specs)


def _check_input(spec: FieldSpec, name: str, where: str) -> None:
    try:
        if not spec.required:
            spec.check(spec.default)
        else:
            spec.adapter  # noqa: B018 - made now: a bad type is an import error
    except SignatureError as error:
        raise GraphError(
            f"{where}: program {name!r}: {error.message}", hint=error.hint
        ) from None
    except ValueError as error:
        raise GraphError(
            f"{where}: the default of input {spec.name!r} of program {name!r}: {error}",
            hint=f"Give {spec.wanted}",
        ) from None
