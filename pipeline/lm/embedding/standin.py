"""The offline stand-in for a model of meaning: vectors of hashed character trigrams.

It knows no meaning: texts are near where they share pieces of words. It is here so that
documentation, examples and tests run without a network, a key or a bill.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from typing import Final

DIMENSIONS: Final = 256
_WORD: Final = re.compile(r"\w+")
_SIZE: Final = 3


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A text's vector, of length 1; the same on every machine.

    Feature hashing (Weinberger et al. 2009, arXiv 0902.2206): each trigram adds its
    damped count at a place that its CRC-32 decides, with a sign that does too.

    >>> near = lambda a, b: sum(map(float.__mul__, vector_of(a), vector_of(b)))
    >>> near("a stolen card", "cards get stolen") > near("a stolen card", "the weather")
    True
    """
    folded = f" {' '.join(_WORD.findall(text.casefold()))} "
    grams = Counter(folded[at : at + _SIZE] for at in range(len(folded) - _SIZE + 1))
    made = [0.0] * dimensions
    for gram, count in grams.items():
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        sign = 1.0 if code & 1 else -1.0
        made[(code >> 1) % dimensions] += sign * (1.0 + math.log(count))
    norm = math.sqrt(sum(value * value for value in made))
    if not norm:  # no word: somewhere, so that it has a direction
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / norm for value in made]
