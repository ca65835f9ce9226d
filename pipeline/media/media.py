"""What images, audio and files have in common: immutable, checked, known by digest.

A value's data is held once in a process, however many values name it, for as long as
one of them lives. As plain JSON data a value is its type, its size and its SHA-256, and
such data becomes the value again where the process holds the data; else it is a value
without its data, which compares, is shown and keyed as ever, and cannot be sent.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, ClassVar, Final, Self, TypeAlias, cast
from weakref import WeakValueDictionary

from pydantic_core import CoreSchema, core_schema

from ..errors import CallError
from ..ground.hints import Advised
from ..ground.shapes import is_dict
from ..ground.words import brief
from .kinds import FORMAT, KNOWN, Kind, agrees, plain_name, type_of
from .sources import decoded, is_web, type_by_name

MOST_BYTES: Final = 20 * 2**20
"""The most bytes of one value, where nothing else is said: about what providers take of
an image (OpenAI and Gemini 20 MB)."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SHOWN: Final = 12


class Blob:
    """Data with its digest; one a process for equal data."""

    __slots__ = ("__weakref__", "data", "sha256")

    def __init__(self, data: bytes, sha256: str) -> None:
        self.data, self.sha256 = data, sha256


held: Final[WeakValueDictionary[str, Blob]] = WeakValueDictionary()


def blob_of(data: bytes) -> Blob:
    """The data as it is held: the same object for equal data."""
    digest = hashlib.sha256(data).hexdigest()
    return held.setdefault(digest, Blob(bytes(data), digest))


