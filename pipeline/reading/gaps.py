"""Where a text that fills a gap is over: at what stands behind the gap in its line.

What closes the gap may stand within a value too: the full stop of "It costs [z]." in
1.5, the colon in a time, the same words in a text. So how the end is told hangs on the
type. Few values are told from one another; a number, or a date, goes on where a digit
or a letter follows; lists and objects end with their brackets, and what is quoted with
its quotes. A text ends with the line that the closing ends: but in the first edition,
which stops at it wherever it stands.

What a stop sequence took away nobody sees. Where it may have cut a value there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal, NamedTuple

from ..errors import ParseError
from ..ground import strictjson
from ..signature.field import FieldSpec
from ..signature.types import fits
from .data import alternatives
from .fields import Reading
from .nearjson import quoted
from .typography import folded
from .values import without_thought

CASES: Final = "\n\n"
"""What stands between filled templates."""
_FORMATS = ("date", "date-time", "time", "duration", "uuid")
_SIMPLE = ("integer", "number", "boolean", "null")
_GOES_ON = re.compile(r"[-+.,:]?\w")
_FIGURES = re.compile(r"[-+.,eE0-9\"]+")
_WORD = re.compile(r"\w")
_WORDS = re.compile(r"[^\W\d_]{2}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_BLANK = " \t\r"
_TAILS = ("5", "05", "30:00", "10:30:00", "01", "1H", "234", "- 5", "2. 5")
"""What could have followed a stop sequence, in numbers, times, dates and the rest."""

Way = Literal["words", "number", "simple", "text", "data"]


class Found(NamedTuple):
    """How far a value goes in a text that fills a gap.

    Args:
        at: Where the value ends, or how far the text surely belongs to it.
        over: Whether it ends there.
        seen: Whether something behind that shows it.
    """

    at: int
    over: bool = False
    seen: bool = False


@dataclass(frozen=True)
class Gap:
    """A gap of a template, and what is known of its end.

    Args:
        field: What fills it.
        closing: What follows it in its line; a line break where nothing does, and
            nothing where the template ends with it.
        words: The few values that may fill it, as they are written; else none.
        edition: The form's edition: later ones end no value at what it may hold.
        stopped: Whether the endpoint was told where to stop.
    """

    field: FieldSpec
    closing: str
    words: tuple[str, ...]
    edition: int = 1
    stopped: bool = False

    @cached_property
    def stops(self) -> tuple[str, ...]:
        """Where the endpoint is to stop."""
        return tuple(dict.fromkeys((*self._stops(), CASES)))

    def _stops(self) -> tuple[str, ...]:
        closing, way = self.closing, self._way
        lines, blanks = (f"{closing}\n",), (f"{closing} ", f"{closing}\n")
        if not closing or (way == "data" and self.edition > 1):
            return ()
        if self.edition == 1:
            return () if any(closing in word for word in self.words) else (closing,)
        if closing == "\n" or not self._is_held_by_type:
            return () if self._is_held else (closing,)
        if way == "words":
            return (*(b for b in blanks if not any(map(_found_in(b), self.words))),)
        if _WORD.match(closing[-1]):
            return ()  # a value may end so too, and who stops there takes it away
        return lines if way == "text" else blanks

    def said(self, value: str) -> str:
        """A text as it fills the gap: in quotes where it would not be read as it is."""
        field = self.field
        plainly = field.write(value) == value and quoted(value) == value
        if plainly and without_thought(value) == value:
            whole = f"{value}{self.closing.rstrip()}{CASES}"
            cut = min([at for s in self.stops if (at := whole.find(s)) >= 0])
            bare = (value, whole, whole[:cut])
            if all(self._read(text) == value for text in bare):
                return value
        return strictjson.spelled(strictjson.dumps(value))

    def find(self, text: str, *, final: bool, within: bool = False) -> Found:
        """How far the value goes in a text without blanks before it.

        Args:
            text: What has come.
            final: Whether the model ended it, so that nothing can follow.
            within: Whether the value began before: a quote here opens nothing.
        """
        cases = text.find(CASES)
        if cases >= 0:
            inner = self._find(text[:cases], final=True, within=within)
            return Found(inner.at if inner.over else cases, over=True, seen=True)
        return self._find(text, final=final, within=within)

    def waits(self, text: str) -> bool:
        """Whether nothing is sure of a value before all of it is there."""
        return self._way in ("words", "data") or self._is_framed(text)

    def may_be_cut(
        self, text: str, found: Found, read: Callable[[FieldSpec, str], Reading]
    ) -> bool:
        """Whether a stop sequence may have taken a part of the value away.

        Args:
            text: The value's text.
            found: How its end was found.
            read: What reads a value.
        """
        if not self.stopped or found.seen or self.closing not in self.stops:
            return False
        if text[:1] in ('"', "[", "{"):
            return self.closing != "\n" and _framed(text) < 0
        if self.edition > 1 or (self.closing == "\n" and self._way != "data"):
            return False
        reads = _reads(self.field, read)
        return reads(text) and any(reads(text + self.closing + t) for t in _TAILS)

    def _read(self, text: str) -> str:
        found = self.find(text.lstrip(), final=True)
        return quoted(text[: found.at].strip(" \t\r\n"))

    @cached_property
    def _way(self) -> Way:
        field = self.field
        kinds = [*alternatives(field.schema, field.schema)]
        if self.words:
            return "words"
        if fits(str, field.annotation):
            return "text"
        if field.kind in ("integer", "number"):
            return "number"
        if field.kind == "format":
            formats = {k["format"] for k in kinds if "format" in k}
            return "simple" if formats <= {*_FORMATS} else "text"
        if field.plain:
            return "text"
        simple = fits(Decimal, field.annotation) or (
            bool(kinds) and all(k.get("type") in _SIMPLE for k in kinds)
        )
        return "simple" if simple else "data"

    @cached_property
    def _is_held(self) -> bool:
        """Whether what closes the gap stands in one of the few values."""
        return any(map(_found_in(self.closing), self.words))

    @cached_property
    def _is_held_by_type(self) -> bool:
        """Whether what closes the gap may stand in a value as a matter of course.

        Of texts that is so of marks, and not of words.
        """
        if self._way == "words":
            return self._is_held
        if self._way == "text":
            return self.edition > 1 and _WORDS.search(self.closing) is None
        return self._way != "number" or _FIGURES.fullmatch(self.closing) is not None

    def _is_framed(self, text: str) -> bool:
        """Whether a text begins as a quoted text, a list or an object does."""
        bare = self.edition == 1 and self._way == "text" and self.field.plain
        return text[:1] in ('"', "[", "{") and not bare

    def _find(self, text: str, *, final: bool, within: bool) -> Found:
        closing = self.closing
        if not closing:
            return Found(len(text) if final else _sure(text, (CASES,)))
        opens = not within and self._is_framed(text)
        start = max(0, _framed(text)) if opens else 0
        for at in _places(text, closing, start):
            ends = self._ends(text, at, framed=start > 0, final=final)
            if ends is None:
                return Found(at)
            if ends:
                return Found(at, over=True, seen=at + len(closing) < len(text))
        return Found(len(text) if final else _sure(text, (closing, CASES)))

    def _ends(self, text: str, at: int, *, framed: bool, final: bool) -> bool | None:
        """Whether what closes the gap does so at a place; None where more must come."""
        behind, way = text[at + len(self.closing) :], self._way
        if way == "data":
            rest = behind.lstrip(_BLANK)
            last = not rest.strip() or (rest[0] == "\n" and _is_data(text[:at]))
            return framed or (last and (bool(rest) or final or None))
        if not self._is_held_by_type or (self.closing == "\n" and way != "words"):
            return True
        if way == "text":
            rest = behind.lstrip(_BLANK)
            return rest[0] == "\n" if rest else final or None
        known = final or len(behind) > 1 or behind[:1] not in ("", *"-+.,:")
        if way == "words" and not final and self._may_become_another(text):
            return None
        if _GOES_ON.match(behind):
            return False
        ends = way != "words" or self._is_word(text, at)
        return ends if known else None

    def _may_become_another(self, text: str) -> bool:
        return any(word.lower().startswith(text.lower()) for word in self.words)

    def _is_word(self, text: str, at: int) -> bool:
        """Whether a text up to a place is one of the values, and begins no other."""
        bare = [str(option) for option in self.field.options]
        words = {folded(word) for word in (*self.words, *bare)}
        longer = (w.lower() for w in (*self.words, *bare) if len(w) > at)
        return folded(text[:at]) in words and not any(
            text.lower().startswith(word) for word in longer
        )


def _framed(text: str) -> int:
    """Where a quoted text, a list or an object is over, or -1."""
    if text[:1] == '"':
        found = _QUOTED.match(text)
        return found.end() if found else -1
    depth = 0
    for part in _PARTS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(part[0], 0)
        if depth == 0:
            return part.end()
    return -1


def _is_data(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        strictjson.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _found_in(closing: str) -> Callable[[str], bool]:
    """Whether a closing behind a word would be found before that word is over."""
    return lambda word: 0 <= f"{word}{closing}".find(closing) < len(word)


def _reads(
    field: FieldSpec, read: Callable[[FieldSpec, str], Reading]
) -> Callable[[str], bool]:
    """Whether a text is a value, and no text."""

    def reads(text: str) -> bool:
        try:
            return not isinstance(read(field, text).value, str)
        except ParseError:
            return False

    return reads


def _places(text: str, closing: str, start: int) -> Iterator[int]:
    at = text.find(closing, start)
    while at >= 0:
        yield at
        at = text.find(closing, at + 1)


def _sure(text: str, ends: tuple[str, ...]) -> int:
    """How far a text goes that can begin no end any more."""
    most = max(map(len, ends), default=0)
    for at in range(max(0, len(text) - most + 1), len(text)):
        if any(end.startswith(text[at:]) for end in ends):
            return at
    return len(text)
