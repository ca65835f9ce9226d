r"""Text that is nearly JSON, read where it has one reading.

Read, and noted: single or curly quotes, raw line breaks in texts, a comma before a
closing bracket, a comma left out between members on two lines, `True`, `False` and
`None`, names and single words without quotes, comments, tuples, and a
backslash that JSON does not know (`\alpha`) or that would make a control character of
a word (`\frac`). Refused, for each is a guess: what is cut off, left out or written
twice, a quote inside a text, several words without quotes, numbers of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ..ground import strictjson
from ..ground.strictjson import MAX_DEPTH, control_escapes, is_text

_SPACE = re.compile(r"[ \t\r\n\u00a0\ufeff]*+")
_TEXTS = {
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
    "\u201c": re.compile(r"\u201c((?:[^\u201d\\]++|\\.)*+)\u201d", re.DOTALL),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+")
_WORD = re.compile(r"[^\W\d][\w-]*+")
_NAME = re.compile(r"[^\W\d][\w$-]*+|[0-9]++")
_AFTER_VALUE = re.compile(r"[\s,\]})/#\u00a0]|\Z")
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_NO_WORDS = frozenset(("nan", "infinity", "inf", "undefined", "nil", "na", "null"))
_CONTROL = re.compile(r"[\x00-\x1f]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_UNICODE = re.compile(r"\\u[0-9a-fA-F]{4}")
_HALF_UNICODE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")
_HIGH = re.compile(r"\\u[dD][89abAB]")
_PLAIN = {'"': '"', "\\": "\\", "/": "/"} | dict(
    zip("bfnrt", "\b\f\n\r\t", strict=True)
)
_MOST_DIGITS = 1000
MOST_CHARS = 256 * 1024
"""How long a text may be to be mended: this reader is Python, and floods come."""

QUOTES = "quotes of another kind"
BREAKS = "raw line breaks in a text"
BACKSLASH = "a backslash taken as it stands"
COMMA = "a comma too many or too few"
NAMES = "names or words without quotes"
WORDS = "Python's words for true, false and null"
COMMENTS = "comments left out"
TUPLES = "a tuple read as a list"
SAID_AGAIN = "what it says again left out"


class NotNearJSON(ValueError):
    """Text that has no single reading as JSON.

    `members` is what stood whole in the outermost object, `again` where in the text it
    begins to say a member again.
    """

    def __init__(self, why: str, again: int | None = None) -> None:
        super().__init__(why)
        self.members: dict[str, Any] = {}
        self.again = again


class Near(NamedTuple):
    """A value, where its text ends, and what was mended to read it."""

    value: Any
    end: int
    notes: tuple[str, ...]


def loads(text: str) -> Near:
    """Read a whole text, blanks around it aside.

    Raises:
        NotNearJSON: It is no JSON, or has several readings.

    >>> loads("{'a': True, b: [1, 2,],}").value
    {'a': True, 'b': [1, 2]}
    """
    near = read_at(text, _space_end(text, 0))
    end = _space_end(text, near.end)
    if end < len(text):
        raise NotNearJSON("text behind the value")
    return Near(near.value, end, near.notes)


def read_at(text: str, at: int) -> Near:
    """Read the value that begins at a place, whatever stands behind it.

    Raises:
        NotNearJSON: No value begins there, or it has several readings.
    """
    if len(text) > MOST_CHARS:
        raise NotNearJSON(f"longer than {MOST_CHARS} characters")
    reader = _Reader(text, at)
    try:
        value = reader.value(0)
    except NotNearJSON as error:
        error.members = reader.members
        raise
    return Near(value, reader.at, tuple(dict.fromkeys(reader.notes)))


def said_once(text: str) -> str | None:
    """An object that says all its members again and again and never ends, ended.

    What is said again must be the same to the last character: it has one reading then.

    >>> said_once('{"a": 1, "b": "x", "a": 1, "b": "x", "a": 1')
    '{"a": 1, "b": "x"}'
    >>> said_once('{"a": 1, "b": "x", "a": 2')
    """
    begin = _space_end(text, 0)
    try:
        read_at(text, begin)
    except NotNearJSON as error:
        if error.again is None:
            return None
        begin = _space_end(text, begin + 1)
        once, rest = text[begin : error.again], text[error.again :]
        if (once * (len(rest) // len(once) + 1)).startswith(rest):
            return f"{{{once.rstrip().removesuffix(',')}}}"
    return None


def _space_end(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


class _Reader:
    """One reading, from a place on; `members` are those of the outermost object."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.notes: list[str] = []
        self.members: dict[str, Any] = {}

    def value(self, depth: int) -> Any:
        char = self._char()
        if depth >= MAX_DEPTH:
            raise NotNearJSON(f"nested deeper than {MAX_DEPTH}")
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._list("]", depth)
        if char == "(":
            self.notes.append(TUPLES)
            return self._list(")", depth)
        if char in _TEXTS:
            return self._text(char)
        return self._bare()

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        made: dict[str, Any] = self.members if depth == 0 else {}
        must_follow = False  # the comma was left out, so a quoted name has to come
        while True:
            self._skip()
            if self._char() == "}" and not must_follow:
                break
            begun = self.at
            name = self._name(quoted=must_follow)
            if name in made:
                again = begun if depth == 0 else None
                raise NotNearJSON(f"the key {name[:80]!r} occurs twice", again)
            self._skip()
            if self._char() != ":":
                raise NotNearJSON("a colon is missing")
            self.at += 1
            self._skip()
            value = self.value(depth + 1)
            broken = self._skip()
            end = self._char()
            made[name] = value
            if end == "}":
                break
            must_follow = end != ","
            if not must_follow:
                self.at += 1
                self._note_last_comma("}")
            elif end in _TEXTS and (broken or isinstance(value, int | float)):
                self.notes.append(COMMA)
            else:
                raise NotNearJSON("a comma is missing")
        self.at += 1
        return made

    def _list(self, close: str, depth: int) -> list[Any]:
        self.at += 1
        made: list[Any] = []
        commas = 0
        while True:
            self._skip()
            if self._char() == close:
                break
            made.append(self.value(depth + 1))
            self._skip()
            end = self._char()
            if end == ",":
                commas += 1
                self.at += 1
                self._note_last_comma(close)
            elif end != close:
                raise NotNearJSON("a comma is missing")
        if close == ")" and len(made) == 1 and not commas:
            raise NotNearJSON("a value in parentheses may be a tuple or not")
        self.at += 1
        return made

    def _note_last_comma(self, close: str) -> None:
        self._skip()
        if self._char() == close and close != ")":
            self.notes.append(COMMA)

    def _name(self, *, quoted: bool) -> str:
        char = self._char()
        if char in _TEXTS:
            start = self.at
            name = self._text(char)
            if _CONTROL.search(self.text, start, self.at):
                raise NotNearJSON("a line break in a name")
            return name
        found = None if quoted else _NAME.match(self.text, self.at)
        if found is None:
            raise NotNearJSON("a name is missing")
        self.at = found.end()
        self.notes.append(NAMES)
        return found[0]

    def _text(self, quote: str) -> str:
        found = _TEXTS[quote].match(self.text, self.at)
        if found is None:
            raise NotNearJSON("a text is never closed")
        self.at = found.end()
        if quote != '"':
            self.notes.append(QUOTES)
        body = found[1]
        if _CONTROL.search(body):
            self.notes.append(BREAKS)
        if "\\" in body:
            body, odd = unescaped(body)
            self.notes.extend(odd)
        if not is_text(body):
            raise NotNearJSON("a lone surrogate is no character")
        return body

    def _bare(self) -> Any:
        number = _NUMBER.match(self.text, self.at)
        if number is not None and _AFTER_VALUE.match(self.text, number.end()):
            self.at = number.end()
            return self._number(number[0])
        word = _WORD.match(self.text, self.at)
        if word is None or not _AFTER_VALUE.match(self.text, word.end()):
            raise NotNearJSON("a value is missing")
        self.at = word.end()
        known = word[0].lower()
        if known in _WORDS:
            if word[0] != known or known == "none":
                self.notes.append(WORDS)
            return _WORDS[known]
        if known in _NO_WORDS:
            raise NotNearJSON(f"{word[0]} is no JSON value")
        self.notes.append(NAMES)
        return word[0]

    def _number(self, digits: str) -> int | float:
        if len(digits) > _MOST_DIGITS:
            raise NotNearJSON(f"a number of more than {_MOST_DIGITS} digits")
        if digits.lstrip("-").isdigit():
            return int(digits)
        try:
            return strictjson.as_float(digits)
        except ValueError as error:
            raise NotNearJSON(str(error)) from None

    def _char(self) -> str:
        """The next character; none is left where a text was cut off."""
        if self.at >= len(self.text):
            raise NotNearJSON("the text ends too early")
        return self.text[self.at]

    def _skip(self) -> bool:
        """Pass over blanks and comments; whether a line ended among them."""
        start = self.at
        while True:
            self.at = _space_end(self.text, self.at)
            opening = self.text[self.at : self.at + 2]
            if opening == "/*":
                end = self.text.find("*/", self.at + 2)
                after = len(self.text) if end < 0 else end + 2
            elif opening == "//" or opening[:1] == "#":
                end = self.text.find("\n", self.at)
                after = len(self.text) if end < 0 else end
            else:
                return "\n" in self.text[start : self.at]
            self.notes.append(COMMENTS)
            self.at = after


