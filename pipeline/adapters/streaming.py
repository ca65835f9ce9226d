"""Reading a reply while it arrives: field by field, never showing structure as text.

A reader is fed pieces of a reply in any cut and gives back what surely belongs to a
field. What could still turn out to be a heading, a tag or an escape is held back. For a
field of bare text the pieces add up to exactly the value that the whole reply holds.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..base import strictjson
from ..spec import Spec

_BLANK = " \t\r\n"
_EDGE = " \t\r"
_ESCAPES = {'"': '"', "\\": "\\", "/": "/"} | dict(
    zip("bfnrt", "\b\f\n\r\t", strict=True)
)


class Delta(NamedTuple):
    """A piece of a field's text."""

    field: str
    text: str


class FieldReader(ABC):
    """Reads one reply; made anew for each."""

    @abstractmethod
    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""

    def end(self) -> Iterator[Delta]:
        """What is certain only once nothing more comes; nothing by default."""
        yield from ()


class Value:
    """The text of one field: blank edges are dropped, a quoted text is unquoted."""

    def __init__(self, field: str, plain: bool) -> None:
        self.field = field
        self._plain = plain
        self._blank = ""
        self._begun = False
        self._quoted: list[str] | None = None

    def add(self, text: str) -> Iterator[Delta]:
        """What surely belongs to the value after some more of its text."""
        if not self._begun:
            text = text.lstrip(_BLANK)
            if not text:
                return
            self._begun = True
            if self._plain and text.startswith('"'):
                self._quoted = []
        if self._quoted is not None:
            self._quoted.append(text)
            return
        body = text.rstrip(_BLANK)
        if body:
            yield Delta(self.field, self._blank + body)
            self._blank = text[len(body) :]
        else:
            self._blank += text

    def end(self) -> Iterator[Delta]:
        """What is certain once the value is over."""
        if self._quoted is None:
            return
        whole = "".join(self._quoted).rstrip(_BLANK)
        try:
            value = strictjson.loads(whole) if whole.endswith('"') else whole
        except ValueError:
            value = whole
        if value:
            yield Delta(self.field, str(value))


class HeadingReader(FieldReader):
    """For replies whose fields stand under headings, each on a line of its own."""

    def __init__(self, spec: Spec, headings: Mapping[str, str], end: str) -> None:
        self._spec = spec
        self._headings = headings
        self._end = end
        self._longest = max(map(len, (*headings, end)))
        self._value: Value | None = None
        self._done = False
        self._held: list[str] = []  # of the line, what was not given out yet
        self._seen = ""  # all of the line, while it may be a mark
        self._is_text = False

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        *whole, rest = text.split("\n")
        for part in whole:
            self._go_on(part)
            yield from self._finish_line()
        self._go_on(rest)
        if self._is_text:
            piece, self._held = "".join(self._held), []
            if self._value is not None and not self._done:
                yield from self._value.add(piece)

    def _go_on(self, part: str) -> None:
        """Take in more of a line, and see whether it can still become a mark.

        A flood of blanks is cut to what no mark holds, so that this takes linear time.
        """
        self._held.append(part)
        if self._is_text:
            return
        seen = self._seen + (part if self._seen else part.lstrip(_EDGE))
        begun = seen.rstrip(_EDGE)
        self._seen = seen[: len(begun) + self._longest]
        marks = (*self._headings, self._end)
        self._is_text = not any(mark.startswith(begun) for mark in marks)

    def _finish_line(self) -> Iterator[Delta]:
        mark = "" if self._is_text else self._seen.rstrip(_EDGE)
        line = "".join(self._held)
        self._held, self._seen, self._is_text = [], "", False
        if self._done:
            return
        name = self._headings.get(mark)
        if name is not None or (mark == self._end and self._value is not None):
            if self._value is not None:
                yield from self._value.end()
            self._done = name is None
            plain = name is not None and self._spec.outputs[name].plain
            self._value = Value(name, plain) if name is not None else None
        elif self._value is not None:
            yield from self._value.add(line + "\n")


