"""JSON read strictly, in linear time, and written without a new encoder for each text.

Refused: NaN and infinities, numbers that overflow, duplicate keys, lone surrogates,
nesting deeper than 100, and texts over 8 MB. Python's own reader lets most of these
pass (RFC 8259 section 4 leaves duplicate keys open; here they are an error).

`json.dumps` and `JSONEncoder.encode` set up an encoder on every call, which costs more
than encoding a small tree does. Here one encoder is made once; the bytes are the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, Self

from .shapes import is_dict, is_list
from .words import brief, refusal

MAX_DEPTH = 100
MAX_CHARS = 8 * 1024 * 1024
_OWN_DEPTH = 2 * MAX_DEPTH
_HALF = re.compile(r"[\ud800-\udfff]")
_ROOM = 10  # levels for what an own text is put into, such as a line of a file
_MOST_PARTS = 200_000
_MARKS = {"[": 1, "{": 1, '":': 2, ",": 4}
_SHOWN = 80
_LONG_NUMBER = re.compile(r"[0-9]{1001}")
_CONTROL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*+\\[bf](?=[^\W\d_])")
_SPELLED = {"b": "\\u0008", "f": "\\u000c"}
_NO_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]++', re.DOTALL)


class Written(float):
    """A number that was written in other digits than Python's own for it.

    A float in every way; `text` is for a reader to whom each digit counts.

    >>> Written("10.50"), Written("10.50").text
    (10.5, '10.50')
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """The float of a JSON number's text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Written, (self.text,)


_C: Final[Mapping[str, Any]] = vars(json.encoder)
quoted: Final[Callable[[str], str]] = _C["encode_basestring"]
"""A text as a JSON string; characters beyond ASCII stand as they are."""


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    made = _C.get("c_make_encoder")
    if made is None:  # an interpreter without the C accelerator
        short = (",", ":")
        return json.JSONEncoder(
            sort_keys=sort_keys, separators=short, ensure_ascii=False, allow_nan=False
        ).encode
    parts: Callable[[Any, int], Sequence[str]] = made(
        None, _refuse, quoted, None, ":", ",", sort_keys, False, False
    )

    def encode(tree: Any) -> str:
        try:
            return "".join(parts(tree, 0))
        except RecursionError:
            raise ValueError("the JSON tree is too deep, or holds itself") from None
        except ValueError as error:
            raise refusal(error) from None

    return encode


sorted_text: Final = _encoder(sort_keys=True)
"""A tree as text, members in the order of their names.

