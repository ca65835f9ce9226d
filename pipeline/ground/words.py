"""Numbers of things and long texts, as messages hold them."""

from __future__ import annotations

_SHOWN = 80


def counted(number: int, thing: str) -> str:
    """A number of things in words.

    >>> counted(1, "call"), counted(1200, "call")
    ('1 call', '1200 calls')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def said(error: object) -> str:
    """What an error says: nothing, where asking it raises another.

    >>> said(ValueError("too large"))
    'too large'
    """
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - its `__str__` is anybody's
        return ""


def brief(text: str, most: int = _SHOWN) -> str:
    """A text, cut where it is longer than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
