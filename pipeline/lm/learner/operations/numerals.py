"""Operations on numbers: arithmetic on two of them, and one in English words."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from .operation import Operation, Work

_NUMBER = r"(-?\d{1,15}(?:\.\d{1,9})?)"
_TWO = re.compile(rf"{_NUMBER}(?:\s*[,;&]\s*|\s+and\s+|\s+){_NUMBER}", re.IGNORECASE)
_WHOLE = re.compile(r"(-?)(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})")
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS = ("", " thousand", " million", " billion")


def in_words(text: str) -> str | None:
    """A whole number in English words; None where the text is none.

    >>> in_words("4528")
    'four thousand, five hundred and twenty-eight'
    >>> in_words("1,000,007"), in_words("-12"), in_words("4 apples")
    ('one million and seven', 'minus twelve', None)
    """
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        return None
    number = int(found[2].replace(",", ""))
    groups = [
        _below_thousand(group) + name
        for power, name in reversed([*enumerate(_GROUPS)][1:])
        if (group := number // 1000**power % 1000)
    ]
    said, last = ", ".join(groups), number % 1000
    if last or not groups:
        joint = "" if not groups else " and " if last < 100 else ", "
        said = f"{said}{joint}{_below_thousand(last)}"
    return f"minus {said}" if found[1] else said


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        parts.append(_TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else ""))
    elif rest or not hundreds:
        parts.append(_ONES[rest])
    return " and ".join(parts)


def _on_two(work: Callable[[Decimal, Decimal], Decimal]) -> Work:
    """Arithmetic on a text that is two numbers and nothing else."""

    def do(text: str) -> str | None:
        found = _TWO.fullmatch(text.strip())
        return f"{work(Decimal(found[1]), Decimal(found[2])):f}" if found else None

    return do


NUMERALS = (
    Operation(
        "Write the sum of the two numbers.",
        r"\bsum\b|\badd(?:ing|ition)?\b|\bplus\b|\+",
        _on_two(lambda one, two: one + two),
    ),
    Operation(
        "Subtract the first number from the second.",
        r"\bsubtract\w*\b.{0,20}\bfirst\b.{0,30}\bfrom\b.{0,20}\bsecond\b"
        r"|\bsecond\b.{0,20}\bminus\b",
        _on_two(lambda one, two: two - one),
    ),
    Operation(
        "Subtract the second number from the first.",
        r"\bsubtract|\bminus\b|\bdifference\b",
        _on_two(lambda one, two: one - two),
    ),
    Operation(
        "Write the product of the two numbers.",
        r"\bmultipl|\bproduct\b|\btimes\b",
        _on_two(lambda one, two: one * two),
    ),
    Operation(
        "Write the larger of the two numbers.",
        r"\b(?:larg|bigg|great|high)(?:er|est)\b|\bmaximum\b",
        _on_two(max),
    ),
    Operation(
        "Write the smaller of the two numbers.",
        r"\b(?:small|low)(?:er|est)\b|\bminimum\b",
        _on_two(min),
    ),
    Operation(
        "Write the number in English words.",
        r"\b(?:in|with|into|using|as)\b.{0,20}\bwords\b|\bpron(?:ounc|unciation)"
        r"|\bverbal|\bspell\w* out",
        in_words,
    ),
)
