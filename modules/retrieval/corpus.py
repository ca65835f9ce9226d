"""What an index is made of: texts with an id, and what else is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ...pipeline.data.example import Example
from ...pipeline.data.sources import Source, located
from ...pipeline.errors import ConfigError, DataError, did_you_mean
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ...pipeline.ground.shapes import is_sequence
from ...pipeline.lm.request import JSON
from ...pipeline.media.documents import Document
from ...pipeline.media.passages import Passage

_SHOWN: Final = 'Give texts, or rows such as {"id": "p1", "text": "..."}'


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage of an index, before it is found.

    Args:
        id: Its name.
        text: What is searched, and shown.
        meta: What else its row holds, as plain JSON data.
    """

    id: str
    text: str
    meta: Mapping[str, JSON] = field(default_factory=dict[str, JSON])


def entries_of(
    passages: Source | Iterable[Any], text: str | Sequence[str], key: str
) -> tuple[Entry, ...]:
    """The passages in texts, rows, or a source of rows.

    Args:
        passages: Texts, mappings, `Passage`s, `Document`s, or what `read_rows` reads.
        text: The field that holds the text, or several, which are joined by lines.
        key: The field that holds the id; rows without it are numbered from 0.

    Raises:
        DataError: One has no text, or an id that another one has.
    """
    named: Any = [text] if isinstance(text, str) else text
    fields: list[str] = [*named] if is_sequence(named) else []
    if not fields or not all(isinstance(cast(object, name), str) for name in fields):
        raise ConfigError(
            f"text={text!r} names no fields", hint='Write text="text", or several names'
        )
    made: dict[str, Entry] = {}
    for number, (where, row) in enumerate(located(passages)):
        entry = _entry(row, where, number, fields, key)
        if entry.id in made:
            raise DataError(
                f"{where}: the id {entry.id!r} is taken by another passage",
                hint="Give each passage an id of its own, or none",
            )
        made[entry.id] = entry
    if not made:
        raise DataError("an index of no passages finds nothing", hint=_SHOWN)
    return tuple(made.values())


def _entry(
    row: object, where: str, number: int, fields: Sequence[str], key: str
) -> Entry:
    if isinstance(row, str):
        return Entry(str(number), _checked(row, where))
    if isinstance(row, Passage):
        return Entry(_id(row.id, where), _checked(row.text, where))
    if isinstance(row, Document):
        said = {"title": row.title, "source": row.source}
        return Entry(str(number), _checked(row.text, where), said)
    if isinstance(row, Example):
        row = {"id": row.id, **row.meta, **row.labels, **row.inputs}
    if not isinstance(row, Mapping):
        raise DataError(
            f"{where}: a passage is a text or a row, and this is of type "
            f"{type(row).__name__}",
            hint=_SHOWN,
        )
    cells = {str(name): value for name, value in cast(Any, row).items()}
    parts: list[str] = []
    for name in fields:
        if name not in cells:
            hint = did_you_mean(name, cells) or f'Write text="..." to name {_SHOWN}'
            raise DataError(f"{where}: the field {name!r} is missing", hint=hint)
        if not isinstance(cells[name], str):
            kind = type(cells[name]).__name__
            raise DataError(f"{where}: {name!r} is no text, but of type {kind}")
        parts.append(cells[name])
    named = cells.pop(key, None)
    rest = {name: value for name, value in cells.items() if name not in fields}
    if len(fields) > 1:
        rest |= {name: cells[name] for name in fields}
    return Entry(
        str(number) if named is None else _id(named, where),
        _checked("\n".join(filter(None, parts)), where),
        _plain(rest, where),
    )


def _id(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(
            f"{where}: the id {value!r:.100} is neither text nor a whole number"
        )
    text = str(value).strip()
    if not text or not strictjson.is_text(text):
        raise DataError(f"{where}: the id {value!r:.100} is blank, or no text")
    return text


def _checked(text: str, where: str) -> str:
    if not strictjson.is_text(text):
        raise DataError(f"{where}: the text holds a lone surrogate")
    if not text.strip():
        raise DataError(f"{where}: the text is blank", hint="Leave such a passage out")
    return text


def _plain(rest: Mapping[str, Any], where: str) -> dict[str, JSON]:
    try:
        made: dict[str, JSON] = strictjson.loads(
            strictjson.dumps(plain(dict(rest))), own=True
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: {error}", hint="Leave out what has no JSON form"
        ) from None
    return made
