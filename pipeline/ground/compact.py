"""Compact JSON texts of plain trees, without a new encoder for each.

`json.dumps` and `JSONEncoder.encode` set up an encoder on every call, which costs more
than encoding a small tree does. Here one encoder is made once; the bytes are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

_C: Final[Mapping[str, Any]] = vars(json.encoder)
quoted: Final[Callable[[str], str]] = _C["encode_basestring"]
"""A text as a JSON string; characters beyond ASCII stand as they are."""


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    made = _C.get("c_make_encoder")
    if made is None:  # an interpreter without the C accelerator
        return json.JSONEncoder(
            sort_keys=sort_keys,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        ).encode
    parts: Callable[[Any, int], Sequence[str]] = made(
        None, _refuse, quoted, None, ":", ",", sort_keys, False, False
    )

    def encode(tree: Any) -> str:
        try:
            return "".join(parts(tree, 0))
        except RecursionError:
            raise ValueError("the JSON tree is too deep, or holds itself") from None

    return encode


sorted_text: Final = _encoder(sort_keys=True)
"""A tree as text, members in the order of their names.

Raises `ValueError` for a number that is not finite, `TypeError` for what is no JSON.
"""

plain_text: Final = _encoder(sort_keys=False)
"""A tree as text, members as they come; raises as `sorted_text`."""
