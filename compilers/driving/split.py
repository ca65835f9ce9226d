"""Which rows are for learning, which for choosing, and which are sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...pipeline.data.rows import Example, split_rows
from ...pipeline.graph.program import Program
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ..search.task import Split

_SEALED = 0.3
_SELECT = 0.3
_SEALED_OF_VAL = 0.25


def split_for(
    train: Sequence[Example],
    val: Sequence[Example] | None,
    seed: int,
    *,
    raced: bool,
) -> Split:
    """Split rows by content hash, balanced over their labels.

    Rows of the same inputs land in one part, so that no sealed row was ever learnt
    from; a row given twice counts once to choose by, and sealed: its copies are
    answered alike.
    """
    if val is None:
        wanted = (1 - _SEALED - _SELECT, _SELECT, _SEALED)
        if not raced:
            wanted = (1 - _SEALED, 0.0, _SEALED)
        learn, select, sealed = split_rows(train, wanted, seed)
        return Split(tuple(learn), _once(select), _once(sealed))
    known = {row.asked for row in train}
    own = [row for row in val if row.asked not in known]
    learn, cut = split_rows(train, (1 - _SEALED_OF_VAL, _SEALED_OF_VAL), seed)
    select, sealed = split_rows(own, (1 - _SEALED_OF_VAL, _SEALED_OF_VAL), seed)
    return Split(tuple(learn), _once(select), _once([*cut, *sealed]))


def _once(rows: Sequence[Example]) -> tuple[Example, ...]:
    return tuple({row.digest: row for row in rows}.values())


def without_learnt(split: Split, program: Program[..., Any], seed: int) -> Split:
    """A split in which rows that a program already shows as demos may only teach.

    Such a row is told by its id, or by its inputs; it is the easiest of all rows for
    this program, and says nothing about new ones. Where that leaves none to choose by,
    half of the sealed rows choose.
    """
    demos = [d for m in program.modules.values() for d in m.parameters.demos]
    sources = {demo.source for demo in demos} - {""}
    shown = {_content(demo.values, program.inputs.inputs) for demo in demos}
    rows = (*split.select, *split.sealed)
    learnt = {
        row.digest
        for row in rows
        if row.id in sources or _content(row.inputs, row.inputs) in shown
    }
    if not learnt:
        return split
    moved = tuple(row for row in rows if row.digest in learnt)
    select = [row for row in split.select if row.digest not in learnt]
    sealed = [row for row in split.sealed if row.digest not in learnt]
    if split.select and not select:
        select, sealed = split_rows(sealed, (0.5, 0.5), seed)
    return Split((*split.train, *moved), tuple(select), tuple(sealed))


def _content(values: Mapping[str, Any], names: Iterable[str]) -> str:
    known = {name: values[name] for name in names if name in values}
    return strictjson.canonical(plain(known))
