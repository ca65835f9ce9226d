"""Where rows come from: files, folders, tables, and any iterable, one at a time."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from ..errors import DataError
from ..ground import strictjson
from ..ground.lazy import deferred
from ..ground.options import path_of
from ..ground.words import counted
from .example import Example
from .hub import Hub, is_split, is_splits, rows_of_split, rows_of_splits

if TYPE_CHECKING:
    from . import columnar, folders, workbooks
else:
    columnar = deferred(__package__, "columnar")
    folders = deferred(__package__, "folders")
    workbooks = deferred(__package__, "workbooks")


class Frame(Protocol):
    """A DataFrame of pandas' kind, known by its members; pandas is never imported."""

    @property
    def columns(self) -> Any:
        """The columns' names."""
        ...

    def to_dict(self, orient: Literal["records"]) -> Any:
        """One mapping a row."""
        ...


class Table(Protocol):
    """A DataFrame of Polars' kind, known by its members; Polars is never imported."""

    @property
    def columns(self) -> Any:
        """The columns' names."""
        ...

    def iter_rows(self, *, named: Literal[True]) -> Any:
        """One mapping a row."""
        ...


Source = (
    str
    | os.PathLike[str]
    | Frame
    | Table
    | Hub
    | Mapping[str, Hub]
    | Iterable[Mapping[str, Any]]
    | Iterable[Example]
)


def located(source: Any) -> Iterator[tuple[str, object]]:
    """Each row with its place in words, for messages; read as they are asked for.

    Raises:
        DataError: The source is no set of rows, or cannot be read at some place.
    """
    if isinstance(source, str | os.PathLike):
        named = cast("str | os.PathLike[str]", source)
        yield from _file(path_of(named, "rows", DataError))
    elif is_splits(source):
        yield from rows_of_splits(source)
    elif is_split(source):
        yield from rows_of_split(source)
    elif hasattr(cast(object, type(source)), "columns") or hasattr(source, "to_pylist"):
        for at, cells in enumerate(_table(source)):
            yield f"rows[{at}]", {key: _cell(value) for key, value in cells.items()}
    elif isinstance(source, Iterable) and not isinstance(source, Mapping):
        for at, row in enumerate(cast(Iterable[object], source)):
            yield f"rows[{at}]", row
    else:
        raise _no_rows(cast(object, source))


def _file(path: Path) -> Iterator[tuple[str, object]]:
    suffix = path.suffix.lower()
    reader = _excel if workbooks.is_workbook(path) else _FORMATS.get(suffix)
    try:
        if reader is None and path.is_dir():
            yield from folders.image_folder(path, _file)
            return
        if reader is None:
            raise DataError(
                f"{path} is neither .jsonl, .csv, .parquet nor .xlsx",
                hint=_OTHER_FILES.get(suffix, _OTHER_FILES[""]),
            )
        yield from reader(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}",
            hint=f"It means {path.absolute()}",
        ) from None
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None


