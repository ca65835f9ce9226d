"""Cutting rows into parts, by what they hold and not by where they stand.

Each row's place is the hash of the seed and its content. Within a label, rows are
lined up by that hash and cut at the fractions, so each part gets its share of every
label. One more row shifts each cut by at most one place: the others stay where they
were. Rows of the same inputs always land in one part, whatever else stands in them, so
that nothing that was trained on is measured on.

A label's cut falls between two rows as a rule; which of them gets the odd row is
decided by a hash of the label, not by rounding to the nearest. Otherwise a hundred
labels of three rows each would all favour the same part.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from ..errors import DataError, did_you_mean
from ..ground import strictjson
from ..ground.plain import plain
from .example import Example


def split_rows(
    rows: Sequence[Example],
    fractions: Sequence[float],
    seed: int,
    label: str | None = None,
) -> list[list[Example]]:
    """Cut rows into parts; every row lands in exactly one.

    Labels with fewer rows than there are parts, such as free texts, are cut together.
    No part whose fraction is above 0 stays empty while there are enough different rows;
    where there are not, the first parts get one each. Within a part rows stand in hash
    order.

    Args:
        rows: In any order: the result is the same.
        fractions: The share of each part; they add up to 1.
        seed: Another seed gives another split.
        label: The label to stratify by; None takes all labels of a row together.

    Raises:
        DataError: The fractions do not add up to 1, or no row has that label.

    >>> rows = [Example(str(i), {"n": i}) for i in range(10)]
    >>> [len(part) for part in split_rows(rows, [0.6, 0.4], seed=0)]
    [6, 4]
    """
    _check(rows, fractions, label)
    asked: dict[str, list[Example]] = {}
    for row in rows:
        asked.setdefault(row.asked, []).append(row)
    contents = {min(row.digest for row in held): held for held in asked.values()}
    place = {digest: _hash(seed, digest) for digest in contents}
    line = sorted(contents, key=place.__getitem__)
    open_parts = [at for at, share in enumerate(fractions) if share > 0]
    parts: list[list[str]] = [[] for _ in fractions]
    if len(line) < len(open_parts):
        for at, digest in zip(open_parts, line, strict=False):
            parts[at].append(digest)
    else:
        first = {d: min(contents[d], key=lambda row: row.digest) for d in line}
        strata = _strata(first, label, len(fractions))
        for name, stratum in strata.items():
            _cut(stratum, fractions, _unit(_hash(seed, name)), parts)
        _fill_empty(parts, open_parts, place)
    return [
        [
            row
            for digest in sorted(part, key=place.__getitem__)
            for row in sorted(contents[digest], key=lambda row: (row.id, row.digest))
        ]
        for part in parts
    ]


def _check(
    rows: Sequence[Example], fractions: Sequence[float], label: str | None
) -> None:
    good = all(share >= 0 for share in fractions)
    if not good or not math.isclose(math.fsum(fractions), 1.0, abs_tol=1e-9):
        raise DataError(
            f"the fractions {list(fractions)} do not cut a whole",
            hint="Give shares that add up to 1, such as [0.6, 0.2, 0.2]",
        )
    if label is not None and rows and all(label not in row.labels for row in rows):
        known = dict.fromkeys(name for row in rows for name in row.labels)
        raise DataError(
            f"no row has the label {label!r}", hint=did_you_mean(label, known)
        )


def _strata(
    contents: Mapping[str, Example], label: str | None, parts: int
) -> dict[str, list[str]]:
    strata: dict[str, list[str]] = {}
    for digest, row in contents.items():
        value = row.labels if label is None else row.labels.get(label)
        name = strictjson.canonical(plain(value))
        strata.setdefault(name, []).append(digest)
    large = {name: held for name, held in strata.items() if len(held) >= parts}
    # `contents` stands in hash order; so must every stratum.
    kept = {digest for held in large.values() for digest in held}
    rest = [digest for digest in contents if digest not in kept]
    return {**large, "": rest} if rest else large


def _cut(
    line: Sequence[str],
    fractions: Sequence[float],
    offset: float,
    parts: list[list[str]],
) -> None:
    open_parts = [at for at, share in enumerate(fractions) if share > 0]
    start = 0
    for at in open_parts:
        # 1e-9: 0.29 of 100 rows is 29 of them, whatever the floating point says.
        reach = math.fsum(fractions[: at + 1]) * len(line) + offset + 1e-9
        last = at == open_parts[-1]
        stop = len(line) if last else min(math.floor(reach), len(line))
        parts[at].extend(line[start:stop])
        start = stop


def _fill_empty(
    parts: list[list[str]], open_parts: Sequence[int], place: Mapping[str, str]
) -> None:
    for at in open_parts:
        if not parts[at]:
            donor = max(parts, key=len)
            moved = min(donor, key=place.__getitem__)
            donor.remove(moved)
            parts[at].append(moved)


def _hash(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}:{text}".encode()).hexdigest()


def _unit(digest: str) -> float:
    """The first 52 bits of a digest as a number in [0, 1)."""
    return int(digest[:13], 16) / 16**13
