"""Reading a prompt: what is asked for, the task, the demonstrations and the input.

Everything comes out of the rendered messages. Prompts in the form of one of the
adapters are read field by field; any other prompt is read as plain turns. A value may
hold anything, so structure is looked for only where an adapter puts it: the form of the
reply names the fence, and the fence tells headings from values.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ..request import REPAIR, Message
from .values import as_text, is_object, parsed
from .wanted import Wanted, read_wanted

NOT_GIVEN = "(not given for this example)"
_GIVEN = "You are given these fields:\n"
_WANTED = "\n\nYou write these fields:\n"
_TASK = "\n\nYour task:\n"
_AGAIN = f"{REPAIR}: "
_LINE = re.compile(r"- ([^\W\d]\w*)(?:: (.*))?\Z")
_HEADING = re.compile(r"^\[\[ ([^\W\d]\w*)((?:#\d+)?) \]\]$", re.MULTILINE)
_TAG = re.compile(r"^<([^\W\d]\w*)((?:-\d+)?)>\.\.\.</\1\2>$", re.MULTILINE)
_KEY = re.compile(r'"([^\W\d]\w*)": <\1>')
_ONE_OF = re.compile(
    r"\bone of(?: these| the following)?\s*:?\s*([^\n]{3,2000})", re.IGNORECASE
)

Kind = Literal["chat", "json", "xml", "plain"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A solved case of the prompt: texts by field."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Head:
    """What the system turn says.

    Args:
        kind: The form of the reply.
        fence: What sets its headings or tags apart.
        given: Descriptions of the input fields, by name.
        wanted: The output fields, in order.
        task: The instruction.
    """

    kind: Kind
    fence: str = ""
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    wanted: tuple[Wanted, ...] = ()
    task: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole call: the head, the solved cases, and the case to solve."""

    head: Head
    demos: tuple[Shown, ...]
    query: Mapping[str, str]


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """Read a call; anything is accepted, and nothing is raised."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    turns = [m for m in messages if m.role != "system"]
    head = read_head(system)
    if head.kind == "plain":
        return _plain(system, turns)
    texts = tuple((m.role, m.content) for m in turns)
    at = _last_input(head, texts)
    if at < 0:
        last = next((m.content for m in reversed(turns) if m.role == "user"), "")
        return Prompt(head, (), {"input": last})
    demos = _read_demos(system, texts[:at])
    return Prompt(head, demos, _values(head, texts[at][1], head.given))


@lru_cache(maxsize=64)
def read_head(system: str) -> Head:
    """Read the system turn; kind "plain" where it has no form that is known."""
    start = system.find(_GIVEN)
    middle = system.find(_WANTED, start + 1)
    if start < 0 or middle < 0:
        return Head("plain", task=system)
    before, mark, task = system[middle + len(_WANTED) :].partition(_TASK)
    listed, _, form = before.rpartition("\n\nReply ")
    kind, fence, names = _form(form)
    if kind == "plain" or not mark:
        return Head("plain", task=system)
    notes = _notes(system[start + len(_GIVEN) : middle])
    lines = _notes(listed)
    wanted = tuple(read_wanted(name, lines.get(name, "text")) for name in names)
    return Head(kind, fence, notes, wanted, task)


def _form(form: str) -> tuple[Kind, str, list[str]]:
    headings = _HEADING.findall(form)
    if headings:
        return "chat", headings[0][1], _distinct(name for name, _ in headings)
    tags = _TAG.findall(form)
    if tags:
        return "xml", tags[0][1], _distinct(name for name, _ in tags)
    keys = _KEY.findall(form)
    return ("json", "", _distinct(keys)) if keys else ("plain", "", [])


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _notes(block: str) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in block.split("\n"):
        match = _LINE.match(line)
        if match and match[1] not in found:
            last = match[1]
            found[last] = match[2] or ""
        elif last:
            found[last] += "\n" + line
    return found


def _last_input(head: Head, texts: Sequence[tuple[str, str]]) -> int:
    """Where the last turn stands that holds the input fields; -1 if none does."""
    for at in range(len(texts) - 1, -1, -1):
        role, text = texts[at]
        again = text.startswith(_AGAIN)
        if role == "user" and not again and _values(head, text, head.given):
            return at
    return -1


@lru_cache(maxsize=64)
def _read_demos(system: str, texts: tuple[tuple[str, str], ...]) -> tuple[Shown, ...]:
    head = read_head(system)
    names = [wanted.name for wanted in head.wanted]
    demos = list[Shown]()
    for (role, text), (next_role, reply) in itertools.pairwise(texts):
        if role != "user" or next_role != "assistant":
            continue
        inputs, outputs = _values(head, text, head.given), _values(head, reply, names)
        if inputs and outputs:
            demos.append(Shown(inputs, outputs))
    return tuple(demos)


def _values(
    head: Head, text: str, names: Sequence[str] | Mapping[str, str]
) -> dict[str, str]:
    """The texts of a turn by field; empty where the turn has another form."""
    if head.kind == "json":
        found = _object(text, names)
    elif head.kind == "xml":
        found = _tagged(text, names, head.fence)
    else:
        found = _headed(text, names, head.fence)
    return {name: value for name, value in found.items() if value != NOT_GIVEN}


def _object(text: str, names: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    first, last = text.find("{"), text.rfind("}")
    data = parsed(text[first : last + 1]) if first >= 0 else None
    if not is_object(data):
        return {}
    return {name: as_text(data[name]) for name in names if name in data}


def _tagged(
    text: str, names: Sequence[str] | Mapping[str, str], fence: str
) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    for name in names:
        start = text.find(f"<{name}{fence}>", at)
        end = text.find(f"</{name}{fence}>", start)
        if start >= 0 and end >= 0:
            found[name] = _bare(text[start + len(name) + len(fence) + 2 : end])
            at = end
    return found


def _headed(
    text: str, names: Sequence[str] | Mapping[str, str], fence: str
) -> dict[str, str]:
    headings = {f"[[ {name}{fence} ]]": name for name in names}
    end = f"[[ /end{fence} ]]"
    parts: dict[str, list[str]] = {}
    current = list[str]()
    for line in text.split("\n"):
        mark = line.strip(" \t\r")
        if mark == end:
            break
        name = headings.get(mark, "")
        if name and name not in parts:
            current = parts[name] = []
        else:
            current.append(line)
    return {name: _bare("\n".join(lines)) for name, lines in parts.items()}


def _bare(text: str) -> str:
    """The text that a field's `write` put down: quotes around a quoted text removed."""
    text = text.strip(" \t\r\n")
    if len(text) > 1 and text[0] == text[-1] == '"':
        data = parsed(text)
        return data if isinstance(data, str) else text
    return text