class TagReader(FieldReader):
    """For replies whose fields stand between an opening and a closing tag."""

    def __init__(self, spec: Spec, tags: Mapping[str, tuple[str, str]]) -> None:
        self._spec = spec
        self._names = {opening: name for name, (opening, _) in tags.items()}
        self._closing = {name: closing for name, (_, closing) in tags.items()}
        self._opening = re.compile("|".join(map(re.escape, self._names)))
        self._longest = max(map(len, self._names))
        self._held = ""
        self._value: Value | None = None

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        held, at = self._held + text, 0
        while True:
            if self._value is None:
                found = self._opening.search(held, at)
                if found is None:
                    self._held = held[max(at, len(held) - self._longest + 1) :]
                    return
                at, name = found.end(), self._names[found[0]]
                self._value = Value(name, self._spec.outputs[name].plain)
            closing = self._closing[self._value.field]
            end = held.find(closing, at)
            if end < 0:
                last = held[max(at, len(held) - len(closing)) :]
                sure = len(held) - _overlap(last, closing)
                self._held = held[sure:]
                yield from self._value.add(held[at:sure])
                return
            yield from self._value.add(held[at:end])
            yield from self._value.end()
            at, self._value = end + len(closing), None


class ObjectReader(FieldReader):
    """For replies that are one JSON object; texts arrive decoded, the rest as JSON."""

    _LEXEME = re.compile(r'[{}\[\],:"]|[^{}\[\],:"]+', re.DOTALL)

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._depth = 0
        self._key: str | None = None
        self._text: list[str] = []
        self._in_string = False
        self._escape = ""
        self._wants_key = True

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        at = 0
        while at < len(text):
            if self._in_string:
                at, piece = self._string(text, at)
                yield from self._show(piece)
                continue
            lexeme = self._LEXEME.match(text, at)
            assert lexeme is not None  # the pattern matches any character
            at = lexeme.end()
            yield from self._structure(lexeme[0])

    def _structure(self, lexeme: str) -> Iterator[Delta]:
        if lexeme in "{[":
            self._depth += 1
            if self._depth > 1:
                self._text.append(lexeme)
        elif lexeme in "}]":
            self._depth -= 1
            if self._depth:
                self._text.append(lexeme)
            else:
                yield from self._close_value()
        elif lexeme == "," and self._depth == 1:
            yield from self._close_value()
        elif lexeme == ":" and self._depth == 1 and self._wants_key:
            self._key, self._text, self._wants_key = "".join(self._text), [], False
        elif lexeme == '"':
            self._in_string = True
            if self._depth > 1:
                self._text.append(lexeme)
        elif self._depth and (self._depth > 1 or lexeme.strip()):
            self._text.append(lexeme)

    def _string(self, text: str, at: int) -> tuple[int, str]:
        """Read on inside a string; the position after it, and its decoded piece."""
        raw = self._depth > 1
        out: list[str] = []
        while at < len(text):
            char = text[at]
            at += 1
            if self._escape or char == "\\":
                self._escape += char
                out.append(self._unescaped(raw))
            elif char == '"':
                self._in_string = False
                out.append('"' if raw else "")
                break
            else:
                out.append(char)
        return at, "".join(out)

    def _unescaped(self, raw: bool) -> str:
        escape = self._escape
        if len(escape) < 2 or (escape[1] == "u" and len(escape) < 6):
            return ""
        high = escape[1] == "u" and 0xD800 <= _code(escape[2:6]) < 0xDC00
        if high and len(escape) < 12:
            return ""
        self._escape = ""
        if raw:
            return escape
        if escape[1] != "u":
            return _ESCAPES.get(escape[1], "")
        return _decoded(escape)

    def _show(self, piece: str) -> Iterator[Delta]:
        if self._shown_now() and self._depth == 1:
            if piece:
                assert self._key is not None  # as _shown_now says
                yield Delta(self._key, piece)
        else:
            self._text.append(piece)

    def _shown_now(self) -> bool:
        return not self._wants_key and self._key in self._spec.outputs

    def _close_value(self) -> Iterator[Delta]:
        if self._shown_now() and self._text and self._key is not None:
            yield Delta(self._key, "".join(self._text).strip())
        self._key, self._text, self._wants_key = None, [], True


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of a text could begin a mark."""
    most = min(len(text), len(mark) - 1)
    return next((n for n in range(most, 0, -1) if text.endswith(mark[:n])), 0)


def _code(digits: str) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        return 0


def _decoded(escape: str) -> str:
    try:
        return str(strictjson.loads(f'"{escape}"'))
    except ValueError:
        return ""
