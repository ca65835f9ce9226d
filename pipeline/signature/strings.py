r"""What JSON Schemas ask of strings: patterns and formats, in time linear in the text.

A schema comes from anywhere, so its patterns must never hang a reply: they are matched
by Rust's engine, which pydantic brings. What that engine cannot do, such as looking
around, is refused when the schema is read. A pattern is weighed before it is compiled,
because a few characters may stand for megabytes: `\w{1,200}` is one.

A format is checked where JSON Schema names a standard for it; what others call a format
says something to people and refuses nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Mapping
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

from ..errors import SignatureError

LONGEST = 8000  # characters of one pattern
_PIECE = re.compile(r"\\[pPu]\{[^}]*\}|\\.|\[\^?|\{\d{1,6}(?:,\d{0,6})?\}|.", re.DOTALL)
_ASCII = {
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[A-Za-z0-9_]",
    r"\W": "[^A-Za-z0-9_]",
    r"\<": "<",
    r"\>": ">",
}
_EDGES = {r"\b": r"(?-u:\b)", r"\B": r"(?-u:\B)"}
_WORD, _ANY = 100, 15  # states that one place takes where it may be any letter, or any


@lru_cache(maxsize=4096)
def weight_of(pattern: str) -> int:
    r"""About how many states of the engine a pattern takes, at some 70 bytes each.

    >>> weight_of("^[a-z]{3}$"), weight_of(r"(\w{1,200}x){4}")
    (5, 80004)
    """
    sums, last, inside = [0], 0, False
    for piece in _PIECE.findall(pattern):
        if inside:
            last = max(last, _weight(piece))
            inside = piece != "]"
            sums[-1] += 0 if inside else last
        elif piece == "(":
            sums.append(0)
            last = 0
        elif piece == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        elif piece[0] == "{" and len(piece) > 2:
            most = max(int(n) for n in piece[1:-1].split(",") if n)
            sums[-1] += last * max(0, most - 1)
            last *= max(1, most)
        elif piece[0] == "[":
            last, inside = (_ANY if piece == "[^" else 1), True
        else:
            last = _weight(piece)
            sums[-1] += last
    return sum(sums)


def _weight(piece: str) -> int:
    if piece[:2] in (r"\w", r"\W", r"\p", r"\P", r"\b", r"\B"):
        return _WORD
    if piece in (r"\d", r"\D", r"\s", r"\S", "."):
        return _ANY
    return 1


@lru_cache(maxsize=512)
def matcher(pattern: str) -> Callable[[str], bool]:
    r"""Whether a text holds a match, in time that is linear in the text.

    Read as JSON Schemas mean it (ECMA-262): digits and words are those of ASCII, and a
    bracket in a class stands for itself.

    Raises:
        SignatureError: The engine cannot match it.

    >>> matcher(r"^\d+$")("12"), matcher("^[[a]+$")("[a")
    (True, True)
    """
    try:
        schema = core_schema.str_schema(pattern=_translated(pattern), strict=True)
        return SchemaValidator(schema).isinstance_python
    except SchemaError as error:
        why = str(error).strip().splitlines()[-1].strip().removeprefix("error: ")
        raise SignatureError(
            f"the pattern {pattern[:80]!r} cannot be matched in linear time: "
            f"{why[:200]}",
            hint="Write it without looking around and without back-references",
        ) from None


def _translated(pattern: str) -> str:
    """A pattern of ECMA-262 as the engine writes it."""
    made: list[str] = []
    inside = False
    pieces: list[str] = _PIECE.findall(pattern)
    for piece in pieces:
        if (inside and piece in ("[", "[^", "&", "~")) or piece == "{":
            made.append("\\" + piece)
        else:
            edge = piece if inside else _EDGES.get(piece, piece)
            made.append(_ASCII.get(piece, edge))
            inside = piece != "]" if inside else piece[0] == "["
    return "".join(made)


_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_LENGTHS = r"P(?=[\dT])(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?|P\d+W"
_UNSAFE = re.compile(r'[\x00-\x20\x7f-\U0010ffff<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})')


def _like(pattern: str, flags: re.RegexFlag = re.ASCII) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII | flags)
    return lambda text: compiled.fullmatch(text) is not None


def _read_by(read: Callable[[str], object]) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        with contextlib.suppress(ValueError):
            read(text)
            return True
        return False

    return fits


_is_day = _like(_DAY)
_is_date = _read_by(datetime.date.fromisoformat)
_is_clock = _like(_CLOCK, re.IGNORECASE)
_is_name = _like(rf"{_LABEL}(\.{_LABEL})*\.?")


def _date(text: str) -> bool:
    return _is_day(text) and _is_date(text)


def _moment(text: str) -> bool:
    return text[10:11] in ("T", "t") and _date(text[:10]) and _is_clock(text[11:])


def _email(text: str) -> bool:
    before, at, behind = text.rpartition("@")
    return bool(before and at and behind) and not any(c.isspace() for c in behind)


def _host(text: str) -> bool:
    return len(text) <= 253 and _is_name(text)


def _reference(text: str) -> bool:
    if _UNSAFE.search(text):
        return False
    with contextlib.suppress(ValueError):
        urllib.parse.urlsplit(text)
        return True
    return False


def _uri(text: str) -> bool:
    scheme, colon, rest = text.partition(":")
    named = scheme[:1].isalpha() and scheme.replace("+", "").replace("-", "")
    return bool(colon and rest and named) and _reference(text)


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _date,
    "date-time": _moment,
    "duration": _like(_LENGTHS),
    "email": _email,
    "hostname": _host,
    "ipv4": _read_by(ipaddress.IPv4Address),
    "ipv6": _read_by(ipaddress.IPv6Address),
    "json-pointer": _like(r"(/([^~/]|~[01])*)*"),
    "time": _is_clock,
    "uri": _uri,
    "uri-reference": _reference,
    "uuid": _like(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}
"""Whether a text is of a format, by its name."""
