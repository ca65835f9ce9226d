"""An operation: how it is asked for, how it is told, and how it is done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LONGEST = 200

Work = Callable[[str], str | None]


class Operation(NamedTuple):
    """A small thing that can be done to a text without knowing what it means.

    Args:
        told: The instruction that asks for it, as who writes instructions says it.
        asked: A pattern for the task texts that ask for it, in any case.
        do: From the input to the output; None where the input is of another kind, so
            that a loose `asked` does no harm.
    """

    told: str
    asked: str
    do: Work

    def named_in(self, task: str) -> bool:
        """Whether a task text asks for it.

        >>> loud = Operation("Write it in capitals.", r"capitals", str.upper)
        >>> loud.named_in("Please use CAPITALS"), loud.do("hi")
        (True, 'HI')
        """
        return bool(re.search(self.asked, task, re.IGNORECASE | re.DOTALL))


def on_word(do: Work) -> Work:
    """The same for nothing but a single word.

    >>> loud = on_word(str.upper)
    >>> loud(" hero "), loud("two heroes"), loud("12")
    ('HERO', None, None)
    """

    def checked(text: str) -> str | None:
        bare = text.strip()
        return do(bare) if _WORD.fullmatch(bare) else None

    return checked


def on_sentence(do: Work) -> Work:
    """The same for nothing but one line of several words.

    >>> loud = on_sentence(str.upper)
    >>> loud("It rains. "), loud("rain")
    ('IT RAINS.', None)
    """

    def checked(text: str) -> str | None:
        bare = text.strip()
        fits = " " in bare and "\n" not in bare and len(bare) <= _LONGEST
        return do(bare) if fits else None

    return checked


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def paired(*lines: str) -> dict[str, str]:
    """A table from lines of pairs.

    >>> paired("man/men, foot/feet", "help/assist")
    {'man': 'men', 'foot': 'feet', 'help': 'assist'}
    """
    pairs = (pair.partition("/") for line in lines for pair in line.split(", "))
    return {left: right for left, _, right in pairs}
