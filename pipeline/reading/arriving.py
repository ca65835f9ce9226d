"""Replies read while they arrive: what surely belongs to a field, and when.

What could still turn out to be a mark, a token or a thought is held back. Where it
turns out that what was given out was thought and no answer, the reading begins again
and says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from ..signature.field import FieldSpec
from ..signature.types import ONE_LINE
from .asides import (
    CLOSING,
    LONGEST_TAG,
    before_tag,
    closing_of,
    names_of_thoughts,
    tags,
)


class Delta(NamedTuple):
    """A piece of a field's text; one without a field says that all begins again."""

    field: str
    text: str


AGAIN = Delta("", "")
"""What was given out so far was no part of the answer."""


class FieldReader(ABC):
    """Reads one reply; made anew for each."""

    @abstractmethod
    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""

    @abstractmethod
    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""


class StructureReader(FieldReader):
    """Reads the structure of a form, with no regard to what was thought.

    `begun` says whether the answer has begun, `inside` whether the text is in a field
    that may speak of a tag, `broken` that a part of it cannot be read, `failed` that it
    can be no answer.
    """

    @property
    @abstractmethod
    def whole(self) -> bool:
        """Whether every field that is required has been read."""

    @staticmethod
    def _may_speak(field: FieldSpec | None) -> bool:
        """Whether a value is a text of any words: no number tells of a tag."""
        return field is not None and field.kind not in ONE_LINE

    begun = False
    inside = False
    broken = False
    failed = False

    def respelled(self, text: str, /) -> str | None:
        """A reply with marks that are written otherwise as asked for, if it has any."""
        return None


class _Attempt:
    """One reading of a reply: its structure, and the thoughts before it left out."""

    def __init__(
        self, new: Callable[[], StructureReader], names: frozenset[str]
    ) -> None:
        self._new, self._names = new, names
        self.inner = new()
        self._thought = ""  # the tag that closes the thought we are in
        self._held = ""  # what may become a tag
        self._passed: list[str] = []  # what was passed on

    def open(self, text: str) -> Generator[Delta, None, str]:
        """Take in what stands before the answer; gives back what is left for that."""
        text, self._held, at = self._held + text, "", 0
        while at < len(text) and not self.inner.begun:
            if self._thought:
                at = self._think(text, at)
            else:
                at = yield from self._begin(text, at)
        return text[at:]

    def add(self, text: str) -> Iterator[Delta]:
        """Take in more of the answer."""
        self._passed.append(text)
        yield from self.inner.feed(text)

    def feed(self, text: str) -> Iterator[Delta]:
        """Take in more, of the answer or of what stands before it."""
        if not self.inner.begun:
            text = yield from self.open(text)
        if text:
            yield from self.add(text)

    def close(self) -> Iterator[Delta]:
        """The reply has ended: what is still to come, read anew if its marks are."""
        if not self._thought and self._held and not self.inner.begun:
            yield from self.add(self._held)
        sure = not self.inner.failed
        again = self.inner.respelled("".join(self._passed)) if sure else None
        if again is not None:
            if self.inner.begun:
                yield AGAIN
            self.inner = self._new()
            yield from self.inner.feed(again)
        yield from self.inner.close()

    @property
    def reads(self) -> bool:
        """Whether it has found an answer."""
        return self.inner.whole and not self.inner.failed

    def _think(self, text: str, at: int) -> int:
        """Pass over a thought; what may begin its closing tag is held."""
        end = text.find(self._thought, at)
        if end < 0:
            self._held = text[max(at, len(text) - len(self._thought) + 1) :]
            return len(text)
        end += len(self._thought)
        self._thought = ""
        return end

    def _begin(self, text: str, at: int) -> Generator[Delta, None, int]:
        """Pass on what stands before an answer, up to the next tag of a thought."""
        tag = next(tags(text, self._names, at), None)
        if tag is None:
            sure = before_tag(text, at)
            yield from self.add(text[at:sure])
            if self.inner.begun:
                return sure
            self._held = text[sure:]
            return len(text)
        yield from self.add(text[at : tag.start])
        if self.inner.begun:
            return tag.start
        if not tag.closes:
            self._thought = closing_of(tag.name)
        elif tag.name in CLOSING:
            self.inner, self._passed = self._new(), []
        else:
            yield from self.add(text[tag.start : tag.end])
        return tag.end


class ReplyReader(FieldReader):
    """A whole reply: its structure, which `new` reads, thinking parts left out.

    A tag that closes a thought which nothing opened may stand in a field, or say that
    all before it was thought: from there on the reply is read both ways.
    """

    def __init__(
        self, new: Callable[[], StructureReader], fields: tuple[str, ...]
    ) -> None:
        self._new = new
        self._names = names_of_thoughts(fields)
        self._first = self._attempt()
        self._second: _Attempt | None = None  # reads behind a closing tag
        self._kept: list[Delta] = []  # what that has found
        self._seen = ""  # the last characters of the answer
        self._opened = 0  # thoughts that are open in it
        self._plainly = False  # whether all goes to the first reading as it is

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        if self._plainly and ">" not in text and "]" not in text:
            self._seen = (self._seen + text)[-LONGEST_TAG:]
            yield from self._first.add(text)
            return
        while text:
            if self._first.inner.begun:
                text = yield from self._answer(text)
            else:
                text = yield from self._first.open(text)
        self._plainly = self._first.inner.begun and self._second is None

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        second = self._second
        if second is not None and (second.reads or not self._first.reads):
            yield from self._begin_again(second, self._kept)
        yield from self._first.close()

    def _attempt(self) -> _Attempt:
        return _Attempt(self._new, self._names)

    def _answer(self, text: str) -> Generator[Delta, None, str]:
        """Pass on an answer up to where it begins again; gives back what is left."""
        at, before = 0, len(self._seen)
        for tag in tags(self._seen + text, self._names & CLOSING):
            end = tag.end - before
            if end <= 0:
                continue
            yield from self._pass_on(text[at:end])
            at = end
            if not tag.closes:
                self._opened += 1
            elif self._opened:
                self._opened -= 1
            elif self._first.inner.inside:
                self._second, self._kept = self._attempt(), []
            else:
                yield from self._begin_again(self._attempt(), [])
                return text[end:]
        yield from self._pass_on(text[at:])
        return ""

    def _pass_on(self, text: str) -> Iterator[Delta]:
        self._seen = (self._seen + text)[-LONGEST_TAG:]
        yield from self._first.add(text)
        if self._second is not None:
            self._kept.extend(self._second.feed(text))
            if self._first.inner.failed or self._first.inner.broken:
                yield from self._begin_again(self._second, self._kept)

    def _begin_again(self, attempt: _Attempt, kept: list[Delta]) -> Iterator[Delta]:
        yield AGAIN
        self._first, self._second, self._kept = attempt, None, []
        self._seen, self._opened = "", 0
        yield from kept
