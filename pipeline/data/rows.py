"""Rows: what a program is given, and what it should answer.

`read_rows` takes what people have, mappings, files, a DataFrame, a Hugging Face
dataset, a folder of images, and makes an `Example` of each row. Inputs and labels are
told apart by the program's own input names, so nobody marks fields by hand. Rows are
flat,

    {"message": "my card never came", "team": "cards", "id": "m1", "split": "train"}

or nested, as evaluation services write them:

    {"id": "m1", "inputs": {"message": ...}, "outputs": {"team": ...}, "meta": {...}}

A row is identified by its content: `Example.digest` decides its id where none is given
and its part in `split_rows`, so the order of a file decides nothing.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import DataError, did_you_mean
from ..ground import strictjson
from ..ground.options import checked
from ..ground.shapes import is_mapping
from .example import Example, digest_rows, named, require_rows
from .sources import Frame, Source, located
from .split import split_rows

__all__ = [
    "Example",
    "Frame",
    "Source",
    "digest_rows",
    "iter_rows",
    "read_rows",
    "require_rows",
    "split_rows",
]

_RESERVED = frozenset({"id", "meta", "split"})
_ID_DIGITS = 12
_MISSPELT = 0.75
_FORMS = {
    "toDict": "row.toDict()",
    "model_dump": "row.model_dump()",
    "__dataclass_fields__": "dataclasses.asdict(row)",
    "_asdict": "row._asdict()",
    "__dict__": "vars(row)",
}
"""What other kinds of rows are known by, and how each becomes a mapping."""


@checked
def read_rows(
    source: Source,
    inputs: Sequence[str],
    *,
    optional: Sequence[str] = (),
    wants_labels: bool = False,
    rename: Mapping[str, str] | None = None,
) -> list[Example]:
    """Read rows and tell their inputs from their labels; their order is kept.

    Without an id a row gets the first 12 digits of its digest; equal rows that would
    share it are numbered. Cells of a CSV file stay text. NaN in a DataFrame is None.

    Args:
        source: Mappings, Examples, a DataFrame, a Hugging Face dataset, the path of a
            .jsonl, .csv, .parquet or .xlsx file ("rows.xlsx#Sheet1" names a sheet), or
            that of a folder of images.
        inputs: Names of the program's inputs; a row's other fields are its labels.
        optional: Names of inputs that a row may leave out.
        wants_labels: Whether a row without any label is an error.
        rename: What fields of the source are called here, by their names there.

    Raises:
        DataError: The source cannot be read, or a row does not fit; the message names
            the file and the line.
        ConfigError: What reads such a file is not installed.

    >>> read_rows([{"id": 7, "question": "2 + 2?", "answer": "4"}], ["question"])
    [Example('7', {'question': '2 + 2?'}, {'answer': '4'})]
    >>> read_rows([{"q": "2 + 2?", "idx": 7}], ["question"], rename={"q": "question"})
    [Example('591b88cfd8cd', {'question': '2 + 2?'}, {'idx': 7})]
    """
    if isinstance(inputs, str):
        raise DataError(
            f"inputs is the text {inputs!r}", hint=f"Write inputs=[{inputs!r}]"
        )
    reader = _Reader(tuple(inputs), tuple(optional), wants_labels, _names(rename))
    made = _named({at: reader.example(row, at) for at, row in located(source)})
    reader.require_met()
    return made


def iter_rows(
    source: Source,
    inputs: Sequence[str],
    *,
    optional: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
) -> Iterator[Example]:
    """As `read_rows`, one row at a time: for more rows than memory holds.

    Ids are not checked against each other; a row without one gets its number.

    Raises:
        DataError: The next row cannot be read, or does not fit.
    """
    names = _names(rename)
    reader = _Reader(tuple(inputs), tuple(optional), wants_labels=False, rename=names)
    for number, (where, row) in enumerate(located(source)):
        example = reader.example(row, where)
        yield example if example.id else named(example, str(number))
    reader.require_met()


@dataclass(frozen=True)
class _Reader:
    """Makes examples of rows; `where` is a row's place, for messages."""

    inputs: tuple[str, ...]
    optional: tuple[str, ...]
    wants_labels: bool
    rename: Mapping[str, str]
    met: set[str] = field(default_factory=set[str])

    def require_met(self) -> None:
        """Refuse a new name for a field that no row has."""
        for name in self.rename:
            if name not in self.met:
                raise DataError(
                    f"rename: no row has a field {name!r}",
                    hint=f"Write the name there first: rename={{{name!r}: ...}}",
                )

    def example(self, row: object, where: str) -> Example:
        example = row if isinstance(row, Example) else self._read(row, where)
        self._check(example, where)
        try:
            _ = example.digest
        except DataError as error:
            raise DataError(f"{where}: {error.message}") from None
        return example

    def _read(self, row: object, where: str) -> Example:
        if not isinstance(row, Mapping):
            raise DataError(
                f"{where}: a row is a mapping, and this is of type {_kind(row)}",
                hint=self._as_mapping(row),
            )
        cells: dict[str, Any] = {}
        for key, value in cast(Mapping[object, Any], row).items():
            if not isinstance(key, str):
                raise DataError(
                    f"{where}: the name {key!r} is no text",
                    hint="Name each field in words",
                )
            new = self.rename.get(key, key)
            # A name is free again where the field that has it gets another.
            if new in cells or (new in row and self.rename.get(new, new) == new != key):
                raise DataError(
                    f"{where}: rename gives two fields the name {new!r}",
                    hint="Give each a name of its own",
                )
            cells[new] = value
            self.met.add(key)
        names = {*self.inputs, *self.optional}
        if names.isdisjoint(("inputs", "outputs")) and _is_nested(cells):
            inputs, labels, rest = cells.pop("inputs"), cells.pop("outputs"), cells
        else:
            rest = {key: cells.pop(key) for key in _RESERVED - names if key in cells}
            inputs = {key: cells.pop(key) for key in list(cells) if key in names}
            labels = cells
        return Example(_id(rest.pop("id", None), where), inputs, labels, _meta(rest))

    def _as_mapping(self, row: object) -> str:
        """How to make a mapping of another kind of row."""
        for attribute, form in _FORMS.items():
            if hasattr(row, attribute) and not isinstance(row, type):
                return f"Give [{form} for row in rows]"
        sample = {**dict.fromkeys(self.inputs, "..."), "answer": "..."}
        return f"Write for example {strictjson.dumps(sample)}"

    def _check(self, example: Example, where: str) -> None:
        given = example.inputs
        for name in self.inputs:
            if name not in given and name not in self.optional:
                keys = [*given, *example.labels]
                raise DataError(
                    f"{where}: the input {name!r} is missing",
                    hint=_rename(name, keys),
                )
        known = dict.fromkeys((*self.inputs, *self.optional))
        for name in given:
            if name not in known:
                raise DataError(
                    f"{where}: {name!r} is no input of the program",
                    hint=did_you_mean(name, known),
                )
        if self.wants_labels and not example.labels:
            raise DataError(
                f"{where}: the row holds inputs and no label",
                hint='Add what the program should answer, such as "answer": "..."',
            )