def _plain(system: str, turns: Sequence[Message]) -> Prompt:
    """A prompt of no known form: the last user turn is the input."""
    users = [at for at, m in enumerate(turns) if m.role == "user"]
    at = users[-1] if users else 0
    demos = tuple(
        Shown({"input": one.content}, {"output": two.content})
        for one, two in itertools.pairwise(turns[:at])
        if (one.role, two.role) == ("user", "assistant")
    )
    text = turns[at].content if users else system
    schema: dict[str, Any] = {"type": "string"}
    choices = _choices(system, text, [d.outputs["output"].strip() for d in demos])
    if choices:
        schema = {"enum": choices}
    head = Head("plain", "", {"input": ""}, (Wanted("output", schema),), system)
    return Prompt(head, demos, {"input": text})


def _choices(system: str, text: str, replies: list[str]) -> list[str]:
    distinct = sorted(set(replies))
    short = all(0 < len(r) <= 40 and len(r.split()) <= 3 for r in distinct)
    single = all(len(r.split()) == 1 for r in distinct)
    if short and len(distinct) > 1 and (single or len(distinct) < len(replies)):
        return distinct
    match = _ONE_OF.search(system) or _ONE_OF.search(text)
    if match is None:
        return []
    listed = re.split(r"[.;:](?:\s|$)|\n", match[1])[0]
    quoted = re.findall(r"[\"'`“]([^\"'`“”]{1,60})[\"'`”]", listed)
    parts = quoted or re.split(r"\s*,\s*(?:or |and )?|\s+or\s+|\s*\|\s*", listed)
    names = list(dict.fromkeys(p.strip(" .\"'`()[]") for p in parts))
    names = [n for n in names if n and len(n.split()) <= 5]
    return names if len(names) > 1 else []
