"""Cells of tables as values: what a label or an input of a row means for a field.

A row says what somebody knew, in the types of a file: CSV holds nothing but text, a
frame has 3.0 where a whole number stands in a column with gaps, and people write "yes".
A cell is read by the type of its field, as a reply is; between two readings nothing is
guessed. What a table leaves out is no value, unless the type has None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ..errors import ParseError, StepError
from ..ground.plain import plain, without_models
from ..signature.field import FieldSpec
from .fields import read_text
from .scalars import bare_number

_BITS: Final[Mapping[object, bool]] = {"0": False, "1": True, 0: False, 1: True}
_NOTHING: Final = frozenset({"", "nan", "na", "n/a", "<na>", "nat", "null", "none"})
_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_DIGIT: Final = re.compile(r"[0-9]")
_MOST: Final = 1000  # characters of a number


def read_cell(field: FieldSpec, cell: Any) -> Any:
    """The value that a cell of a row is, in the field's type.

    Raises:
        ValueError: It is none of that type.

    >>> read_cell(FieldSpec("n", "output", int), "7.0")
    7
    >>> read_cell(FieldSpec("n", "output", int | None), "") is None
    True
    >>> read_cell(FieldSpec("tags", "output", list[str]), "['a', 'b']")
    ['a', 'b']
    """
    return field.load(cell_data(field, cell))


def cell_data(field: FieldSpec, cell: Any) -> Any:
    """A cell as plain JSON data of the field's type; as it stands, where that is some.

    Raises:
        ValueError: It is none of that type.
    """
    try:
        data = plain(without_models(cell))
        field.load(data)
    except (TypeError, ValueError) as error:
        for guess in _guesses(field, cell):
            with suppress(TypeError, ValueError, ParseError, StepError):
                made = guess()
                field.load(made)
                return made
        raise ValueError(str(error)) from None
    return data


def is_nothing(field: FieldSpec, cell: Any) -> bool:
    """Whether a cell is what tables have where nothing is known, and no value.

    >>> is_nothing(FieldSpec("n", "output", int), None)
    True
    >>> is_nothing(FieldSpec("n", "output", str), "")
    False
    """
    empty = isinstance(cell, str) and cell.strip().casefold() in _NOTHING
    if cell is not None and not empty:
        return False
    try:
        read_cell(field, cell)
    except ValueError:
        return True
    return False


def _guesses(field: FieldSpec, cell: Any) -> Iterator[Callable[[], Any]]:
    """What a cell of another type may mean for a field, as plain JSON data."""
    if isinstance(cell, str):
        text = cell.strip()
        if text.casefold() in _NOTHING:
            yield lambda: None
        numeric = field.kind in ("integer", "number")
        # A model says what it counts; a cell that does may stand in another column.
        if not numeric or bare_number(text, whole=True) == text:
            yield lambda: field.dump(read_text(field, text).value)
        number = number_of(text)
        if number is not None and text.startswith("+"):
            # Read as it stands, so that a decimal keeps each of its digits.
            yield lambda: field.dump(read_text(field, text[1:]).value)
        if number is not None and field.kind in ("integer", "number", "choice"):
            yield lambda: _narrowed(number)
        if field.kind == "boolean" and number in _BITS:
            yield lambda: _BITS[number]
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        yield lambda: _narrowed(cell)
        if field.kind == "boolean" and cell in _BITS:
            yield lambda: _BITS[cell]
        if not (isinstance(cell, float) and cell.is_integer()):
            yield lambda: str(getattr(cell, "text", cell))  # 3.0 may be "3" or "3.0"
    else:
        yield lambda: field.dump(field.check(cell))
    if field.kind == "format":
        day = _DAY.fullmatch(str(plain(cell)).strip())
        if day is not None:
            yield lambda: day[1]
            yield lambda: f"{day[1]}T00:00:00"


def number_of(text: str) -> Decimal | None:
    """The number that a text is in one of the ways that tables write one, else None.

    >>> number_of("0.50"), number_of("+3"), number_of("1e3"), number_of("three")
    (Decimal('0.50'), Decimal('3'), Decimal('1E+3'), None)
    """
    if len(text) > _MOST or "_" in text or not _DIGIT.search(text):
        return None
    try:
        made = Decimal(text)
    except InvalidOperation:
        return None
    return made if made.is_finite() and abs(made.adjusted()) < _MOST else None


def _narrowed(number: Decimal | float) -> int | float:
    """A number as the whole number that it is, else as a float."""
    return int(number) if number == int(number) else float(number)
