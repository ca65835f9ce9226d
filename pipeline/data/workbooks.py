"""Rows of a sheet of an Excel workbook; openpyxl is imported here alone.

Values are those that were last computed, formulas are not. Pandas and Polars read
Excel by openpyxl and by calamine; for rows alone the reader itself is enough.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from ..errors import ConfigError, DataError

_BETWEEN: Final = "#"
"""Between the path of a workbook and the name of a sheet."""
_NAMED: Final = re.compile(
    rf"(?P<file>.+?\.xlsx)(?:{_BETWEEN}(?P<sheet>.*))?", re.IGNORECASE | re.DOTALL
)


def workbook(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """The rows of the one sheet that holds any, or of the one named behind a "#".

    Args:
        path: The file, "rows.xlsx" or "rows.xlsx#Sheet1".

    Returns:
        Each row's cells with its place, the names first; rows of empty cells alone are
        left out.

    Raises:
        ConfigError: openpyxl is not installed.
        DataError: It is no workbook, has no such sheet, or several with rows.
    """
    try:
        import openpyxl  # noqa: PLC0415 - optional
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            f"{path}: Excel is read by openpyxl, which is not installed",
            hint="Write pip install 'openpyxl>=3.1'",
        ) from None
    file, named = _parted(path)
    broken = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError)
    with file.open("rb") as data:
        try:
            book = openpyxl.load_workbook(data, read_only=True, data_only=True)
            try:
                sheet = _sheet(book, named, file)
                yield from _rows(sheet, f"{file}{_BETWEEN}{sheet.title}")
            finally:
                book.close()
        except (*broken, ParseError, zlib.error, EOFError):
            raise DataError(
                f"{file} is no Excel workbook, or is damaged", hint="Save it as .xlsx"
            ) from None


def is_workbook(path: Path) -> bool:
    """Whether a path is that of a workbook, or of a sheet in one."""
    return bool(_NAMED.fullmatch(path.name))


def _parted(path: Path) -> tuple[Path, str]:
    """The file, and the name of a sheet in it or nothing."""
    if path.exists():
        return path, ""
    # A sheet may be called anything, "v1.0 #2" too: it begins behind the ending.
    found = _NAMED.fullmatch(path.name)
    if found is None or found["sheet"] is None:
        return path, ""
    return path.with_name(found["file"]), found["sheet"]


def _sheet(book: Any, named: str, file: Path) -> Any:
    known = [sheet.title for sheet in book.worksheets]
    if named:
        if named not in known:
            raise DataError(
                f"{file} has no sheet {named!r}", hint=f"It has {', '.join(known)}"
            )
        return book[named]
    filled = [s for s in book.worksheets if next(_rows(s, ""), None) is not None]
    if not filled:
        hint = "Write the names of the columns in a sheet, and rows below them"
        raise DataError(f"{file} has no row in any sheet", hint=hint)
    if len(filled) > 1:
        hint = f'Name one: "{file.name}{_BETWEEN}{filled[0].title}"'
        raise DataError(f"{file} has several sheets with rows", hint=hint)
    return filled[0]


def _rows(sheet: Any, where: str) -> Iterator[tuple[str, list[Any]]]:
    # Some programs write a size that is smaller than the sheet: it would cost rows.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        held = list(cells)
        while held and held[-1] is None:
            held.pop()
        if held:
            yield f"{where}:{number}", held
