"""Numbers of things and long texts, as messages hold them."""

from __future__ import annotations

import re
from typing import Final

_SHOWN = 80
_PLURAL_Y: Final = re.compile(r"(?<=[^aeiou])y$")
_MOVES: Final = re.compile(
    r"(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\ud800-\udfff]"
)
"""Controls of a terminal, of the direction of writing, and halves of characters."""


def counted(number: int | str, thing: str) -> str:
    """A number of things in words; a text is a number as it is to be written.

    >>> counted(1, "call"), counted(f"{1200:,}", "call"), counted(2, "empty reply")
    ('1 call', '1,200 calls', '2 empty replies')
    """
    if str(number) == "1":
        return f"1 {thing}"
    return f"{number} {_PLURAL_Y.sub('ie', thing)}s"


def said(error: object) -> str:
    """What an error says: nothing, where asking it raises another.

    >>> said(ValueError("too large"))
    'too large'
    """
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - its `__str__` is anybody's
        return ""


def refusal(error: ValueError) -> ValueError:
    """Why JSON was refused; Python's own words for a long number name its settings.

    >>> try:
    ...     _ = str(10**5000)
    ... except ValueError as error:
    ...     print(refusal(error))
    a number of more than 1000 digits
    """
    long = "set_int_max_str_digits" in str(error)
    return ValueError("a number of more than 1000 digits") if long else error


def for_terminal(text: str) -> str:
    r"""A text as a terminal may be given it: what would command it is spelt out.

    >>> print(for_terminal("one\x1b[2J\ntwo"))
    one\x1b[2J
    two
    """
    return _MOVES.sub(lambda found: repr(found[0])[1:-1], text)


def brief(text: str, most: int = _SHOWN) -> str:
    """A text, cut where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
