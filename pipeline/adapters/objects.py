"""Reading a reply that is one JSON object while it arrives.

Texts come decoded, other values as their JSON when they are whole. The grammar is that
of `reading.nearjson`: what is mended there is given out here as it will be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..ground import strictjson
from ..reading.among import MOST_VALUES, around, escaped, meant
from ..reading.arriving import AGAIN, Delta, StructureReader
from ..reading.asides import first_turn, without_last_tokens
from ..reading.nearjson import NotNearJSON, escape_at, loads
from ..reading.typography import loosened_member
from ..signature.spec import Spec
from ..signature.types import fits

_BLANKS = re.compile(r"[ \t\r\n\u00a0\ufeff]+")
_CLOSING = {'"': '"', "'": "'", "\u201c": "\u201d"}
_OPENING = {"{": "}", "[": "]", "(": ")"}
_RUN = {quote: re.compile(rf"[^{end}\\]+") for quote, end in _CLOSING.items()}
_NAME = re.compile(r"[\w$-]+")
_BARE = re.compile(r"[^\s,}\]/#\u00a0]+")
_NESTED = re.compile(r"""[^\[\]{}()"'\u201c]+""")
_BRACKETS = re.compile(r"[{}\[\]]")
_GROWTH = 16  # characters of a text between two looks for it in the inputs


