"""Tool calls in a reply: their arguments as text, and calls that are written out.

An endpoint hands arguments over as the model wrote them, and a server that does not
know a model's template hands over the whole call as text. What is plainly meant is
read; arguments that are no object are none, and for the agent to tell its model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from ..ground import strictjson
from ..ground.shapes import as_dict, is_dict, is_list
from ..lm.message import ToolCall
from .among import is_echo, parts
from .nearjson import NotNearJSON, loads

_THOUGHT: Final = "thought"
_ARGUMENTS: Final = "arguments"
_CALLS: Final = "calls"
_MARKED: Final = re.compile(
    r"<(tool_call|function_call|tool_use)>(.*?)(?:</\1>|\Z)", re.DOTALL
)
_NAMES: Final = ("name", "tool", "tool_name", "function")
_GIVEN: Final = ("arguments", "parameters", "args", "input")
_UNREAD: Final = "the arguments are no JSON object"


class Read(NamedTuple):
    """The arguments of a call, and what had to be mended; None where they are none."""

    arguments: dict[str, Any] | None
    notes: tuple[str, ...] = ()


def read_arguments(text: str) -> Read:
    """The arguments that a model wrote; nothing at all, or null, is none.

    >>> read_arguments('{"a": 1}').arguments, read_arguments("null").arguments
    ({'a': 1}, {})
    >>> read_arguments("{'a': True,}").arguments, read_arguments("a=1").arguments
    ({'a': True}, None)
    """
    if text.strip() in ("", "null"):
        return Read({})
    try:
        found: object = strictjson.loads(text)
        notes: tuple[str, ...] = ()
    except (ValueError, RecursionError):
        try:
            near = loads(text)
        except NotNearJSON:
            return Read(None, (_UNREAD,))
        found, notes = near.value, near.notes
    if isinstance(found, str) and found.lstrip()[:1] == "{":
        return read_arguments(found)  # written as a text, within a text
    if not is_dict(found) or not _can_be_kept(found):
        return Read(None, (_UNREAD,))
    return Read(found, notes)


def _can_be_kept(found: dict[str, Any]) -> bool:
    try:
        strictjson.keepable(found)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def envelope(thought: str, calls: Iterable[ToolCall]) -> str:
    """Calls in an endpoint's format as one text, which `written` reads again."""
    told = [{"name": c.name, _ARGUMENTS: c.arguments} for c in calls]
    text = strictjson.dumps({_THOUGHT: thought, _CALLS: told})
    # No tag of a thought is to be found in what stands within a text.
    return text.replace("<", "\\u003c").replace("THINK]", "THINK\\u005d")


class Written(NamedTuple):
    """What a reply says beside its calls, and these in order."""

    thought: str
    calls: list[ToolCall]


def written(text: str, is_tool: Callable[[str], bool], echoed: str = "") -> Written:
    """What a reply says and calls: as `envelope` has it, or written out.

    Args:
        text: The reply.
        is_tool: Whether a tool has that name.
        echoed: The inputs as they were written: what is quoted of them is no call.

    >>> written('Look. <tool_call>{"name": "f", "arguments": {}}', "f".__eq__)
    Written(thought='Look.', calls=[ToolCall(name='f', arguments='{}', id='')])
    """
    held = _opened(text)
    if held is not None:
        calls = [ToolCall(c["name"], c[_ARGUMENTS]) for c in held[_CALLS]]
        return Written(held[_THOUGHT].strip(), calls)
    marked = list(_MARKED.finditer(text))
    bodies = [mark[2] for mark in marked] or [text]
    before = text[: marked[0].start()] if marked else ""
    found: list[ToolCall] = []
    for body in bodies:
        try:
            objects = parts(body)
        except NotNearJSON:
            continue
        if not marked and objects:
            before = text[: objects[0].start]
        for one in objects:
            call = _call_in(one.value, is_tool)
            source = body[one.start : one.end]
            if call and not is_echo(one.value, source, (), echoed):
                found.append(call)
    # Of several objects among words it is not plain that each is a call.
    calls = found if marked or len(found) == 1 else []
    return Written(_plain(before), calls)


def _plain(before: str) -> str:
    return re.sub(r"```(?:json)?\s*\Z", "", before).strip()


def _opened(text: str) -> dict[str, Any] | None:
    """What `envelope` wrote, or None."""
    if not text.startswith(f'{{"{_THOUGHT}": '):
        return None
    try:
        held: object = strictjson.loads(text)
    except (ValueError, RecursionError):
        return None
    good = is_dict(held) and held.keys() == {_THOUGHT, _CALLS} and is_list(held[_CALLS])
    if not good or not isinstance(as_dict(held)[_THOUGHT], str):
        return None
    made = as_dict(held)
    for call in made[_CALLS]:
        if not is_dict(call) or call.keys() != {"name", _ARGUMENTS}:
            return None
        if not all(isinstance(part, str) for part in call.values()):
            return None
    return made


def _call_in(value: object, is_tool: Callable[[str], bool]) -> ToolCall | None:
    """The call that an object plainly is: of a tool that there is, with arguments."""
    held = as_dict(value)
    if is_dict(held.get("function")):
        held = as_dict(held["function"])
    name = next((held[n] for n in _NAMES if isinstance(held.get(n), str)), None)
    given: Any = next((held[n] for n in _GIVEN if n in held), None)
    if name is None or not is_tool(name):
        return None
    if isinstance(given, str):
        return ToolCall(name, given)
    if given is not None and not is_dict(given):
        return None
    return ToolCall(name, strictjson.dumps(as_dict(given)))
