"""Tool definitions and tool calls in OpenAI's format: out, in, and in pieces.

https://platform.openai.com/docs/guides/function-calling. What servers make of it
differs: arguments come as an object instead of a text, pieces without an index or all
with the same one, names again in every piece, an id not at all. All of these are one
list of calls here, in the order in which they came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...ground.shapes import as_dict, as_list
from ...ground.strictjson import plain_text
from ..message import Message, ToolCall
from ..request import Request

MOST_CALLS: Final = 256
"""No answer calls more tools at once: what comes behind is no part of it."""

# Ollama: "... does not support tools". llama.cpp: "tools param requires --jinja flag".
# OpenRouter: "No endpoints found that support tool use", or "the provided 'tool_choice'
# value", with a 404 that leaves nothing out. Groq: "`tool calling` is not
# supported with this model". vLLM: '"auto" tool choice requires
# --enable-auto-tool-choice and --tool-call-parser to be set'. DeepSeek: "... does not
# support Function Calling". Mistral: "Function calling is not enabled for this model".
# litellm: "x does not support parameters: ['tools', 'tool_choice'], for model=m".
# llama.cpp of 2024: "Unsupported param: tools". OpenAI: "Unrecognized request argument
# supplied: tools"; "Additional properties are not allowed ('tools' was unexpected)".
# pydantic: "tools", and below it "Extra inputs are not permitted". vLLM of 2024:
# "Currently only named tools are supported". Groq's "property 'tool_calls' is
# unsupported" is of a turn.
_NO_TOOLS: Final = re.compile(
    r"(?:not|n't) support (?:the )?(?:use of )?[`'\"]?(?:tools?|function[ _]call)|"
    r"not support parameters:[^\n]{0,80}['\"]tools['\"]|"
    r"support (?:for )?tool use|support the provided 'tool_choice'|"
    r"tools? (?:param )?requires? --|"
    r"tool[ _]choice(?:=\W*\w+\W*)? requires --|only named tools are supported|"
    r"(?<![\w.])(?<!parallel )(?!tool_calls[`'\"])"
    r"(?:tools?|tool[ _](?:use|call(?:ing|s)?)|function[ _]call(?:ing|s)?)"
    r"[`'\"]*\]?,? "
    r"(?:(?:is|are) )?(?:not|un)[ -]?(?:supported|enabled|available|permitted|allowed)|"
    r"(?:unsupported|unrecognized|unknown|unexpected|extra)\b[^.\n]{0,60}[`'\"]tools[`'\"]|"
    r"(?:unsupported param|argument supplied|unknown field)\w*: [`'\"]?tools\b|"
    r"^tools\n +extra inputs are not|[`'\"]tools[`'\"] was unexpected|"
    r"[`'\"]tools[`'\"]\]?[^.\n]{0,60}(?:not permitted|extra_forbidden)",
    re.IGNORECASE | re.MULTILINE,
)


def refuses_tools(said: str) -> bool:
    """Whether a refusal says that there are no tools for this model.

    >>> refuses_tools("registry/gemma does not support tools")
    True
    >>> refuses_tools("tool_choice 'required' is not supported")
    False
    """
    return _NO_TOOLS.search(said) is not None


def tools_of(request: Request) -> dict[str, Any]:
    """The field of a body that says what may be called; nothing without tools."""
    if not request.tools:
        return {}
    return {
        "tools": [
            {"type": "function", "function": one.as_data()} for one in request.tools
        ]
    }


def called_of(message: Message) -> dict[str, Any]:
    """The fields of a turn that say what is called, or which call is answered."""
    made: dict[str, Any] = {}
    if message.tool_calls:
        made["tool_calls"] = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.name, "arguments": one.arguments},
            }
            for one in message.tool_calls
        ]
        if message.content == "":
            made["content"] = None
    if message.role == "tool":
        made["tool_call_id"] = message.answers
    return made


def calls_in(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """The calls that a message asks for; the older form of one call, too.

    >>> calls_in({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]})
    (ToolCall(name='f', arguments='{"a":1}', id=''),)
    """
    found = as_list(message.get("tool_calls"))[:MOST_CALLS]
    if not found and message.get("function_call"):
        found = [{"function": message["function_call"]}]
    return tuple(map(_call_of, map(as_dict, found)))


def _call_of(call: Mapping[str, Any]) -> ToolCall:
    told = as_dict(call.get("function")) or call
    name, number = told.get("name"), call.get("id")
    return ToolCall(
        name if isinstance(name, str) else "",
        _arguments(told.get("arguments")),
        number if isinstance(number, str) else "",
    )


def _arguments(given: object) -> str:
    """Arguments as text; an object becomes one, and what is neither is empty."""
    if isinstance(given, str):
        return given
    if given is None:
        return ""
    try:
        return plain_text(given)
    except (TypeError, ValueError, RecursionError):
        return ""


@dataclass(slots=True)
class _Begun:
    """A call under way."""

    index: object
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


class CallPieces:
    """Tool calls that come in pieces, put together."""

    def __init__(self) -> None:
        self._calls: list[_Begun] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take in what an event has of calls."""
        pieces = as_list(delta.get("tool_calls"))
        if not pieces and delta.get("function_call"):
            pieces = [{"index": 0, "function": delta["function_call"]}]
        for piece in map(as_dict, pieces):
            self._add(piece)

    def _add(self, piece: Mapping[str, Any]) -> None:
        came = _call_of(piece)
        call = self._meant(piece.get("index"), came)
        if call is None:
            return
        call.id = call.id or came.id
        if came.name and not call.name:
            call.name = came.name
        elif came.name != call.name and not call.arguments:
            call.name += came.name  # the name itself came in pieces
        if came.arguments:
            call.arguments.append(came.arguments)

    def _meant(self, index: object, came: ToolCall) -> _Begun | None:
        """The call that a piece belongs to; a new one where it is of none so far."""
        known = [one for one in self._calls if one.index == index]
        last = known[-1] if known else None
        other = last is not None and bool(came.id and last.id and came.id != last.id)
        whole = last is not None and index is None and bool(came.name and last.name)
        if last is not None and not other and not whole:
            return last
        if len(self._calls) >= MOST_CALLS:
            return None
        self._calls.append(_Begun(index))
        return self._calls[-1]

    def whole(self) -> list[dict[str, Any]]:
        """The calls, as a body that is not streamed has them."""
        return [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.name, "arguments": "".join(one.arguments)},
            }
            for one in self._calls
        ]
