"""The data of media, held once in a process for as long as some value names it."""

from __future__ import annotations

import hashlib
from typing import Final
from weakref import WeakValueDictionary


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
