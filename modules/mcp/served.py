"""What is served as one tool: what it takes, what it gives, and how it is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import pydantic

from ...pipeline.errors import SignatureError, StepError, WeftError
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ...pipeline.ground.words import brief
from ...pipeline.media.values import Media
from ...pipeline.signature.signature import Signature, dump_values, spec_of
from ...pipeline.signature.validation import Checker
from ..agents.arguments import arguments_of, schema_of
from ..agents.docstring import said_in
from ..agents.tool import Tool, as_tool
from .content import result_of

_ALONE: Final = "result"
_ADDRESS: Final = {"type": "string", "format": "uri"}


@dataclass(frozen=True)
class Served:
    """One tool that is served.

    Args:
        name: Its name.
        said: What it is for.
        schema: The JSON Schema of what it takes.
        checked: Reads arguments, plain data by name.
        gives: The JSON Schema of what it gives, an object; None where nobody knows.
        call: Runs it.
        runs: The program, where nodes can be followed; else None.
        approval: Whether a person must agree before it runs.
    """

    name: str
    said: str
    schema: Mapping[str, Any]
    checked: Callable[[Mapping[str, Any]], dict[str, Any]]
    gives: Mapping[str, Any] | None
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]
    runs: Program[..., Any] | Module[..., Any] | None = None
    approval: bool = False

    def listed(self) -> dict[str, Any]:
        """As the protocol describes it."""
        made = {"name": self.name, "description": self.said, "inputSchema": self.schema}
        return made if self.gives is None else {**made, "outputSchema": self.gives}

    def result(self, value: Any) -> dict[str, Any]:
        """What a call gave, as the protocol carries it; held against `gives`.

        Raises:
            StepError: It is not what `gives` says, which no client would take.
        """
        if isinstance(value, Signature):
            outputs = spec_of(type(value)).outputs
            held = {n: v for n, v in dump_values(value).items() if n in outputs}
            known = (self.gives or {}).get("properties", held)
            data: Any = {n: v for n, v in held.items() if n in known}
            self._hold(data)
            return result_of(data, data, structured=self.gives is not None)
        data = plain(value, repr)
        made = result_of(value, data, structured=False)
        if self.gives is not None:
            try:
                strictjson.keepable(plain(value))
            except (TypeError, ValueError, RecursionError) as error:
                why = f"{self.name} gave what is no JSON data: {brief(str(error), 200)}"
                raise StepError(why) from None
            whole = {_ALONE: data} if self._alone else data
            self._hold(whole)
            made["structuredContent"] = whole
        return made

    def _hold(self, data: Any) -> None:
        fault = None if self._checker is None else self._checker.fault(data)
        if fault is not None:
            raise StepError(
                f"{self.name} gave what its type does not allow: {brief(fault, 300)}",
                hint="Mend the type that the function says it gives, or what it gives",
            )

    @cached_property
    def _checker(self) -> Checker | None:
        try:
            return None if self.gives is None else Checker(self.gives)
        except SignatureError:  # nobody can check it: the client judges
            return None

    @property
    def _alone(self) -> bool:
        return [*(self.gives or {}).get("properties", {})] == [_ALONE]


def served_as(target: Any) -> Served:
    """A program, module, tool, step or typed function, as it is served.

    Raises:
        ConfigError: It is none of them.
        SignatureError: An input has no type.
    """
    if isinstance(target, Program | Module):
        return _of_runnable(cast("Program[..., Any]", target))
    tool = as_tool(target)
    return Served(
        tool.name,
        tool.description,
        tool.schema,
        tool.checked,
        _gives(tool.step.result),
        lambda given: _called(tool, given),
        approval=tool.options.approval,
    )


async def _called(tool: Tool[..., Any], given: Mapping[str, Any]) -> Any:
    """Call a tool; what it raises is told, as it is to an agent's model.

    Raises:
        StepError: It raised.
    """
    try:
        return await tool.step.acall(**given)
    except WeftError:
        raise
    except Exception as error:
        raise StepError(f"{type(error).__name__}: {error}") from error


def _of_runnable(target: Program[..., Any] | Module[..., Any]) -> Served:
    fields = tuple(target.inputs.inputs.values())
    said = said_in(target.__doc__ if isinstance(target, Program) else "")
    text = said.of_all
    if isinstance(target, Module):
        text = target.parameters.instruction
    schema = schema_of(target.name, fields)
    for one in fields:
        part = schema["properties"][one.name]
        words = one.description or said.of_each.get(one.name, "")
        if one.media and part.get("type") == "object":
            part = dict(_ADDRESS)
            words = f"{words} (a data: or https: URL)".strip()
        elif one.media and part.get("type") == "array":
            part = {"type": "array", "items": dict(_ADDRESS)}
            words = f"{words} (data: or https: URLs)".strip()
        schema["properties"][one.name] = part | (
            {"description": words} if words else {}
        )
    given = target.structure.result
    if isinstance(target, Module) and target.single is None:
        given = target.signature
    return Served(
        target.name,
        text,
        schema,
        lambda given: arguments_of(target.name, fields, given),
        _gives(given),
        lambda g: target.acall(**g),
        target,
    )


def _gives(kind: Any) -> dict[str, Any] | None:
    """The JSON Schema of an object that holds what a call gives; None where unknown."""
    if isinstance(kind, type) and issubclass(kind, Signature):
        outputs = tuple(spec_of(kind).outputs.values())
        if any(one.media for one in outputs):
            return None
        return schema_of(kind.__name__, outputs)
    if kind in (Any, None, type(None)) or (
        isinstance(kind, type) and issubclass(kind, Media)
    ):
        return None
    try:
        schema = pydantic.TypeAdapter(cast(Any, kind)).json_schema(mode="serialization")
    except (pydantic.PydanticUserError, TypeError, ValueError, RecursionError):
        return None
    if '"weft-' in strictjson.dumps(schema):
        return None
    if schema.get("type") == "object" and "$ref" not in schema:
        return schema
    defined = schema.pop("$defs", None)
    made = {"type": "object", "properties": {_ALONE: schema}, "required": [_ALONE]}
    return made if defined is None else {**made, "$defs": defined}
