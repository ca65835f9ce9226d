"""Chance that repeats: draws keyed by what they decide, and words nobody has seen."""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

__all__ = ["Words", "draw", "pick"]

_ONSETS = [
    "b",
    "d",
    "f",
    "g",
    "j",
    "k",
    "m",
    "n",
    "p",
    "r",
    "t",
    "v",
    "z",
    "br",
    "dr",
    "kr",
    "tr",
]
_VOWELS = "aeiou"
_CODAS = ["k", "l", "m", "n", "r", "t", "x", "sk", "lm", "rt"]


@lru_cache(maxsize=2**16)
def draw(*key: object) -> float:
    """A number in [0, 1) that depends on the key alone.

    >>> draw("case", 1) == draw("case", 1) != draw("case", 2)
    True
    """
    text = "\x1f".join(map(str, key)).encode()
    digest = hashlib.blake2b(text, digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def pick(options: tuple[str, ...], *key: object) -> str:
    """One of the options, by the key alone."""
    return options[int(draw(*key) * len(options))]


class Words:
    """Nonsense words, each given out once; no prompt can have been tuned to them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: set[str] = set()
        self._endings: set[str] = set()

    def word(self) -> str:
        """A word of three syllables that ends in no ending given out."""
        while True:
            made = "".join(self._syllable() for _ in range(2)) + self._closed()
            if made not in self._used and made[-4:] not in self._endings:
                self._used.add(made)
                return made

    def words(self, count: int) -> tuple[str, ...]:
        """Several words."""
        return tuple(self.word() for _ in range(count))

    def ending(self) -> str:
        """Four letters that further words of a family end in."""
        while True:
            made = (self._syllable() + self._closed())[-4:]
            if made not in self._endings and not self._ends(made):
                self._endings.add(made)
                return made

    def ending_in(self, ending: str) -> str:
        """A new word of a family."""
        while True:
            made = self._syllable() + self._syllable() + ending
            if made not in self._used:
                self._used.add(made)
                return made

    def _ends(self, ending: str) -> bool:
        return any(word.endswith(ending) for word in self._used)

    def _syllable(self) -> str:
        return self._rng.choice(_ONSETS) + self._rng.choice(_VOWELS)

    def _closed(self) -> str:
        return self._syllable() + self._rng.choice(_CODAS)