Raises `ValueError` for a number that is not finite, `TypeError` for what is no JSON.
"""

plain_text: Final = _encoder(sort_keys=False)
"""A tree as text, members as they come; raises as `sorted_text`."""


def loads(text: str, *, own: bool = False) -> Any:
    """Parse JSON strictly; a number with a fraction or an exponent may be `Written`.

    Args:
        text: The JSON.
        own: Whether weft wrote it, from data that `keepable` takes: then it may have
            any length, and be nested twice as deep, because what was read was put into
            something.

    Raises:
        ValueError: The text breaks one of the module's rules; the message names it.

    >>> loads('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: the key 'a' occurs twice
    """
    if len(text) > MAX_CHARS and not own:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    _check_depth(text, _OWN_DEPTH if own else MAX_DEPTH)
    value = json.loads(
        text,
        object_pairs_hook=_unique,
        parse_constant=no_constant,
        parse_float=as_float,
        parse_int=_bounded,
    )
    if "\\u" in text or not is_text(text):
        dumps(value)
    return value


def read_kindly(text: str) -> Any:
    r"""Parse JSON of weft's own that others may have written over.

    What no file could take again is made plain: a number that JSON has not is None, and
    half a character is what it is escaped as. What it gives, `loads` with `own=True`
    reads again, also where it was put into something.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or holds a number of too many
            digits.

    >>> read_kindly('\ufeff{"a": [NaN, 1e999, "\\ud800"]}')
    {'a': [None, None, '\\ud800']}
    """
    text = text.removeprefix("\ufeff")
    _check_depth(text, _OWN_DEPTH - _ROOM)
    data = json.loads(
        text,
        parse_constant=lambda _: None,
        parse_float=_finite,
        parse_int=_bounded,
    )
    if "\\u" not in text and is_text(text):
        return data
    text = json.dumps(data, ensure_ascii=False)
    return json.loads(_HALF.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text))


def loads_object(text: str) -> dict[str, Any]:
    """Parse one JSON object of a file that nobody vouches for: of bounded size, too.

    Raises:
        ValueError: As `loads`; or it is no object, or holds more values than any
            honest file.

    >>> loads_object("[]")
    Traceback (most recent call last):
    ValueError: it is a list, no JSON object
    """
    # Before it is parsed: prose has few of these, and a crowd of values takes long.
    if any(text.count(mark) > n * _MOST_PARTS for mark, n in _MARKS.items()):
        raise ValueError(f"more than {_MOST_PARTS} values")
    data = loads(text)
    if is_crowd(data, _MOST_PARTS):
        raise ValueError(f"more than {_MOST_PARTS} values")
    if not is_dict(data):
        raise ValueError(f"it is a {type(data).__name__}, no JSON object")
    return data


def dumps(value: Any) -> str:
    """One line of JSON, every character readable; keys keep their order.

    Raises:
        ValueError: A number is not finite, or a text holds a lone surrogate.
        TypeError: The value is no JSON data.
    """
    try:
        return _encodable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise refusal(error) from None


def as_text(value: Any) -> str:
    """A text as it is, other data as `dumps` writes them.

    >>> as_text("cards"), as_text(["a", 1])
    ('cards', '["a", 1]')
    """
    return value if isinstance(value, str) else dumps(value)


def keepable(value: Any, most: int = _OWN_DEPTH - _ROOM) -> str:
    """The text of a value, as `dumps`, that `loads` with `own=True` reads again.

    Args:
        value: JSON data.
        most: How deeply it may be nested.

    Raises:
        ValueError: As `dumps`; or it is nested too deeply, or holds a number of too
            many digits.
        TypeError: The value is no JSON data.
    """
    text = dumps(value)
    _check_depth(text, most)
    if _LONG_NUMBER.search(text):
        loads(text, own=True)
    return text


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys and no spaces.

    Raises:
        ValueError: A number is not finite, or a text holds a lone surrogate.
        TypeError: The value is no JSON data.
    """
    return _encodable(sorted_text(value))


def spelt(data: Any, *, indent: int | None = None) -> str:
    r"""Data as JSON that any file takes: lone surrogates, if any, as escapes.

    Raises:
        ValueError: It holds a number that JSON has not.

    >>> print(spelt({"a": "\xe9"}), spelt("\ud800"))
    {"a": "é"} "\ud800"
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)
    return text if is_text(text) else json.dumps(data, indent=indent)


def is_text(text: str) -> bool:
    r"""Whether a text can be sent and stored: it holds no lone surrogate.

    >>> is_text("\U0001f9f5"), is_text("\ud83e")
    (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str) -> str:
    r"""A text that can be sent and stored: each lone surrogate becomes a `?`.

    >>> clean("a\ud83e")
    'a?'
    """
    if is_text(text):
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def escaped(text: str) -> str:
    r"""A text that can be stored and loses nothing: lone surrogates as JSON has them.

    >>> print(escaped("a\ud83e"))
    a\ud83e
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_crowd(data: Any, most: int) -> bool:
    """Whether JSON data holds more values than so many, on whatever level.

    >>> is_crowd([1, [2, 3]], 4), is_crowd([1, [2, 3]], 3)
    (False, True)
    """
    left, parts = [data], 0
    while left:
        value = left.pop()
        if is_dict(value) or is_list(value):
            parts += len(value)
            if parts > most:
                return True
            left.extend(value.values() if is_dict(value) else value)
    return False


def no_character(text: str) -> ValueError:
    """The error for a text that holds half a character."""
    return ValueError(f"{brief(repr(text))} holds a lone surrogate, no character")


def is_deep(data: Any, most: int) -> bool:
    """Whether JSON data has values more than so many levels below it.

    >>> is_deep([[1]], 2), is_deep([[1]], 1)
    (False, True)
    """
    level: list[Any] = [data]
    for _ in range(most + 1):
        inner = [v for v in level if is_dict(v) or is_list(v)]
        level = [v for one in inner for v in (one.values() if is_dict(one) else one)]
    return bool(level)


def control_escapes(text: str) -> bool:
    r"""Whether JSON text holds `\f` or `\b` before a letter, which no text means.

    >>> control_escapes(r'"\frac"'), control_escapes(r'"C:\\folder"')
    (True, False)
    """
    if "\\f" not in text and "\\b" not in text:
        return False
    return _CONTROL_ESCAPE.search(text) is not None


def spelled(text: str) -> str:
    r"""JSON with each form feed and backspace before a letter spelled by its number.

    So it cannot be taken for a backslash that was not escaped.

    >>> spelled(r'"\frac"'), spelled(r'"C:\\folder"')
    ('"\\u000crac"', '"C:\\\\folder"')
    """
    if not control_escapes(text):
        return text
    return _CONTROL_ESCAPE.sub(lambda m: m[0][:-2] + _SPELLED[m[0][-1]], text)


def _encodable(text: str) -> str:
    if not is_text(text):
        raise ValueError("a lone surrogate is no character")
    return text


def _check_depth(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for char in _NO_BRACKETS.sub("", text):
        if char in "[{":
            depth += 1
            if depth > most:
                raise ValueError(f"nested deeper than {most}")
        else:
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:_SHOWN]!r} occurs twice")
            seen.add(key)
    return out


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities; for `parse_constant`.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{name} is not a JSON number")


def as_float(text: str) -> float:
    """The float of a JSON number, which knows its digits where they are not Python's.

    Raises:
        ValueError: It is too large for a float.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:_SHOWN]} is too large")
    return number if repr(number) == text else Written(text)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _bounded(text: str) -> int:
    if len(text) > 1000:
        raise ValueError("a number of more than 1000 digits")
    return int(text)
