"""Images, audio and files as values of fields and parts of messages."""

from __future__ import annotations

import array as arrays
import math
import os
import struct
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final, Self, cast, final

from ..errors import CallError
from ..ground.options import checked, explained
from ..ground.shapes import is_dict
from ..ground.words import brief
from .kinds import Kind, Size, size_of_image, type_of
from .media import MOST_BYTES, Media, Part
from .sources import read

__all__ = ["KINDS", "Audio", "File", "Image", "Media", "Part", "media_from"]


_RATES: Final = range(1, 2**31)
"""Samples a second that a WAV can say."""


class _Found(Media):
    """A value that is found somewhere: in a file, or at an address."""

    __slots__ = ()

    @classmethod
    @checked
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        media_type: str = "",
        most_bytes: int = MOST_BYTES,
    ) -> Self:
        """The data of a file; a `File` takes its name, too.

        Raises:
            CallError: It cannot be read, is too large, or is of another type.
        """
        data = read(path, most_bytes, cls.__name__)
        name = Path(path).name if cls.kind == "file" else ""
        return cls(data, media_type=media_type, name=name, most_bytes=most_bytes)

    @classmethod
    @checked
    def from_url(
        cls,
        url: str,
        *,
        fetch: bool = False,
        most_bytes: int = MOST_BYTES,
        timeout: float = 20.0,
        private: bool = False,
    ) -> Self:
        """What stands at an address of the web, or in a data URL.

        Args:
            url: The address; what it says is in the request's key.
            fetch: Whether it is fetched here and now. Without it the provider fetches
                an image, each time that it is asked, and sees what is there then.
            most_bytes: The most bytes that are fetched.
            timeout: Seconds for all of it, redirects included.
            private: Whether addresses of this machine and of private networks may be
                asked; a page that names them would make your server ask them.

        Raises:
            CallError: The address is none, private or does not answer, its answer is
                too large, or of another type.
        """
        if url.startswith("data:"):
            return cls.from_data_url(url, most_bytes=most_bytes)
        if not fetch:
            return cls._at(url)
        from .fetch import fetched  # noqa: PLC0415 - network code, where asked for

        got = fetched(url, most_bytes, timeout, private=private)
        told = type_of(got.data)
        # What a server calls a stream of bytes says nothing of it.
        said = "" if got.media_type.endswith("/octet-stream") else got.media_type
        name = Path(urllib.parse.urlsplit(url).path).name if cls.kind == "file" else ""
        return cls(got.data, media_type=said or told, name=name, most_bytes=most_bytes)


@final
@explained("Write weft.Image(data), weft.Image.open(path) or weft.Image.from_url(url)")
class Image(_Found):
    r"""An image: PNG, JPEG, GIF or WebP.

    >>> dot = Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    >>> dot
    Image(image/gif, 14 bytes, sha256:1f19970f056c)
    >>> dot.media_type, dot.size, dot.pixels
    ('image/gif', 14, Size(width=1, height=1))
    >>> dot == Image.from_data_url(dot.data_url)
    True
    """

    kind: ClassVar[Kind] = "image"
    __slots__ = ()

    @property
    def pixels(self) -> Size | None:
        """Its sides, where the data is here and its head tells them."""
        return size_of_image(self.data) if self.sha256 and self.held else None


@final
@explained("Write weft.Audio(data), or weft.Audio.open(path)")
class Audio(_Found):
    """Sound: WAV, MP3, FLAC, OGG or M4A; the provider says which of them it takes.

    OpenAI takes WAV and MP3.

    >>> Audio.from_array([0.0, 0.5, -0.5], 8_000)
    Audio(audio/wav, 50 bytes, sha256:00a4d1062af4)
    """

    kind: ClassVar[Kind] = "audio"
    __slots__ = ()

    @classmethod
    def from_array(cls, array: Iterable[float], sampling_rate: int) -> Self:
        """Samples as a WAV of one channel and 16 bits.

        Args:
            array: Numbers from -1 to 1 in their order: a list, or an array of one
                dimension.
            sampling_rate: Samples a second.

        Raises:
            CallError: One is no such number, there is none, or too many; or the rate is
                no number of samples.
        """
        if type(cast(object, sampling_rate)) is not int or sampling_rate not in _RATES:
            raise CallError(
                f"Audio: sampling_rate={sampling_rate!r} is no number of samples",
                hint="Give a whole number, such as 16000",
            )
        samples = arrays.array("h", map(_level, array))
        if sys.byteorder == "big":
            samples.byteswap()
        data = samples.tobytes()
        rate = (sampling_rate, sampling_rate * 2, 2, 16)
        head = (b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, *rate)
        made = struct.pack("<4sI4s4sIHHIIHH4sI", *head, b"data", len(data)) + data
        return cls(made if data else b"")


def _level(sample: object) -> int:
    """A sample as a WAV holds it."""
    try:
        loud = float(cast(float, sample))
    except (TypeError, ValueError):
        loud = math.nan
    if not -1 <= loud <= 1:
        raise CallError(
            f"Audio: the sample {brief(repr(sample))} is not from -1 to 1",
            hint="Give one channel; divide whole numbers by the largest there is",
        )
    return round(loud * 32_767)


@final
@explained("Write weft.File(data), or weft.File.open(path)")
class File(_Found):
    """A file that a model reads by itself: a PDF, or of another type.

    For text of your own write a `str` field, or a `Document` with its title and source.
    """

    kind: ClassVar[Kind] = "file"
    __slots__ = ()


KINDS: Final[Mapping[str, type[Media]]] = {
    "image": Image,
    "audio": Audio,
    "file": File,
}
"""The types by their kind."""


def media_from(data: object) -> Media | None:
    """The value of any kind that some plain data stands for, as `Media.of_data`."""
    kind = KINDS.get(str(data.get("media"))) if is_dict(data) else None
    return None if kind is None else kind.of_data(data)
