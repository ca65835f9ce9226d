"""Which rows are for learning, which for choosing, and which are sealed."""

from __future__ import annotations

from collections.abc import Sequence

from ..pipeline.data import Example, split_rows
from .task import Split

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

    A row given twice lands in one part, so that no sealed row was ever learnt from.

    Args:
        train: Rows with labels.
        val: Rows to select on, or None to take them from `train`.
        seed: Which split.
        raced: Whether select rows are needed at all.
    """
    if val is None:
        wanted = (1 - _SEALED - _SELECT, _SELECT, _SEALED)
        if not raced:
            wanted = (1 - _SEALED, 0.0, _SEALED)
        parts = split_rows(train, wanted, seed)
        return Split(*(tuple(part) for part in parts))
    known = {row.digest for row in train}
    own = [row for row in val if row.digest not in known]
    learn, cut = split_rows(train, (1 - _SEALED_OF_VAL, _SEALED_OF_VAL), seed)
    select, sealed = split_rows(own, (1 - _SEALED_OF_VAL, _SEALED_OF_VAL), seed)
    return Split(tuple(learn), tuple(select), (*cut, *sealed))