def unescaped(body: str) -> tuple[str, list[str]]:
    r"""The text between two quotes with its escapes read, and what was mended.

    A backslash before a letter that JSON does not know stays, and so does one whose
    escape would put a backspace or a form feed before a letter: no text holds these.

    Raises:
        NotNearJSON: An escape has two readings.

    >>> unescaped(r"\frac{1}{2}")[0], unescaped(r"a\n\u00e9")[0]
    ('\\frac{1}{2}', 'a\né')
    """
    odd: list[str] = []
    read = _escape_reader(body, odd)
    made = _ESCAPE.sub(read, body)
    if odd and _SOFT.search(body):
        raise NotNearJSON("an escape has two readings")
    return _joined(made), odd


def escape_at(text: str, at: int) -> tuple[str, int]:
    r"""What an escape means and how long it is; no length where more text is needed.

    Raises:
        NotNearJSON: It has two readings.

    >>> escape_at(r"a\n", 1), escape_at(r"\frac", 0), escape_at("\\", 0)
    (('\n', 2), ('\\fr', 3), ('', 0))
    """
    after = text[at + 1 : at + 2]
    if after == "u" and _HALF_UNICODE.match(text, at):
        return "", 0
    length = 2
    if after == "u" and _UNICODE.match(text, at):
        length = 12 if _HIGH.match(text, at) else 6
    elif after and after in "bf":
        length = 3  # its meaning hangs on the letter behind it
    if len(text) < at + length or not after:
        return "", 0
    meant = unescaped(text[at : at + length])[0]
    if length != 3:
        return meant, length
    return (meant[:-1], 2) if text[at + 2] in '"\\' else (meant, 3)