class ObjectReader(StructureReader):
    """For replies that are one JSON object, maybe among words.

    Args:
        spec: The signature.
        given: The inputs as they were written into the call, `loosened`: a member that
            stands literally in them is held back, for it may be a quotation.
    """

    def __init__(self, spec: Spec, given: str = "") -> None:
        self._spec = spec
        self._given = given
        self._step = self._prose
        self._text, self._at, self._from = "", 0, 0
        self._comment = ""  # what ends the comment we are in
        self._outside: list[str] = []
        # Of the object that is open:
        self._source: list[str] = []
        self._keys: list[str] = []
        self._key = ""
        self._quote = ""
        self._raw: list[str] = []  # the value or the name that is open
        self._stack: list[str] = []  # the brackets of that value
        self._line_ended = self._was_text = False
        self._depth = 0  # of one that cannot be read, by its brackets
        self._faults = 0  # objects that could not be read
        # Of the answer:
        self._told = self._stale = self._whole = False
        self._flows = False  # whether what comes is text of a field, and shown at once
        self._kept: list[Delta] | None = None  # may be a quotation
        self._member: list[str] = []
        self._looked = self._length = 0
        self._echo: list[Delta] = []

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        if self._flows and self._at == len(self._text):
            run = _RUN[self._quote].fullmatch(text)
            if run is not None:
                self._source.append(text)
                self._told = True
                yield Delta(self._key, text)
                return
        self._text, self._at = self._text[self._at :] + text, 0
        while not self.failed and self._at < len(self._text):
            self._from, step = self._at, self._step
            yield from step()
            if step != self._prose:
                self._source.append(self._text[self._from : self._at])
            if self._at == self._from and self._step == step:
                break  # more text is needed
        shown = self._step == self._shown_text and self._key in self._spec.outputs
        self._flows = shown and self._kept is None and not self._stale

    @property
    def whole(self) -> bool:
        """Whether an object with every required field has been read."""
        return self._whole

    def close(self) -> Iterator[Delta]:
        """An object that stands in the inputs is the answer if it is all there is.

        So is one with its quotes escaped.
        """
        while self._step not in (self._prose, self._broken) and not self.failed:
            self._step = self._broken  # the reply ended before it did
            yield from self._broken()
            yield from self.feed("")
        outside = without_last_tokens("".join([*self._outside, self._text[self._at :]]))
        if self._echo and not self._whole and not around(outside, 0, 0):
            yield from self._echo
        for part in [] if self.begun else escaped(first_turn(outside)):
            for name in filter(part.value.__contains__, self._spec.outputs):
                yield Delta(name, strictjson.as_text(part.value[name]))

    def _prose(self) -> Iterator[Delta]:
        start = self._text.find("{", self._at)
        end = len(self._text) if start < 0 else start
        self._outside.append(self._text[self._at : end])
        self._at = end
        if start >= 0:
            self._at += 1
            self._source, self._keys, self._raw = ["{"], [], []
            self._stale = self._told
            self._kept = [] if self._given else None
            self._step = self._begun
        return iter(())

    def _begun(self) -> Iterator[Delta]:
        blanks = _BLANKS.match(self._text, self._at)
        self._at = blanks.end() if blanks else self._at
        if self._text.startswith("#", self._at):  # no data begins so: {#1}
            self._outside.extend(self._source)
            self._step = self._prose
        elif self._at < len(self._text):
            self._step = self._opened
        return iter(())

    def _opened(self) -> Iterator[Delta]:
        char = self._next()
        if char in _CLOSING:
            self._begin_text(char, self._name_text)
        elif char == "}":
            self._at += 1
            self.begun = True
            yield from self._end()
        elif char and (char.isalpha() or char == "_"):
            self._step = self._name
        elif char:
            self._outside.extend(self._source)
            self._step = self._prose

    def _begin_text(self, quote: str, step: Callable[[], Iterator[Delta]]) -> None:
        self.begun = self.inside = True
        self._at += 1
        self._quote, self._raw, self._step = quote, [quote], step

    def _name(self) -> Iterator[Delta]:
        found = _NAME.match(self._text, self._at)
        if found is not None:
            self._raw.append(found[0])
            self._at = found.end()
        if self._at < len(self._text):
            self._key, self._step = "".join(self._raw), self._colon
        return iter(())

    def _name_text(self) -> Iterator[Delta]:
        if self._pass_text():
            try:
                self._key = loads("".join(self._raw)).value
                self._step = self._colon
            except NotNearJSON:
                self._step = self._broken
        return iter(())

    def _colon(self) -> Iterator[Delta]:
        char = self._next()
        if char == ":":
            self._at += 1
            self.begun = self.inside = True
            self._step = self._value
            self._keys.append(self._key)
            self._member = [*self._raw, ":"]
            self._raw, self._length, self._looked = [], 0, 0
            self.failed = self._whole and self._key in self._spec.outputs
        elif char and (self._keys or self._raw[0] in _CLOSING):
            self._step = self._broken
        elif char:
            self._outside.extend(self._source)
            self._step = self._prose
        return iter(())

    def _value(self) -> Iterator[Delta]:
        char = self._next()
        if not char:
            return iter(())
        self._was_text = char in _CLOSING
        field = self._spec.outputs.get(self._key)
        if self._was_text:
            shown = field is not None and (field.plain or fits(str, field.annotation))
            self._member.extend('"' * shown)
            self._begin_text(char, self._shown_text if shown else self._kept_text)
        elif char in _OPENING:
            self._stack, self._raw = [_OPENING[char]], [char]
            self._at += 1
            self._step = self._nested
        else:
            self._step = self._bare
        return iter(())

    def _shown_text(self) -> Iterator[Delta]:
        start, out, text = self._at, list[str](), self._text
        while self._at < len(text):
            if text[self._at] == _CLOSING[self._quote]:
                self._at += 1
                self._step = self._after
                break
            at = self._at
            run = _RUN[self._quote].match(text, at)
            try:
                piece, length = (run[0], len(run[0])) if run else escape_at(text, at)
            except NotNearJSON:
                self._step = self._broken
                break
            if not length:
                break
            out.append(piece)
            self._at += length
        yield from self._give("".join(out), text[start : self._at])

    def _kept_text(self) -> Iterator[Delta]:
        if self._pass_text():
            self._step = self._after
            yield from self._give_whole()

    def _pass_text(self) -> bool:
        """Take in a text as it stands, up to its quote; whether it has ended."""
        text, start = self._text, self._at
        ended = False
        while self._at < len(text) and not ended:
            run = _RUN[self._quote].match(text, self._at)
            if run is not None:
                self._at = run.end()
            elif text[self._at] == "\\":
                if self._at + 1 >= len(text):
                    break
                self._at += 2
            else:
                self._at += 1
                ended = True
        self._raw.append(text[start : self._at])
        return ended

    def _nested(self) -> Iterator[Delta]:
        run = _NESTED.match(self._text, self._at)
        if run is not None:
            self._raw.append(run[0])
            self._at = run.end()
            return
        char = self._text[self._at]
        if char in _CLOSING:
            self._quote, self._step = char, self._nested_text
        elif char in _OPENING:
            self._stack.append(_OPENING[char])
        elif self._stack.pop() != char:
            self._step = self._broken
            return
        self._raw.append(char)
        self._at += 1
        if not self._stack:
            self._step = self._after
            yield from self._give_whole()

    def _nested_text(self) -> Iterator[Delta]:
        if self._pass_text():
            self._step = self._nested
        return iter(())

    def _bare(self) -> Iterator[Delta]:
        found = _BARE.match(self._text, self._at)
        if found is not None:
            self._raw.append(found[0])
            self._at = found.end()
        if self._at < len(self._text):
            try:
                value = loads("".join(self._raw)).value
            except NotNearJSON:
                self._step = self._broken
            else:
                if not isinstance(value, str | float):
                    self._raw = [strictjson.dumps(value)]
                self._step = self._after
                yield from self._give_whole()

    def _after(self) -> Iterator[Delta]:
        char = self._next()
        if char == ",":
            self._at += 1
            self._step = self._following
        elif char == "}":
            self._at += 1
            yield from self._end()
        elif char in _CLOSING and (self._line_ended or not self._was_text):
            self._begin_text(char, self._name_text)
        elif char:
            self._step = self._broken
        self._line_ended = self._line_ended and not char

    def _following(self) -> Iterator[Delta]:
        char = self._next()
        if char in _CLOSING:
            self._begin_text(char, self._name_text)
        elif char == "}":
            self._at += 1
            yield from self._end()
        elif char and _NAME.match(char):
            self._raw, self._step = [], self._name
        elif char:
            self._step = self._broken

    def _end(self) -> Iterator[Delta]:
        self._step, self.inside = self._prose, False
        if self._kept and not self._whole:
            self._echo = self._kept
        elif not self._whole:
            source = "".join(self._source) + self._text[self._from : self._at]
            outputs = self._spec.outputs
            for name, told in meant(source, outputs, self._keys, self._given):
                self._keys.append(name)
                yield Delta(name, told)
            self._whole = set(self._spec.required) <= set(self._keys)

    def _broken(self) -> Iterator[Delta]:
        """Pass over an object that cannot be read, as far as its brackets tell.

        They are counted from its first on, so that the object ends where it does for
        who reads the whole: maybe before the place that could not be read.
        """
        self.inside, self.broken = False, True
        if self._depth == 0:
            self._faults += 1
            self.failed = self.failed or self._faults > MOST_VALUES
            self._text = "".join(self._source) + self._text[self._at :]
            self._at, self._comment = 0, ""
        for bracket in _BRACKETS.finditer(self._text, self._at):
            self._depth += 1 if bracket[0] in "{[" else -1
            if self._depth == 0:
                self._at = bracket.end()
                self._step = self._prose
                return iter(())
        self._at = len(self._text)
        return iter(())

    def _next(self) -> str:
        """The next character that counts; empty where more text is needed."""
        text = self._text
        while self._at < len(text):
            if self._comment:
                end = text.find(self._comment, self._at)
                star = end < 0 and self._comment == "*/" and text[-1] == "*"
                self._at = end if end >= 0 else len(text) - star
                if end < 0:
                    return ""
                self._at += len(self._comment.strip())
                self._comment = ""
            blanks = _BLANKS.match(text, self._at)
            if blanks is not None:
                self._line_ended = self._line_ended or "\n" in blanks[0]
                self._at = blanks.end()
                continue
            two = text[self._at : self._at + 2]
            if two[:1] == "#" or two == "//":
                self._comment = "\n"
            elif two == "/*":
                self._comment = "*/"
                self._at += 2
            else:
                return "" if two == "/" else two[:1]
        return ""

    def _give_whole(self) -> Iterator[Delta]:
        raw = "".join(self._raw)
        shown = raw.strip() if self._key in self._spec.outputs else ""
        yield from self._give(shown, raw, whole=True)

    def _give(self, piece: str, raw: str, *, whole: bool = False) -> Iterator[Delta]:
        """Give out a piece of a value, or keep it while it may be a quotation."""
        if self._key not in self._spec.outputs:
            return
        given = [Delta(self._key, piece)] if piece else []
        if self._kept is not None:
            self._kept.extend(given)
            self._member.append(raw)
            self._length += len(raw)
            whole = whole or self._step == self._after
            if not whole and self._length < self._looked + max(
                _GROWTH, self._looked // 4
            ):
                return
            self._looked = self._length
            if loosened_member("".join(self._member)) in self._given:
                return
            given, self._kept = self._kept, None
        if given and self._stale:
            yield AGAIN
            self._stale = False
        self._told = self._told or bool(given)
        yield from given
