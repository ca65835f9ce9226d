"""Images, audio and files as values of fields and parts of messages."""

from __future__ import annotations

import array as arrays
import math
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final, Self, cast, final

from ..errors import CallError
from ..ground.shapes import is_dict
from ..ground.words import brief
from .kinds import Kind, Size, size_of_image
from .media import Media, Part

__all__ = ["KINDS", "Audio", "File", "Image", "Media", "Part", "media_from"]


_RATES: Final = range(1, 2**31)
"""Samples a second that a WAV can say."""


@final
class Image(Media):
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
class Audio(Media):
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
class File(Media):
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
