"""Formats of texts in JSON Schemas, by the standards that JSON Schema names for them.

A format that stands here is checked; what others call a format says something to people
and refuses nothing. Each check takes time that is linear in the text.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Mapping

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
