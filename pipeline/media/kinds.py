"""Which types of media there are, and how their first bytes tell them apart.

The bytes decide: what is declared to be a PNG and begins as something else is refused,
before a provider bills it. The types are those that the OpenAI format names (images:
https://platform.openai.com/docs/guides/images-vision, audio:
https://platform.openai.com/docs/guides/audio) and those that llama.cpp, vLLM and Gemini
take beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Kind = Literal["image", "audio", "file"]
ZIP: Final = "application/zip"
FORMAT: Final = "weft-"
"""How the `format` begins that marks types of media and turns in JSON Schemas."""


_BEGINS: Final[Mapping[bytes, str]] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"ID3": "audio/mpeg",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
    b"%PDF-": "application/pdf",
    b"PK\x03\x04": ZIP,
}
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "application/x-pdf": "application/pdf",
}
FORMATS: Final[Mapping[str, str]] = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
}
"""What the OpenAI format calls each type of audio."""

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image/png", "image/jpeg", "image/gif", "image/webp"),
    "audio": tuple(FORMATS),
    "file": (),
}
"""The types of each kind; files may be of any type."""

_OF_ZIP: Final = ("application/vnd.openxmlformats", "application/vnd.oasis", ZIP)


def plain_name(media_type: str) -> str:
    """A media type under its usual name, without parameters.

    >>> plain_name("Image/JPG; q=1")
    'image/jpeg'
    """
    bare = media_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(bare, bare)


def type_of(data: bytes) -> str:
    r"""The media type that the first bytes tell; empty where they tell none.

    >>> type_of(b"\x89PNG\r\n\x1a\n..."), type_of(b"hello")
    ('image/png', '')
    """
    for start, named in _BEGINS.items():
        if data.startswith(start):
            return named
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12], "")
    if data[4:8] == b"ftyp" and data[8:11] in (b"M4A", b"M4B", b"mp4", b"iso"):
        return "audio/mp4"
    # A frame of MPEG audio: eleven set bits, then layer III.
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:
        return "audio/mpeg"
    return ""


def agrees(declared: str, told: str) -> bool:
    """Whether a declared type may be what the first bytes tell."""
    if told == ZIP:
        return declared.startswith(_OF_ZIP)
    checked = {*_BEGINS.values(), *KNOWN["image"], *KNOWN["audio"]}
    return declared == told or not (told or declared in checked)


class Size(NamedTuple):
    """The sides of an image in pixels."""

    width: int
    height: int


def size_of_image(data: bytes) -> Size | None:
    r"""The sides of a PNG, GIF, JPEG or WebP; None where its head does not tell them.

    >>> size_of_image(b"GIF89a\x02\x00\x03\x00")
    Size(width=2, height=3)
    """
    kind = type_of(data)
    if kind == "image/png" and data[12:16] == b"IHDR" and len(data) >= 24:
        return Size(_big(data, 16, 4), _big(data, 20, 4))
    if kind == "image/gif" and len(data) >= 10:
        return Size(_little(data, 6, 2), _little(data, 8, 2))
    if kind == "image/jpeg":
        return _size_of_jpeg(data)
    return _size_of_webp(data) if kind == "image/webp" and len(data) >= 30 else None


def _size_of_jpeg(data: bytes) -> Size | None:
    """From the first frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        mark = data[at + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            return Size(_big(data, at + 7, 2), _big(data, at + 5, 2))
        at += 2 + _big(data, at + 2, 2)
    return None


def _size_of_webp(data: bytes) -> Size | None:
    """From the chunk that comes first (RFC 9649, section 2)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Size(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if chunk == b"VP8L":
        bits = _little(data, 21, 4)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        return Size(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return None


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")
