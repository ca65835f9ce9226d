"""The form of a reply: which fields are asked for, and how they are set apart.

Read off what the prompt shows: headings in double brackets, tags, or a JSON object.
Whatever headings the form has that the question does not fill in are the fields to
write, and a last one that is listed nowhere ends the reply. Nothing here knows any
framework; a prompt with no such form is answered in plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["Form", "Turn", "Wanted", "read_form"]

_HEADING = re.compile(r"^[ \t]*(\[\[[^\w\n/]*(/?\w+)[^\n\]]*\]\])[ \t]*$", re.MULTILINE)
_TAG = re.compile(r"<(\w+)[\w-]*>")
_KEY = re.compile(r'"(\w+)"\s*:')
_LISTED = re.compile(r"^[ \t]*(?:[-*]|\d+\.)[ \t]*`?(\w+)`?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Turn:
    """One message."""

    role: str
    text: str


@dataclass(frozen=True)
class Wanted:
    """A field to write, and what the prompt says about it."""

    name: str
    note: str = ""


@dataclass(frozen=True)
class Form:
    """How a reply is written.

    Attributes:
        kind: "headings", "tags", "json" or "plain".
        fields: What to write, in order; one without a name where it is plain.
        marks: The line above each field, by name.
        end: The line that closes the reply.
    """

    kind: str
    fields: tuple[Wanted, ...]
    marks: Mapping[str, str]
    end: str = ""

    def write(self, values: Mapping[str, Any]) -> str:
        """The reply that holds these values."""
        if self.kind == "json":
            return json.dumps(dict(values))
        texts = {name: _text(value) for name, value in values.items()}
        if self.kind == "headings":
            parts = [f"{self.marks[f.name]}\n{texts[f.name]}" for f in self.fields]
            return "\n\n".join([*parts, self.end]).rstrip()
        if self.kind == "tags":
            lines = [f"<{m}>{texts[n]}</{m}>" for n, m in self.marks.items()]
            return "\n".join(lines)
        return texts[self.fields[0].name]


def read_form(
    turns: Sequence[Turn], query: str, response_format: Mapping[str, Any] | None
) -> Form:
    """The form that a prompt asks for.

    Args:
        turns: All messages.
        query: The text that holds the question.
        response_format: What the request says beside the messages.
    """
    head = "\n".join(t.text for t in turns if t.role in {"system", "developer"})
    notes = _notes(head)
    keys = _schema_keys(response_format)
    if keys:
        return _form("json", keys, notes)
    given = {name for _, name in _headings(query)}
    shown = [(mark, name) for mark, name in _headings(head) if name not in given]
    if shown and response_format is None:
        end = ""
        if len(shown) > 1 and shown[-1][1] not in notes:
            end = shown.pop()[0]
        marks = {name: mark for mark, name in shown}
        fields = tuple(Wanted(name, notes.get(name, "")) for name in marks)
        return Form("headings", fields, marks, end)
    listed = [name for name in notes if name not in given]
    tags = {name: name for name in _tags(head) if name in listed}
    tags = {n: t for n, t in tags.items() if f"<{n}>" not in query}
    if tags and response_format is None:
        return _form("tags", list(tags), notes)
    keys = [k for k in dict.fromkeys(_KEY.findall(head)) if k in listed]
    keys = [k for k in keys if f'"{k}"' not in query]
    if keys:
        return _form("json", keys, notes)
    return Form("plain", (Wanted("text", ""),), {})


@lru_cache(maxsize=256)
def _headings(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys(_HEADING.findall(text)))


@lru_cache(maxsize=256)
def _notes(head: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, note in _LISTED.findall(head):
        found.setdefault(name, note.strip())
    return found


@lru_cache(maxsize=256)
def _tags(head: str) -> tuple[str, ...]:
    return tuple(name for name in _TAG.findall(head) if f"</{name}>" in head)


def _form(kind: str, names: Sequence[str], notes: Mapping[str, str]) -> Form:
    fields = tuple(Wanted(name, notes.get(name, "")) for name in names)
    return Form(kind, fields, {name: name for name in names})


def _schema_keys(response_format: Mapping[str, Any] | None) -> list[str]:
    whole: Any = (response_format or {}).get("json_schema") or {}
    return list(whole.get("schema", whole).get("properties", {}))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