class Media(Advised):
    """An image, a piece of audio or a file; use `Image`, `Audio` or `File`.

    Args:
        data: The bytes.
        media_type: Their type; what the first bytes tell where it is not given.
        name: A name for whoever reads the file; files alone are sent with it.
        most_bytes: The most bytes that are taken.

    Raises:
        CallError: The bytes are none, too many, or of another type.
    """

    _advised_as = "media"
    kind: ClassVar[Kind]
    __slots__ = ("__weakref__", "_blob", "media_type", "name", "sha256", "size", "url")
    media_type: str
    """Such as "image/png"; empty where a URL is passed on."""
    size: int
    """Bytes; 0 where a URL is passed on."""
    sha256: str
    """Of the data, in hex; empty where a URL is passed on."""
    url: str
    """Where the provider is to fetch it; empty where the data is sent."""
    name: str
    """What the file is called."""
    _blob: Blob | None

    def __init__(
        self,
        data: bytes,
        *,
        media_type: str = "",
        name: str = "",
        most_bytes: int = MOST_BYTES,
    ) -> None:
        if not isinstance(cast(object, data), bytes | bytearray | memoryview):
            raise CallError(
                f"{type(self).__name__}: {brief(repr(data))} is no data",
                hint=f"Write {self._called}.open(path), or .from_url(url)",
            )
        told = type_of(data)
        declared = plain_name(media_type) or told
        if not declared and self.kind == "file":
            declared = type_by_name(name, bytes(data))
        self._check(len(data), declared, told, most_bytes)
        blob = blob_of(bytes(data))
        self._set(declared, len(blob.data), blob.sha256, "", name, blob)

    @property
    def _called(self) -> str:
        return f"weft.{type(self).__name__}"

    def _check(self, size: int, declared: str, told: str, most: int) -> None:
        who, known = type(self).__name__, KNOWN[self.kind]
        if not 0 < size <= most:
            what = "no bytes" if not size else f"{size:,} bytes, more than {most:,}"
            raise CallError(
                f"{who}: there are {what}",
                hint="Give the data of one file, or make it smaller; most_bytes= "
                "raises the limit",
            )
        if not agrees(declared, told):
            raise CallError(
                f"{who}: the data is {told or 'nothing that is known'}, and "
                f"{declared!r} was said",
                hint="Leave media_type= out, or say what the data is",
            )
        if known and declared not in known:
            hint = f"Give one of {', '.join(known)}"
            if declared.startswith(("text/", "application/")):
                hint += ", or write weft.File"
            raise CallError(
                f"{who}: the data is {declared or 'of no type that is known'}",
                hint=hint,
            )

    def _set(
        self,
        media_type: str,
        size: int,
        sha256: str,
        url: str,
        name: str,
        blob: Blob | None,
    ) -> None:
        put = object.__setattr__
        put(self, "media_type", media_type)
        put(self, "size", size)
        put(self, "sha256", sha256)
        put(self, "url", url)
        put(self, "name", name)
        put(self, "_blob", blob)

    @classmethod
    def from_data_url(cls, url: str, *, most_bytes: int = MOST_BYTES) -> Self:
        """The data in a `data:` URL in base64 (RFC 2397).

        Raises:
            CallError: It is none, or its data is too large or of another type.
        """
        told, data = decoded(url, most_bytes, cls.__name__)
        return cls(data, media_type=told, most_bytes=most_bytes)

    @classmethod
    def _at(cls, url: str) -> Self:
        """A value that the provider fetches.

        Raises:
            CallError: It is no address of the web.
        """
        refusal = "" if is_web(url) else "is no http or https address"
        if cls.kind != "image":
            refusal = "would have to be fetched by the provider, which takes images so"
        if refusal:
            raise CallError(
                f"{cls.__name__}: {brief(repr(url), 100)} {refusal}",
                hint=f"Write weft.{cls.__name__}.from_url(url, fetch=True)"
                if is_web(url)
                else 'Write "https://..."',
            )
        made = object.__new__(cls)
        made._set("", 0, "", url, "", None)
        return made

    @property
    def data(self) -> bytes:
        """The bytes.

        Raises:
            CallError: This process does not hold them.
        """
        if self._blob is None and self.sha256:
            object.__setattr__(self, "_blob", held.get(self.sha256))
        if self._blob is None:
            what = (
                "is fetched by the provider" if self.url else "is not in this process"
            )
            raise CallError(
                f"the data of {self} {what}",
                hint=f"Write {self._called}.from_url(url, fetch=True)"
                if self.url
                else f"Traces and journals hold digests alone: {self._called}.open("
                "path) brings the data back",
            )
        return self._blob.data

    @property
    def held(self) -> bool:
        """Whether it can be sent: its data is here, or the provider fetches it."""
        return bool(self.url) or self._blob is not None or self.sha256 in held

    @property
    def data_url(self) -> str:
        """The data as a URL, or the URL that is passed on."""
        if self.url:
            return self.url
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def base64(self) -> str:
        """The data in base64."""
        return base64.b64encode(self.data).decode("ascii")

    def as_data(self) -> dict[str, Any]:
        """What stands for it in keys, journals and traces: no data."""
        if self.url:
            return {"media": self.kind, "url": self.url}
        told: dict[str, Any] = {"media": self.kind, "type": self.media_type}
        told |= {"bytes": self.size, "sha256": self.sha256}
        return {**told, "name": self.name} if self.name else told

    __plain__ = as_data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Media):
            return NotImplemented
        return self.as_data() == other.as_data()

    def __hash__(self) -> int:
        return hash((self.kind, self.sha256, self.url, self.name))

    def __repr__(self) -> str:
        where = self.url and f"url={brief(self.url, 60)!r}"
        told = f"{self.media_type}, {self.size:,} bytes, sha256:{self.sha256[:_SHOWN]}"
        return f"{type(self).__name__}({where or told})"

    def __str__(self) -> str:
        return f"<{repr(self)[:-1].replace('(', ' ', 1)}>"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} never changes; {name!r} is fixed")

    __delattr__ = None  # type: ignore[assignment]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        data = None if self._blob is None else self._blob.data
        return _unpickled, (type(self), self.as_data(), data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _as_data, return_schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        del core, handler
        return {"format": f"{FORMAT}{cls.kind}", "type": "object"}

    @classmethod
    def of_data(cls, data: object) -> Self | None:
        """The value that some plain data stands for; None where it stands for none.

        Raises:
            CallError: It names an address that is none of the web.
        """
        if not is_dict(data) or data.get("media") != cls.kind:
            return None
        if isinstance(url := data.get("url"), str) and data.keys() == {"media", "url"}:
            return cls._at(url)
        told, size, digest = data.get("type"), data.get("bytes"), data.get("sha256")
        name = data.get("name", "")
        if not isinstance(told, str) or not isinstance(name, str):
            return None
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return None
        if not isinstance(size, int) or isinstance(size, bool):
            return None
        if data.keys() - {"media", "type", "bytes", "sha256", "name"}:
            return None
        made = object.__new__(cls)
        made._set(told, size, digest, "", name, held.get(digest))
        return made

    @classmethod
    def _read(cls, given: object) -> Self:
        """A value from itself, from what stands for it, or from a URL.

        Raises:
            ValueError: It is none of these.
        """
        if isinstance(given, cls):
            return given
        try:
            if isinstance(given, str) and given.startswith("data:"):
                return cls.from_data_url(given)
            if isinstance(given, str) and is_web(given):
                return cls._at(given)
            made = cls.of_data(given)
        except CallError as error:
            raise ValueError(str(error)) from None
        if made is not None:
            return made
        raise ValueError(
            f"{brief(repr(given), 60)} is no {cls.kind}: write "
            f"weft.{cls.__name__}.open(path), or give a URL"
        )


Part: TypeAlias = "str | Media"
"""What a message holds: text, or a value of these types."""


def _as_data(value: Media) -> dict[str, Any]:
    return value.as_data()


def _unpickled(cls: type[Media], told: dict[str, Any], data: bytes | None) -> Any:
    if data is not None:
        return cls(
            data,
            media_type=told["type"],
            name=told.get("name", ""),
            most_bytes=len(data),
        )
    return cls.of_data(told)
