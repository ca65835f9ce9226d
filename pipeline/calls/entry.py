"""One answer as the bytes on disk, and the ways in which stored bytes fail.

An entry is "v1", a digest over key and text, and the answer as JSON. The digest covers
the key, so an entry moved to another key is refused like a flipped bit.
"""

from __future__ import annotations

import hashlib
from typing import Final

from ..ground.strictjson import plain_text
from ..lm.request import Response
from ..lm.wire import response_from_json, response_to_json, strict_loads

_HEAD: Final = b"v1"
_DIGEST_SIZE: Final = 16
_TEXT_AT: Final = len(_HEAD) + _DIGEST_SIZE


class Damaged(Exception):
    """A database that cannot be trusted: move it aside and start a new one."""


class Unsafe(Exception):
    """An entry that is damaged, or claims to be more than a key and some bytes."""


class Unusable(Exception):
    """A folder or a database that cannot be used now, and is not known as damaged."""


def encode(key: str, response: Response) -> bytes:
    """The bytes of an answer.

    Raises:
        ValueError: The answer holds a number that is not finite.
    """
    text = plain_text(response_to_json(response)).encode("utf-8", "surrogatepass")
    return _HEAD + _digest(key, text) + text


def decode(key: str, blob: bytes) -> Response:
    """The answer in some bytes, marked as cached.

    Raises:
        Unsafe: They are not what was written under this key.
    """
    text = blob[_TEXT_AT:]
    if blob[:_TEXT_AT] != _HEAD + _digest(key, text):
        raise Unsafe("its digest does not fit")
    try:
        return response_from_json(strict_loads(text))
    except ValueError as error:
        raise Unsafe(str(error)) from None


def _digest(key: str, text: bytes) -> bytes:
    # A line break ends the key: the text is JSON in one line, so no two pairs collide.
    whole = b"%b\n%b" % (key.encode(), text)
    return hashlib.blake2b(whole, digest_size=_DIGEST_SIZE).digest()