_SOFT = re.compile(r"(?<!\\)(?:\\\\)*+\\[nrt][a-z]")


def _escape_reader(body: str, odd: list[str]) -> Callable[[re.Match[str]], str]:
    def read(found: re.Match[str]) -> str:
        char = found[1]
        if len(char) > 1:
            return chr(int(char[1:], 16))
        before_letter = body[found.end() : found.end() + 1].isalpha()
        if char in _PLAIN and not (char in "bf" and before_letter):
            return _PLAIN[char]
        if char == "'":
            odd.append(QUOTES)
            return char
        half = char == "u" and body[found.end() : found.end() + 1].isalnum()
        if half and body[found.end()] in "0123456789abcdefABCDEF":
            raise NotNearJSON("half an escape")
        if not (char.isascii() and char.isalpha()) or char == "x":
            raise NotNearJSON("an escape has two readings")
        odd.append(BACKSLASH)
        return found[0]

    return read


def _joined(text: str) -> str:
    """Two halves of a character that were escaped one by one are that character."""
    if text.isascii() or is_text(text):
        return text
    halves = text.encode("utf-16", "surrogatepass")
    try:
        return halves.decode("utf-16")
    except UnicodeDecodeError:
        raise NotNearJSON("a lone surrogate is no character") from None


def quoted(text: str) -> str:
    r"""The text that a bare field's quoted text means, or the text as it stands.

    >>> quoted('"a"'), quoted('"a" or "b"'), quoted(r'"\frac"')
    ('a', '"a" or "b"', '\\frac')
    """
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return text
    try:
        value = loads(text).value if control_escapes(text) else strictjson.loads(text)
    except ValueError:
        return text
    return str(value)