def _jsonl(path: Path) -> Iterator[tuple[str, object]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                row = strictjson.loads(text) if text else None
            except UnicodeDecodeError as error:
                raise _not_utf8(where, error) from None
            except (ValueError, RecursionError) as error:
                raise _no_json(where, line, error) from None
            if number == 1 and isinstance(row, list):
                raise DataError(f"{where}: the file is one JSON array", hint=_ARRAY)
            if text:
                yield where, row


def _no_json(where: str, line: bytes, error: Exception) -> DataError:
    """What is wrong with a line, and what most often leads to that."""
    why: object = error
    if isinstance(error, json.JSONDecodeError):
        why = f"{error.msg} at column {error.colno}"
    start = line.lstrip()[:2]
    hint = "Each line is one whole JSON object"
    if start[:1] == b"[":
        hint = _ARRAY
    elif start == b"{'":
        hint = 'JSON has double quotes: {"message": "..."}'
    elif "not a JSON number" in str(why):
        hint = "Write null where nothing is known"
    elif "occurs twice" in str(why):
        hint = "Name each field once"
    return DataError(f"{where}: {why}", hint=hint)


def _not_utf8(where: object, error: UnicodeDecodeError) -> DataError:
    return DataError(f"{where} is not UTF-8: {error.reason}", hint="Save it as UTF-8")


def _parquet(path: Path) -> Iterator[tuple[str, object]]:
    for where, cells in columnar.parquet(path):
        yield where, {name: _cell(value) for name, value in cells.items()}


def _excel(path: Path) -> Iterator[tuple[str, object]]:
    header = list[str]()
    for where, cells in workbooks.workbook(path):
        if not header:
            header = _header(
                ["" if c is None else str(c).strip() for c in cells], where
            )
        elif len(cells) > len(header):
            raise DataError(
                f"{where}: {counted(len(cells), 'cell')} under "
                f"{counted(len(header), 'name')}",
                hint="Name each column in the first row, or empty the cells beside",
            )
        else:
            filled = [*cells, *[None] * (len(header) - len(cells))]
            yield where, dict(zip(header, filled, strict=True))


def _csv(path: Path) -> Iterator[tuple[str, object]]:
    # The limit is the whole process's: raised where it is lower, and never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), strictjson.MAX_CHARS))
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        header = list[str]()
        while True:
            where = f"{path}:{reader.line_num + 1}"
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise DataError(
                    f"{where}: {error}",
                    hint='Write a quote inside a cell as "", and long texts as JSONL',
                ) from None
            if cells is None:
                return
            if not header:
                header = _header([cell.strip() for cell in cells], where)
                _refuse_other_signs(header, where)
            elif cells and len(cells) != len(header):
                raise _ragged(where, len(cells), len(header))
            elif cells:
                yield where, dict(zip(header, cells, strict=True))


def _ragged(where: str, cells: int, names: int) -> DataError:
    few = cells < names
    hint = "Put quotes around a cell that holds a comma"
    return DataError(
        f"{where}: {counted(cells, 'cell')} under {counted(names, 'name')}",
        hint="Leave a cell empty, with its comma" if few else hint,
    )


def _header(names: list[str], where: str) -> list[str]:
    for at, name in enumerate(names):
        if not name or name in names[:at]:
            raise DataError(
                f"{where}: column {at + 1} is named {name!r}"
                + (", as another is" if name else ""),
                hint="Name each column, each differently",
            )
    return names


def _refuse_other_signs(names: list[str], where: str) -> None:
    for sign, said in {";": "';'", "\t": "tabs"}.items():
        if len(names) == 1 and sign in names[0]:
            raise DataError(
                f"{where}: the columns are separated by {said}",
                hint="Separate them by commas",
            )


def _table(source: Any) -> Iterable[Mapping[Any, Any]]:
    """The rows of a table in memory, whichever library's it is.

    pandas and its like have `to_dict`, Polars and Narwhals `iter_rows`, Arrow
    `to_pylist`; Polars' `to_dict` means something else.
    """
    if callable(getattr(source, "iter_rows", None)):
        made: Any = source.iter_rows(named=True)
    elif callable(getattr(source, "to_pylist", None)):
        made = source.to_pylist()
    elif callable(getattr(source, "to_dict", None)):
        _header([str(name) for name in source.columns], "columns")
        made = source.to_dict("records")
    else:
        raise _no_rows(source)
    return cast("Iterable[Mapping[Any, Any]]", made)


def _no_rows(source: object) -> DataError:
    """What to pass instead of a value that is no set of rows but could give some."""
    how = 'Pass a list of rows, or one split of a dataset: data["train"]'
    for member, form in _TO_ROWS.items():
        if callable(getattr(type(source), member, None)):
            how = f"Pass {form}"
            break
    return DataError(
        f"a value of type {type(source).__name__} is no set of rows", hint=how
    )


def _cell(value: Any) -> Any:
    """A cell with its missing values, NaN, NaT or NA, as None."""
    if callable(getattr(value, "tolist", None)):
        value = value.tolist()
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and value != value else value


_TO_ROWS = {
    "toPandas": "frame.toPandas()",
    "to_pandas": "frame.to_pandas()",
    "compute": "frame.compute()",
    "collect": "frame.collect()",
    "df": "relation.df()",
}
"""What tables that are not in memory are known by, and how each gets there."""
_FORMATS = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
_ARRAY = "Write each item on a line of its own: jq -c '.[]' FILE > rows.jsonl"
_OTHER_FILES = {
    "": "Write one JSON object a line, or pass the rows themselves",
    ".json": f"Name it .jsonl if a line is one JSON object. Else w{_ARRAY[1:]}",
    ".txt": "If it holds one JSON object a line, name it .jsonl",
    ".tsv": "Separate the columns by commas, and name it .csv",
    ".gz": "Unpack it first",
    ".xls": "Save it as .xlsx",
    ".ods": "Save it as .xlsx, or the sheet as CSV in UTF-8",
    ".arrow": 'Read it with datasets.Dataset.from_file("..."), and pass that',
}
"""What to do with files of other kinds, by how their names end."""
