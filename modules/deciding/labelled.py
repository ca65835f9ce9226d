"""Rows with labels, for what is fitted to them: which choice each one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from ...pipeline.data.example import Example
from ...pipeline.errors import ConfigError
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.reading.cells import read_cell
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.signature.field import FieldSpec
from .classify import Classify

Rows: TypeAlias = Iterable[Mapping[str, Any] | Example]


class Labelled(NamedTuple):
    """Rows of what is decided.

    Args:
        output: The output that is decided.
        labels: What each row's choice is called, in their order.
        inputs: Their inputs by name, in their order.
    """

    output: str
    labels: list[str]
    inputs: list[dict[str, Any]]


def rows_of(rows: object, who: str) -> list[dict[str, Any]]:
    """Rows as dicts, those that `weft.read_rows` gave too.

    Raises:
        ConfigError: There are none, or one is no mapping.
    """
    if isinstance(rows, str | Path):
        raise ConfigError(
            f"{who} takes rows, and {str(rows)!r:.200} is a path",
            hint='Read it: weft.read_rows(path, ["text"])',
        )
    listed = not is_mapping(rows) and isinstance(rows, Iterable)
    held: list[Any] = [*cast("Iterable[Any]", rows)] if listed else []
    made = [_row_of(row) for row in held]
    wrong = next((one for one, row in zip(held, made, strict=True) if row is None), "")
    if not held or wrong != "":
        what = f"{wrong!r:.200} is none" if held else "there are none"
        raise ConfigError(
            f"{who} takes rows, and {what}",
            hint='Give rows such as [{"text": "...", "label": "..."}]',
        )
    return [row for row in made if row is not None]


def _row_of(row: object) -> dict[str, Any] | None:
    if isinstance(row, Example):
        return {**row.labels, **row.inputs}
    return (
        {str(name): value for name, value in row.items()} if is_mapping(row) else None
    )


def labelled(
    target: Classify[..., Any], rows: object, who: str, output: str | None = None
) -> Labelled:
    """Which choice each row has, and its inputs.

    Raises:
        ConfigError: There are no rows, or one has no label that is a choice.
    """
    name = target.output(output)
    called = {
        strictjson.canonical(value): label
        for label, value in choices_in(target.part, who)[name].items()
    }
    field, held = target.spec.outputs[name], rows_of(rows, who)
    labels: list[str] = []
    for row in held:
        try:
            said = strictjson.canonical(field.dump(_value(field, row.get(name))))
        except (TypeError, ValueError):
            said = ""
        if said not in called:
            raise ConfigError(
                f"a row has {name}={row.get(name)!r:.200}, which is no choice",
                hint=f"Give rows with one of {', '.join(called.values())}",
            )
        labels.append(called[said])
    known = target.inputs.inputs
    return Labelled(
        name, labels, [{n: row[n] for n in known if n in row} for row in held]
    )


def _value(field: FieldSpec, label: object) -> Any:
    """A label as a value of its type; a cell, such as "TRUE", is read by it.

    Raises:
        TypeError: It is none.
        ValueError: It is none.
    """
    try:
        return field.check(label)
    except (TypeError, ValueError):
        return read_cell(field, label)
