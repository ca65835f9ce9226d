"""Records of a run's files: one `CRC32 JSON` a line, so that each says it is whole."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict
from ...pipeline.lm.request import strict_loads


def line_of(record: Mapping[str, Any]) -> bytes:
    r"""A record as a line, with its newline.

    >>> line_of({"key": 1})
    b'c1c82505 {"key":1}\n'
    """
    body = strictjson.sorted_text(record).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def record_of(line: bytes) -> dict[str, Any] | None:
    r"""What a line without its newline holds; None where it is damaged or torn.

    >>> record_of(line_of({"key": 1}).rstrip()), record_of(b'c1c82505 {"key":2}')
    ({'key': 1}, None)
    """
    checksum, _, body = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body) or len(checksum) != 8:
            return None
        # As an entry of the cache is read: what was paid for has no limit of length.
        data = strict_loads(body)
    except ValueError:
        return None
    return data if is_dict(data) else None
