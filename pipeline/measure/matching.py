"""How alike two answers are: pure functions of a gold and a predicted value.

Each returns a share in [0, 1]. Texts are compared in a normal form of Unicode, so that
Hangul or umlauts typed in another way are the same text.
"""

from __future__ import annotations

import math
import numbers
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast

import pydantic

from ..ground import strictjson
from ..ground.plain import plain
from ..ground.shapes import is_dict, is_list
from ..reading.cells import number_of

_ARTICLES = frozenset({"a", "an", "the"})
# Han and kana are written without spaces: each character is a token of its own.
_UNSPACED = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_TOKEN = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\S)+")
_LATIN = "0-9a-z\u00df-\u024f"
_EDGE = " \t\r\n\"'`*."
_MONEY = "[$\u20ac\u00a3\u00a5\u20a9]"
_MINUS = re.compile(rf"(?:^|[^\w)])[-\u2212\u2013]{_MONEY}?$|{_MONEY}[-\u2212\u2013]$")
_RAISED = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
_POWER = re.compile(rf"(\d{{1,9}})([{_RAISED}]{{1,2}})(?![{_RAISED}])|[{_RAISED}]+")
_PARTS = re.compile(r"(?<![\d.,])(\d{0,9})([\u00bc-\u00be\u2150-\u215e])")
# Not inside a word (m2), and not in the middle of another number.
_NUMBER = re.compile(
    r"(?<![A-Za-z_\d])(?<!\d[.,])"
    r"((?:(?<![\w.])\.)?\d[\d.,]*)([eE][-+]?\d{1,3})?"
)
_DIGITS = re.compile(r"[0-9](?:[0-9.,]*[0-9])?")
_SINGLE = re.compile(r"[0-9]+(?:\.[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_SIGN = re.compile(r"(?:^|[\s(=:])[-\u2212]\Z")
_GROUPS = re.compile(r"(?<=\d)[\u2009\u00a0\u202f'\u2019](?=\d{3}(?!\d))")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}|\d+,\d{1,2}")


def text_of(value: Any) -> str:
    """A value as a person would write it.

    >>> text_of(True), text_of(3.0), text_of(["a", 2])
    ('true', '3', 'a 2')
    """
    if isinstance(value, Enum):
        return text_of(value.value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return " ".join(text_of(item) for item in cast(Iterable[Any], value))
    return strictjson.as_text(plain(value))


def same(gold: Any, got: Any) -> float:
    """1 where both are the same value, else 0.

    Spaces around and between words do not count. A number or a bool equals its text,
    in whatever digits, because CSV files hold nothing but text; other values are
    compared as JSON, and a label that leaves out a field with a default stands for one
    with the default.

    >>> same(" New  York", "New York"), same("3.0", 3), same([1, 2], (1, 2))
    (1.0, 1.0, 1.0)
    """
    if type(gold) is str and gold == got:
        return 1.0  # what most comparisons find
    pair = [v.value if isinstance(v, Enum) else v for v in (gold, got)]
    texts = sum(isinstance(v, str) for v in pair)
    if texts == 0 or any(isinstance(v, dict | list | tuple | set) for v in pair):
        if any(isinstance(v, Decimal) for v in pair) and all(map(_is_number, pair)):
            return float(_decimal_of(pair[0]) == _decimal_of(pair[1]))
        if isinstance(pair[0], pydantic.BaseModel) and type(pair[0]) is type(pair[1]):
            return float(pair[0] == pair[1])
        if all(isinstance(v, datetime) for v in pair):
            return float(pair[0] == pair[1])  # the same instant, wherever
        return float(plain(_whole(*pair)) == plain(pair[1]))
    if texts == 1 and _same_number(*sorted(pair, key=lambda v: isinstance(v, str))):
        return 1.0
    left, right = (_spaced(unicodedata.normalize("NFC", text_of(v))) for v in pair)
    if any(isinstance(v, bool) for v in pair):
        left, right = left.casefold(), right.casefold()
    return float(left == right)


def _same_number(number: Any, text: str) -> bool:
    """Whether a text is a number's, in these or in other digits."""
    if not _is_number(number):
        return False
    told = number_of(text.strip())
    return told is not None and (
        float(told) == number if isinstance(number, float) else told == number
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _decimal_of(number: Any) -> Decimal:
    return Decimal(repr(number) if isinstance(number, float) else number)


def _whole(gold: Any, got: Any) -> Any:
    """A label, written as plain data, with the defaults of the model it stands for."""
    if is_list(gold) and is_list(got) and len(gold) == len(got):
        return [_whole(*pair) for pair in zip(gold, got, strict=True)]
    if not (is_dict(gold) and isinstance(got, pydantic.BaseModel)):
        return gold
    try:
        made = plain(type(got).model_validate(gold))
    except pydantic.ValidationError:
        made = _by_attribute(gold, type(got))
    return made if gold.keys() <= made.keys() else gold


def _by_attribute(gold: dict[Any, Any], kind: type[pydantic.BaseModel]) -> Any:
    """A label under the names of attributes, which the type may not read."""
    fields = kind.model_fields.items()
    return {
        name: gold[name]
        if name in gold
        else plain(info.get_default(call_default_factory=True), repr)
        for name, info in fields
        if name in gold or not info.is_required()
    }


def same_choice(gold: Any, got: Any) -> float:
    """1 where both name the same label, whatever their case, spaces and hyphens.

    >>> same_choice("top-ups", "Top ups."), same_choice("cards", "transfers")
    (1.0, 0.0)
    """
    left, right = (
        _spaced(re.sub(r"[\s_-]+", " ", _folded(v).strip(_EDGE))) for v in (gold, got)
    )
    return float(left == right)


def token_f1(gold: Any, got: Any) -> float:
    """Token F1 of SQuAD (Rajpurkar et al. 2016, section 5; evaluate-v2.0.py).

    Texts are lowered, punctuation and English articles removed. As in MLQA (Lewis et
    al. 2020) punctuation is Unicode's, and each Han or kana character is a token. Two
    texts without tokens are the same answer: none.

    >>> token_f1("the Eiffel Tower", "Eiffel tower, Paris")
    0.8
    """
    left, right = Counter(_tokens(text_of(gold))), Counter(_tokens(text_of(got)))
    if not left or not right:
        return float(left == right)
    return _f1((left & right).total(), left.total(), right.total())


def set_f1(gold: Any, got: Any) -> float:
    """F1 over two sets of items; a text is cut at commas, semicolons and lines.

    >>> round(set_f1(["Ann", "Bob"], "bob, Cy, ann"), 3)
    0.8
    """
    pair = [_parts(gold), _parts(got)]
    of_numbers = any(map(_is_number, [*pair[0], *pair[1]]))
    left, right = (_items(parts, of_numbers=of_numbers) for parts in pair)
    if not left or not right:
        return float(left == right)
    return _f1(len(left & right), len(left), len(right))


def holds(gold: Any, got: Any) -> float:
    """1 where the gold text stands in the predicted one, as words of its own.

    Case and spaces do not count. Only Latin letters and digits mark a word's edge:
    in Korean a particle may follow at once. Some digits of a number are none of it.

    >>> holds("18", "So it is 18."), holds("18", "18.5"), holds("서울", "서울은 수도다")
    (1.0, 0.0, 1.0)
    """
    needle, text = _spaced(_folded(gold)), _spaced(_folded(got))
    if not needle:
        return float(not text)
    before = f"(?<![{_LATIN}])" if re.match(f"[{_LATIN}]", needle) else ""
    after = f"(?![{_LATIN}])" if re.match(f"[{_LATIN}]", needle[-1]) else ""
    found = re.finditer(f"{before}{re.escape(needle)}{after}", text)
    whole = list(_numbers(text))
    return float(any(not _is_within(whole, *hit.span()) for hit in found))


def _numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers stand, noughts behind the point aside; dates and lists are none."""
    for run in _DIGITS.finditer(text):
        if _SINGLE.fullmatch(run[0]):
            start, end = run.span()
            if "." in run[0]:
                end = start + len(run[0].rstrip("0").rstrip("."))
            yield start - bool(_SIGN.search(text[max(0, start - 2) : start])), end


def _is_within(numbers: Iterable[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a place begins or ends in the middle of a number."""
    return any(a < start < b or a < end < b for a, b in numbers)


def read_number(value: Any) -> float | None:
    """The number a value is, or the last one its text holds; None without any.

    A comma before three digits groups them, as in English; "1.234,50" and "3,5" are
    read as most of Europe writes them. Currency signs and units are passed over.

    >>> [read_number(t) for t in ("1,234.50", "-$18", "18 apples", "1.234,50", "none")]
    [1234.5, -18.0, 18.0, 1234.5, None]
    """
    if not isinstance(value, bool) and isinstance(value, numbers.Real | Decimal):
        return _float(value)
    joined = _GROUPS.sub("", text_of(value))  # as in "1\u202f000" or "1'000"
    told = _PARTS.sub(_with_part, _POWER.sub(_raised, joined))
    text = unicodedata.normalize("NFKC", told)
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    last = found[-1]
    number = float(_decimal(last[1].rstrip(".,")) + (last[2] or ""))
    return -number if _MINUS.search(text[: last.start()]) else number


def _raised(power: re.Match[str]) -> str:
    """The number that a power is; nothing for what is raised elsewhere, as in m2."""
    exponent = unicodedata.normalize("NFKC", power[2]) if power[1] else ""
    return str(int(power[1]) ** int(exponent)) if exponent else " "


def _with_part(part: re.Match[str]) -> str:
    """A whole number and a fraction that is one character, as a decimal."""
    return str(int(part[1] or 0) + unicodedata.numeric(part[2]))


def near(gold: float, got: float, tolerance: float) -> bool:
    """Whether two numbers differ by no more than an absolute tolerance.

    What binary fractions add to it does not count.

    >>> near(0.3, 0.1 + 0.2, 0), near(1_000_000, 1_000_001, 0.5), near(0.7, 0.8, 0.1)
    (True, False, True)
    """
    if math.isinf(gold) or math.isinf(got):
        return gold == got
    noise = 1e-12 * max(abs(gold), abs(got))
    return abs(gold - got) <= tolerance + noise


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _decimal(digits: str) -> str:
    if _GROUPED.fullmatch(digits):
        return digits.replace(",", "")
    if _EUROPEAN.fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    if "," in digits or digits.count(".") > 1:  # a list "1,2,3", a date "1.12.2024"
        return re.split("[.,]", digits)[-1]
    return digits


def _folded(value: Any) -> str:
    return unicodedata.normalize("NFKC", text_of(value)).casefold()


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _tokens(text: str) -> list[str]:
    letters = "".join(char for char in _folded(text) if not _is_punctuation(char))
    return [token for token in _TOKEN.findall(letters) if token not in _ARTICLES]


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str):
        return re.split(r"[,;\n]", value)
    held = isinstance(value, list | tuple | set | frozenset)
    return list(cast(Iterable[Any], value)) if held else [value]


def _items(parts: Iterable[Any], *, of_numbers: bool) -> set[str]:
    """Items as texts; of numbers, in whatever digits they are written."""
    folded = [_spaced(_folded(part)) for part in parts]
    if of_numbers:
        numbers = [number_of(text) for text in folded]
        folded = [
            text if number is None else f"{number.normalize():f}"
            for text, number in zip(folded, numbers, strict=True)
        ]
    return {text for text in folded if text}


def _f1(common: int, wanted: int, given: int) -> float:
    return 2 * common / (wanted + given)
