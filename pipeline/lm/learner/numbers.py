"""Numbers: the one of the text that demonstrations point at, within its bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .case import Case
from .following import followed
from .ngrams import best
from .spans import similar_demos

_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_SEARCHED = 20_000
_MOST = 200


def number_of(case: Case, *, whole: bool) -> int | float:
    """A number for the field.

    Where demonstrations take theirs from the input, the number at the same place is
    taken; otherwise the nearest demonstration's, or without any the input's first. An
    operation that the instruction names comes before all of that.
    """
    told = numbers_in(followed(case) or "")
    if told:
        return _bounded(told[0], case.schema, whole=whole)
    known = tuple(d for d in case.demos if _value(d.value) is not None)
    shown = [_value(demo.value) or 0.0 for demo in known]
    found = numbers_in(case.text)
    places = [
        _place(number, numbers_in(demo.given))
        for demo, number in zip(known, shown, strict=True)
    ]
    copied = [place for place in places if place >= 0]
    if found and len(copied) * 2 >= len(known):
        usual = max(sorted(set(copied)), key=copied.count) if copied else 0
        value = found[min(usual, len(found) - 1)]
    elif known:
        value = shown[best(similar_demos(replace(case, demos=known)))]
    else:
        value = 0.0
    return _bounded(value, case.schema, whole=whole)


def numbers_in(text: str) -> list[float]:
    """The numbers of a text, in order, as far as they are finite."""
    found = _NUMBER.findall(text[:_SEARCHED])[:_MOST]
    return [n for n in (float(f.replace(",", "")) for f in found) if math.isfinite(n)]


def _place(number: float, numbers: Sequence[float]) -> int:
    return list(numbers).index(number) if number in numbers else -1


def _value(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _bounded(value: float, schema: Mapping[str, Any], *, whole: bool) -> int | float:
    step = 1.0 if whole else 1e-6
    low, high = _value(schema.get("minimum")), _value(schema.get("maximum"))
    above, below = (_value(schema.get(f"exclusive{m}imum")) for m in ("Min", "Max"))
    low = above + step if low is None and above is not None else low
    high = below - step if high is None and below is not None else high
    value = value if low is None else max(value, low)
    value = value if high is None else min(value, high)
    multiple = _value(schema.get("multipleOf"))
    if multiple:
        value = multiple * round(value / multiple)
        value += multiple * (low is not None and value < low)
        value -= multiple * (high is not None and value > high)
    return round(value) if whole else value
