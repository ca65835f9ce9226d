"""Slips on a Korean keyboard: a jamo of a syllable is another, is lost, or apart.

Keys are those of the two-set layout (KS X 5002). A syllable is put together from its
parts as the Unicode Standard says (chapter 3.12, "Conjoining Jamo Behavior").
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: Final = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_ROWS: Final = ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ")
_NEAR: Final = {
    key: [row[at] for at in (place - 1, place + 1) if 0 <= at < len(row)]
    for row in _ROWS
    for place, key in enumerate(row)
}


def is_syllable(letter: str) -> bool:
    """Whether a character is a whole Hangul syllable."""
    return _FIRST <= ord(letter) <= _LAST


def slipped(syllable: str, rng: random.Random) -> str:
    """A syllable with one slip; it is another text than the syllable.

    >>> slipped("한", random.Random(1)) != "한"
    True
    """
    number = ord(syllable) - _FIRST
    parts = [number // 588, number % 588 // 28, number % 28]
    changes = [
        *_moved(parts, 0, _INITIALS),
        *_moved(parts, 1, _VOWELS),
        *_moved(parts, 2, _FINALS),
    ]
    whole = _joined([*parts[:2], 0])
    if final := _FINALS[parts[2]]:
        # The last key is not reached, or comes when the syllable is over.
        changes += [whole, whole + final]
    else:
        changes.append(_INITIALS[parts[0]] + _VOWELS[parts[1]])
    return rng.choice(changes)


def _moved(parts: list[int], place: int, known: tuple[str, ...] | str) -> list[str]:
    """The syllable with the key beside one of its keys, where it has that part."""
    near = _NEAR.get(known[parts[place]], ())
    others = [known.index(key) for key in near if key in known]
    return [_joined([*parts[:place], other, *parts[place + 1 :]]) for other in others]


def _joined(parts: Sequence[int]) -> str:
    initial, vowel, final = parts
    return chr(_FIRST + (initial * 21 + vowel) * 28 + final)
