"""The text of one field, and texts between marks, read while they arrive."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from ..errors import ParseError
from ..signature.spec import Spec
from .arriving import Delta, StructureReader
from .asides import END, ENDS, START, STARTS, first_turn, without_closing
from .nearjson import quoted
from .values import without_thought

_BLANK = " \t\r\n"
_THOUGHT = "<think"
_TOKENS = (*ENDS, *STARTS)
_MAY_END = re.compile(r"[<\[]")


class Value:
    """The text of one field: blank edges are dropped, a quoted text is unquoted.

    With an open end it may end with the reply, and so with a chat template's tokens, or
    with the mark `closing`. A colon behind its heading is no part of it.
    """

    def __init__(
        self,
        field: str,
        plain: bool,
        *,
        open_end: bool = False,
        closing: str = "",
        headed: bool = False,
    ) -> None:
        self.field = field
        self._plain = plain
        self._open_end = open_end
        self._colon = headed  # whether one may come
        self._lead = ""
        self._closing = closing
        self._ends = (*_TOKENS, closing) if closing else _TOKENS
        self._longest = max(map(len, self._ends))
        self._begun = False
        self._whole: list[str] | None = None  # a text that is understood as a whole
        self._head = ""  # its first characters
        self._held: list[str] = []  # blanks, and tokens that may end the text
        self._part = ""  # what may become a token
        self._ended = False  # whether what is held has a token that ends a turn
        self._closed = False  # whether it has the mark that closes the text
        self._over = False  # whether another turn began behind it

    def add(self, text: str) -> Iterator[Delta]:
        """Take in more of the text."""
        if not self._begun:
            text = self._behind_colon(text).lstrip(_BLANK)
            if not text:
                return
            self._begun = True
            self._whole = [] if self._plain and text[0] in '"<' else None
        if self._whole is not None:
            self._whole.append(text)
            self._head = (self._head + text[: len(_THOUGHT)])[: len(_THOUGHT)]
            if self._head[0] == '"' or _THOUGHT.startswith(self._head):
                return
            text, self._whole = "".join(self._whole), None
        if self._over:
            self._held.append(text)
            return
        if self._open_end and (self._part or "<" in text or "[" in text):
            yield from self._with_tokens(self._part + text)
        else:
            yield from self._sure(text)

    def _behind_colon(self, text: str) -> str:
        """What comes behind a heading, without the colon that follows it at once."""
        if not self._colon or not text:
            return text
        text, self._lead = self._lead + text, ""
        if text == ":":
            self._lead = text
            return ""
        self._colon = False
        return text[1:] if text[0] == ":" and text[1].isspace() else text

    def end(self, *, by_input: bool = False) -> Iterator[Delta]:
        """The text has ended at a mark; before an input's its turn may have ended."""
        if self._whole is not None:
            whole = "".join(self._whole)
            if by_input:
                whole = first_turn(whole)
                if self._closing:
                    whole = without_closing(whole, self._closing)
            text = whole.rstrip(_BLANK)
            text = without_thought(quoted(text))
        elif by_input and (self._over or (self._may_be_over() and not self._part)):
            text = ""
        else:
            text = "".join([*self._held, self._part]).rstrip(_BLANK)
        if text:
            yield Delta(self.field, text)

    def close(self) -> Iterator[Delta]:
        """The text has ended with the reply, as at the heading of an input."""
        return self.end(by_input=True)

    def _sure(self, text: str) -> Iterator[Delta]:
        body = text.rstrip(_BLANK)
        if body:
            yield Delta(self.field, "".join([*self._held, body]))
            self._held = [text[len(body) :]]
            self._ended = self._closed = False
        else:
            self._held.append(text)

    def _may_be_over(self) -> bool:
        return self._ended or self._closed

    def _with_tokens(self, text: str) -> Iterator[Delta]:
        """Take in text that may hold what ends it."""
        self._part, at = "", 0
        while (found := _MAY_END.search(text, at)) is not None:
            start = found.start()
            yield from self._sure(text[at:start])
            token = END.match(text, start)
            if token is not None:
                self._held.append(token[0])
                self._ended, at = True, token.end()
            elif self._ended and START.match(text, start):
                self._held.append(text[start:])
                self._over = True
                return
            elif self._closing and text.startswith(self._closing, start):
                yield from self._meet_closing()
                at = start + len(self._closing)
            elif self._may_begin_end(text, start):
                self._part = text[start:]
                return
            else:
                yield from self._sure(text[start])
                at = start + 1
        yield from self._sure(text[at:])

    def _may_begin_end(self, text: str, start: int) -> bool:
        """Whether what a text ends with may become a token, or the closing mark."""
        if len(text) - start > self._longest:
            return False
        return any(end.startswith(text[start:]) for end in self._ends)

    def _meet_closing(self) -> Iterator[Delta]:
        """Hold back the closing mark; what was held before it is text."""
        if self._may_be_over():
            held, self._held = "".join(self._held), []
            yield from self._sure(held)
        self._held.append(self._closing)
        self._closed, self._ended = True, False


