"""Images, audio and files as values of fields and parts of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

from ..ground.shapes import is_dict
from .kinds import Kind, Size, size_of_image
from .media import Media, Part

__all__ = ["KINDS", "Audio", "File", "Image", "Media", "Part", "media_from"]


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
    """

    kind: ClassVar[Kind] = "audio"
    __slots__ = ()


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
