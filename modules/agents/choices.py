"""What an agent chooses among in a step: its tools, and to submit the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast

from ...pipeline.errors import ConfigError, SignatureError
from ...pipeline.ground.options import require_whole
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.note import Note, note_name
from .arguments import argument_name, call_words, either, schema_of
from .tool import Tool, tools_in
from .turn import SUBMIT

Calls = Literal["auto", "native", "text"]
"""How a model is asked for its next step: in which format it calls tools."""

FORMS: Final[Mapping[str, str]] = {"auto": "auto", "native": "tools", "text": "text"}
"""The form in which the part `act` asks, by the format of calls."""

CHOSEN: Final = ("thought", "tool", "arguments")
"""What the model writes in each step."""

_PARTS: Final = ("act", "extract")
_MOST_STEPS: Final = 1_000
_LONGEST: Final = 10_000_000


def fields_of_step(
    tools: Iterable[Tool[..., Any]], answer: tuple[FieldSpec, ...]
) -> tuple[FieldSpec, ...]:
    """What the model writes in a step: a thought, a tool, and its arguments.

    Args:
        tools: In the order in which the model is told them.
        answer: What submit takes: the outputs of the caller's signature.
    """
    known = list(tools)
    notes = [note for tool in known for note in _noted(tool)]
    how = call_words(SUBMIT, answer)
    notes += _notes(SUBMIT, how, "Give the answer.", answer)
    return (
        FieldSpec("thought", "output", str, "what you know, and what is missing"),
        FieldSpec(
            "tool",
            "output",
            cast(Any, Literal)[(*(tool.name for tool in known), SUBMIT)],
            "what to do next",
            notes=tuple(notes),
        ),
        FieldSpec(
            "arguments",
            "output",
            dict[str, Any],
            "the tool's arguments by name, as a JSON object",
            enforced=either(
                *(tool.contract for tool in known), schema_of(SUBMIT, answer)
            ),
        ),
    )


def _noted(tool: Tool[..., Any]) -> list[Note]:
    """What the model is told of a tool: how it is called, and what is said of it."""
    return _notes(tool.name, tool.words, tool.description, tool.fields)


def _notes(
    name: str, words: str, text: str, arguments: Iterable[FieldSpec]
) -> list[Note]:
    inner = [
        Note(f"{name}.{note_name(f.name)}", argument_name(f.name), f.description)
        for f in arguments
    ]
    return [Note(name, words, text), *inner]


def check_inputs(names: Iterable[str]) -> None:
    """Refuse inputs with the names of what an agent's model writes.

    Raises:
        SignatureError: One has such a name.
    """
    for name in names:
        if name in CHOSEN:
            raise SignatureError(
                f"no input of an agent is named {name!r}: in each step its model "
                f"writes {', '.join(CHOSEN)}",
                hint="Give the input another name",
            )


def tools_by_name(tools: Iterable[Any]) -> dict[str, Tool[..., Any]]:
    """Tools by name.

    Raises:
        ConfigError: There is none, two share a name, or one has a name of ours.
    """
    found: dict[str, Tool[..., Any]] = {}
    for tool in tools_in(tools):
        if tool.name in (*_PARTS, SUBMIT):
            raise ConfigError(
                f"no tool is named {tool.name!r}: the agent's own parts are "
                f"{', '.join(_PARTS)}, and {SUBMIT} ends it",
                hint="Give it another name: weft.Tool(function, name=...), or "
                "weft.mcp.tools(..., rename={...})",
            )
        found[tool.name] = tool
    if not found:
        raise ConfigError(
            "an agent without tools has nothing to do",
            hint="Give tools=[...], or write weft.ChainOfThought",
        )
    return found


def check_calls(calls: object) -> None:
    """Refuse what is no format of calls.

    Raises:
        ConfigError: It is none.
    """
    if calls not in FORMS:
        raise ConfigError(
            f"ReAct: calls={calls!r} is no format of calls",
            hint=f"Give one of {', '.join(map(repr, FORMS))}",
        )


def check_counts(max_steps: object, context: object) -> None:
    """Refuse what is no number of steps, or of characters.

    Raises:
        ConfigError: One is none.
    """
    require_whole("ReAct: max_steps", max_steps, 1, _MOST_STEPS)
    require_whole("ReAct: context", context, 1, _LONGEST)
