"""Where the data of media comes from: files and data URLs, within limits."""

from __future__ import annotations

import base64
import binascii
import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeGuard

from ..errors import CallError
from ..ground.words import brief

_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+=-]+)*?;base64,")
_LONGEST_URL: Final = 8192
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_ENDINGS: Final[Mapping[str, str]] = {
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".xml": "application/xml",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
}


class Decoded(NamedTuple):
    """What a data URL holds."""

    media_type: str  # empty where it says none
    data: bytes


def read(path: str | os.PathLike[str], most_bytes: int, who: str) -> bytes:
    """The data of a file, and one byte more than the most where it is larger.

    Raises:
        CallError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CallError(
            f"{who}: {str(path)!r} cannot be read: {why}",
            hint="Give the path of a file",
        ) from None


def decoded(url: str, most_bytes: int, who: str) -> Decoded:
    """What a `data:` URL in base64 holds (RFC 2397).

    Raises:
        CallError: It is none, or holds too much.
    """
    head = _DATA_URL.match(url)
    if head is None:
        raise CallError(
            f"{who}: {brief(repr(url), 60)} is no data URL in base64",
            hint='Write "data:image/png;base64,..."',
        )
    if (len(url) - head.end()) * 3 // 4 > most_bytes + 2:
        raise CallError(
            f"{who}: the data URL holds more than {most_bytes:,} bytes",
            hint="Make it smaller; most_bytes= raises the limit",
        )
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise CallError(
            f"{who}: the data of the URL is no base64",
            hint="Encode it with base64.b64encode",
        ) from None
    return Decoded(head[1] or "", data)


def type_by_name(name: str, data: bytes) -> str:
    """The type of a file whose first bytes tell none: by its name, else plain text.

    >>> type_by_name("rows.csv", b"a,b"), type_by_name("", bytes(3))
    ('text/csv', 'application/octet-stream')
    """
    known = _ENDINGS.get(Path(name).suffix.lower(), "")
    return known or ("text/plain" if _is_text(data) else "application/octet-stream")


def is_web(url: object) -> TypeGuard[str]:
    """Whether a text is an address of the web that can be sent."""
    if not isinstance(url, str) or len(url) > _LONGEST_URL or not url.isprintable():
        return False
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False