class Course:
    """Which field the text behind a heading belongs to, and where an answer ends.

    `end` is what the mark that ends an answer is called.
    """

    def __init__(self, spec: Spec, end: str) -> None:
        self._spec, self._end = spec, end
        self.begun: list[str] = []
        self.current = ""  # the open field, empty where none is
        self.done = False
        self.ended = False

    @property
    def whole(self) -> bool:
        """Whether the heading of every required field has come."""
        return all(name in self.begun for name in self._spec.required)

    def meet(self, name: str) -> None:
        """Take in one mark.

        Raises:
            ParseError: A field comes twice, or an input's heading stands in a field
                while others are missing.
        """
        if name in self._spec.outputs:
            if name in self.begun:
                raise ParseError(f"field {name!r} comes twice", field=name)
            self.begun.append(name)
            self.current = name
            return
        if self.begun and self.whole:
            self.done = True
        elif self.current and name != self._end:
            raise ParseError(
                f"the heading of {name!r} stands in field {self.current!r}",
                field=self.current,
            )
        self.ended = self.ended or (name == self._end and bool(self.begun))
        self.current = ""


class MarkReader(StructureReader):
    """Reads texts between marks; what may be the beginning of one is held back.

    `marks` are all that `pattern` finds, and each begins with the character `first`.
    """

    def __init__(
        self, spec: Spec, pattern: re.Pattern[str], marks: Iterable[str], first: str
    ) -> None:
        self._spec = spec
        self._pattern = pattern
        self._marks = marks
        self._first = first
        self._value: Value | None = None
        self._held = ""
        self._over = False  # whether what follows is no part of the answer

    @abstractmethod
    def _meet(self, mark: re.Match[str]) -> Iterator[Delta]:
        """Take in one mark: it ends a value, begins one, or is at fault."""

    def _passes_over(self, mark: re.Match[str]) -> bool:
        """Whether a mark is text of the value that is open."""
        del mark
        return False

    def _stopped(self) -> bool:
        return self.failed or self._over

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        if self._stopped():
            return
        if not self._held and self._first not in text:
            if self._value is not None:
                yield from self._value.add(text)
            return
        text, at = self._held + text, 0
        for mark in self._pattern.finditer(text):
            if self._passes_over(mark):
                continue
            if self._value is not None:
                yield from self._value.add(text[at : mark.start()])
            yield from self._meet(mark)
            at = mark.end()
            if self._stopped():
                return
        sure = sure_end(text, at, self._marks, self._first)
        self._held = text[sure:]
        if self._value is not None:
            yield from self._value.add(text[at:sure])


def sure_end(text: str, at: int, marks: Iterable[str], first: str) -> int:
    """Where a text ends that surely is no beginning of a mark.

    >>> sure_end("see [[ an", 0, ["[[ answer ]]"], "[")
    4
    """
    start = max(at, len(text) - max(map(len, marks)) + 1)
    while (start := text.find(first, start)) >= 0:
        rest = text[start:]
        if any(mark.startswith(rest) for mark in marks):
            return start
        start += 1
    return len(text)
