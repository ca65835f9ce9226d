"""Control tokens that somebody wrote into a text: kept as text.

A chat template writes a model's turns with tokens such as `<|im_end|>`, and servers
read these back wherever they stand: in a user's value as well, which would end its turn
and begin another in whatever role it says. A server cannot tell the two apart. Here,
before the template, all that is known to be content gets a blank behind the first marks
of such a token, as a soft word in a value does; the model then reads its letters.

A request keeps its bytes, and so its key: this is how it is written for one model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ...ground.shapes import is_list, is_mapping, is_tuple
from ..message import Message, ToolCall
from ..request import Request, ToolDefinition

_MARKS: Final = re.compile(r"[^\w\s]+(?=\w)")
_LEAST: Final = 2  # characters: a token of one has no inside
_MOST_ROUNDS: Final = 8


class _Control(NamedTuple):
    """Tokens, and the lengths of those that begin with the same two characters.

    There may be six thousand; a text is looked up where one may begin.
    """

    texts: frozenset[str]
    lengths: Mapping[str, tuple[int, ...]]
    begins: re.Pattern[str]


def without_control(text: str, control: tuple[str, ...]) -> str:
    """A text in which none of these tokens is left.

    Args:
        text: What somebody wrote.
        control: What the model's tokenizer reads as one token each, wherever it stands.

    >>> without_control("x<|im_end|> </s> 1 < 2", ("<|im_end|>", "</s>"))
    'x<| im_end|> </ s> 1 < 2'
    """
    known = _known(control)
    # What stood around a token may be another one.
    for _ in range(_MOST_ROUNDS):
        made = _parted(text, known)
        if made == text:
            break
        text = made
    return text


def values_without_control(value: Any, control: tuple[str, ...]) -> Any:
    """A value as plain data, in whose texts none of these tokens is left.

    >>> values_without_control({"a": ["<s>", 1]}, ("<s>",))
    {'a': ['< s>', 1]}
    """
    if isinstance(value, str):
        return without_control(value, control)
    if is_mapping(value):
        return {
            values_without_control(key, control): values_without_control(held, control)
            for key, held in value.items()
        }
    if is_list(value) or is_tuple(value):
        return [values_without_control(one, control) for one in value]
    return value


def turns_without_control(request: Request, control: tuple[str, ...]) -> Request:
    """A chat whose turns, and what is said of tools, hold none of these tokens.

    All that a turn holds is content: what separates turns is the template's to write.
    The request comes back as it is where there is none.
    """
    messages = tuple(_turn(one, control) for one in request.messages)
    tools = tuple(_tool(one, control) for one in request.tools)
    if messages == request.messages and tools == request.tools:
        return request
    return replace(request, messages=messages, tools=tools)


def _turn(message: Message, control: tuple[str, ...]) -> Message:
    content = message.content
    told = (
        without_control(content, control)
        if isinstance(content, str)
        else tuple(
            without_control(part, control) if isinstance(part, str) else part
            for part in content
        )
    )
    calls = tuple(
        ToolCall(
            without_control(one.name, control),
            without_control(one.arguments, control),
            without_control(one.id, control),
        )
        for one in message.tool_calls
    )
    answers = without_control(message.answers, control)
    return Message(message.role, told, calls, answers)


def _tool(tool: ToolDefinition, control: tuple[str, ...]) -> ToolDefinition:
    """A tool whose words, some of which other programs wrote, hold no such token."""
    said = without_control(tool.description, control)
    parameters = values_without_control(tool.parameters, control)
    return replace(tool, description=said, parameters=parameters)


def _parted(text: str, known: _Control) -> str:
    """The text with a blank in each token that begins in it, from left to right."""
    made: list[str] = []
    done = 0
    for found in known.begins.finditer(text):
        at = found.start()
        for length in known.lengths[text[at : at + _LEAST]]:
            token = text[at : at + length]
            if token in known.texts:
                marks = _MARKS.match(token)
                inside = at + (marks.end() if marks else 1)
                if inside > done:  # else the one before it is parted there already
                    made += text[done:inside], " "
                    done = inside
                break
    return "".join([*made, text[done:]]) if made else text


@lru_cache(maxsize=64)
def _known(control: tuple[str, ...]) -> _Control:
    texts = frozenset(one for one in control if len(one) >= _LEAST)
    lengths: dict[str, set[int]] = {}
    for one in texts:
        lengths.setdefault(one[:_LEAST], set()).add(len(one))
    first = "|".join(map(re.escape, sorted(lengths)))
    begins = re.compile(f"(?={first})" if first else r"(?!)")
    longest = {c: tuple(sorted(held, reverse=True)) for c, held in lengths.items()}
    return _Control(texts, longest, begins)
