"""Rows of a Hugging Face dataset, known by its members; `datasets` is never imported.

Nothing is downloaded here: a dataset that was loaded is read, row by row. Its class
labels become the names that they stand for, since a model is asked in words, and its
decoded images become `weft.Image` values.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeGuard, cast, runtime_checkable

from ..ground.shapes import is_list, is_mapping
from ..media.values import Image

_UNKNOWN: Final = -1
"""How a dataset writes a class label that is not given."""


@runtime_checkable
class Hub(Protocol):
    """A split of a dataset: `Dataset` or `IterableDataset`."""

    @property
    def features(self) -> Any:
        """Types of the columns by name; None where a stream does not know them."""
        ...

    @property
    def column_names(self) -> Any:
        """The columns' names."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows, each a mapping."""
        ...


def is_split(source: object) -> TypeGuard[Hub]:
    """Whether it is one split of a dataset."""
    return not is_mapping(source) and isinstance(source, Hub)


def is_splits(source: object) -> TypeGuard[Mapping[str, Hub]]:
    """Whether it is a dataset with its splits by name."""
    return is_mapping(source) and bool(source) and all(map(is_split, source.values()))


def rows_of_split(split: Hub) -> Iterator[tuple[str, object]]:
    """The rows with their places."""
    readers = _readers(split.features)
    for at, row in enumerate(split):
        if not is_mapping(row):
            yield f"rows[{at}]", row
            continue
        cells = cast("Mapping[str, Any]", row)
        yield (
            f"rows[{at}]",
            {name: _read(value, readers.get(name)) for name, value in cells.items()},
        )


def rows_of_splits(splits: Mapping[str, Hub]) -> Iterator[tuple[str, object]]:
    """The rows of all splits, each told which it is of, unless the row says so."""
    for name, split in splits.items():
        for where, row in rows_of_split(split):
            told = {"split": str(name), **row} if is_mapping(row) else row
            yield f"{name!r}: {where}", told


_Name = Callable[[Any], Any]


def _readers(features: object) -> dict[str, _Name]:
    """For each column of class labels what makes names of its numbers."""
    if not is_mapping(features):
        return {}
    made = {str(name): _reader(feature) for name, feature in features.items()}
    return {name: reader for name, reader in made.items() if reader is not None}


def _reader(feature: object) -> _Name | None:
    """What makes names of the numbers in a column, in lists and structures too."""
    inner = getattr(feature, "feature", feature)  # of a list, what it is of
    if is_list(inner) and len(inner) == 1:
        inner = inner[0]
    if inner is not feature:
        return _reader(inner)
    if is_mapping(inner):
        readers = _readers(inner)
        return _within(readers) if readers else None
    names = getattr(inner, "names", None)
    if is_list(names) and names and all(isinstance(n, str) for n in names):
        return _namer(cast("list[str]", names))
    return None


def _within(readers: Mapping[str, _Name]) -> _Name:
    def read(value: Any) -> Any:
        if is_list(value):
            return [read(one) for one in value]
        if not is_mapping(value):
            return value
        return {name: _read(one, readers.get(name)) for name, one in value.items()}

    return read


def _namer(names: list[str]) -> _Name:
    def name(value: Any) -> Any:
        if is_list(value):
            return [name(one) for one in value]
        if type(value) is not int or not _UNKNOWN <= value < len(names):
            return value
        return None if value == _UNKNOWN else names[value]

    return name


def _read(value: Any, name: _Name | None) -> Any:
    if name is not None:
        return name(value)
    # A decoded image of Pillow's: it knows how to write itself.
    if callable(getattr(value, "save", None)) and hasattr(value, "getbands"):
        held = io.BytesIO()
        value.save(held, format="PNG")
        return Image(held.getvalue())
    if is_mapping(value):
        return {key: _read(one, None) for key, one in value.items()}
    return [_read(one, None) for one in value] if is_list(value) else value