def _names(rename: Mapping[str, str] | None) -> Mapping[str, str]:
    """What fields are called here, by their names there.

    Raises:
        DataError: They are no names.
    """
    held: Any = {} if rename is None else rename
    texts: list[Any] = [*held, *held.values()] if is_mapping(held) else [None]
    if all(isinstance(text, str) and text for text in texts):
        return cast("Mapping[str, str]", held)
    raise DataError(
        f"rename={rename!r} is no mapping of names",
        hint='Write rename={"text": "message"}: the name there, and the one here',
    )


def _rename(name: str, keys: Sequence[str]) -> str:
    """The remedy for a row that lacks an input: the key that is meant, or all keys."""
    near = difflib.get_close_matches(name, keys, n=1, cutoff=_MISSPELT)
    if near:
        return f"Rename the key {near[0]!r} of the row to {name!r}"
    if not keys:
        return "The row is empty"
    held = ", ".join(map(repr, keys))
    return f"The row has {held}: rename the key that is meant to {name!r}"


def _is_nested(cells: Mapping[str, Any]) -> bool:
    return all(isinstance(cells.get(key), Mapping) for key in ("inputs", "outputs"))


def _id(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(
            f"{where}: the id {value!r} is neither text nor a number",
            hint="Give each row an id of its own, or none",
        )
    if isinstance(value, str) and not strictjson.is_text(value):
        raise DataError(f"{where}: the id {value!r} holds a lone surrogate")
    return str(value).strip()


def _meta(rest: Mapping[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in rest.items() if value is not None}
    if isinstance(meta.get("meta"), Mapping):
        meta = {**meta.pop("meta"), **meta}
    return meta


def _named(drafts: Mapping[str, Example]) -> list[Example]:
    taken: dict[str, str] = {}
    for where, row in drafts.items():
        if row.id and taken.setdefault(row.id, where) != where:
            raise DataError(
                f"{where}: the id {row.id!r} is taken by {taken[row.id]}",
                hint="Give each row an id of its own, or none",
            )
    rows = list[Example]()
    seen = Counter[str]()
    for row in drafts.values():
        name = row.id
        while not name:
            stem = row.digest[:_ID_DIGITS]
            seen[stem] += 1
            free = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
            name = "" if free in taken else free
        rows.append(row if row.id else named(row, name))
    return rows


def _kind(value: object) -> str:
    return type(value).__name__
