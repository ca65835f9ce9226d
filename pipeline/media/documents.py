"""A document: text that has a title and a source, for fields and lists of fields."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final, Self

import pydantic

from ..errors import CallError
from .media import MOST_BYTES

_SHOWN: Final = 12


class Document(pydantic.BaseModel):
    """Text with a title and a source; immutable.

    A model is shown all three, as JSON, so that no text of it can pass for its title.

    Args:
        text: What it says.
        title: What it is called.
        source: Where it is from: a path, a URL, an id of your own.

    >>> note = Document(text="Cards arrive within five days.", title="Delivery")
    >>> note
    Document('Delivery', 30 characters, sha256:19f93ac01d3c)
    >>> note == Document(text="Cards arrive within five days.", title="Delivery")
    True
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = ""
    source: str = ""
    text: str

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, title: str = "") -> Self:
        """The text of a file in UTF-8, with its path as the source.

        Raises:
            CallError: It cannot be read, is too large, or is no text.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            text = data.decode("utf-8")
            why = f"it has more than {MOST_BYTES:,} bytes" * (len(data) > MOST_BYTES)
        except (OSError, ValueError) as error:
            text, why = "", getattr(error, "strerror", None) or str(error)
        if why:
            raise CallError(
                f"Document: {str(path)!r} cannot be read: {why}",
                hint="Give the path of a text file, or weft.File.open(path) for a PDF",
            )
        return cls(text=text, title=title or Path(path).name, source=str(path))

    @property
    def sha256(self) -> str:
        """Of title, source and text, in hex."""
        whole = "\0".join((self.title, self.source, self.text))
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        named = f"{self.title!r}, " if self.title else ""
        size = f"{len(self.text):,} characters"
        return f"Document({named}{size}, sha256:{self.sha256[:_SHOWN]})"

    __str__ = __repr__

    def __repr_args__(self) -> Any:
        return []
