"""Orders: what somebody says to a compile under way, in a file of its run folder.

`weft steer` appends one checked record a line to `orders.jsonl`; the compile reads it
before each round, and at no other time. What it takes stands in the journal from then
on, so that a replay needs this file no more.

    {"order": "hint", "id": ..., "text": ..., "module": ...}
    {"order": "pause", "id": ...}
    {"order": "branch", "id": ..., "candidate": ...}
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self

from ...pipeline.errors import ConfigError
from ...pipeline.ground import strictjson
from ...pipeline.ground.files import AppendLog, open_regular
from ...pipeline.ground.shapes import is_dict, is_list
from .records import line_of, record_of

NAME: Final = "orders.jsonl"
LONGEST_HINT: Final = 4_000
"""Characters of a hint: as many as an instruction has room for."""
_LARGEST: Final = 2**24
"""Bytes of the file that are read; a person writes some thousand times less."""
_ROOM: Final = 2**16
"""Bytes that the longest order takes, and more."""
_PATIENCE: Final = 5.0
_ID: Final = 8

Kind = Literal["hint", "pause", "branch"]
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "hint": ("text", "module"),
    "pause": (),
    "branch": ("candidate",),
}


@dataclass(frozen=True)
class Order:
    """One thing that a compile is told.

    Args:
        order: hint, pause or branch.
        id: Eight hex digits, by which it is taken once.
        text: The words of a hint.
        module: The path of the module that a hint is for; empty for all of them.
        candidate: The id of the candidate that a branch starts from.

    Raises:
        ValueError: It says too little, or what belongs to another kind.
    """

    order: Kind
    id: str = ""
    text: str = ""
    module: str = ""
    candidate: str = ""

    def __post_init__(self) -> None:
        needs = _NEEDS.get(self.order)
        if needs is None:
            raise ValueError(f"{self.order!r:.40} is no order")
        for name in ("text", "module", "candidate"):
            value: str = getattr(self, name)
            if not strictjson.is_text(value):
                raise ValueError(f"its {name} holds half a character")
            if value and name not in needs:
                raise ValueError(f"a {self.order} has no {name}")
        said = self.text.strip()
        if "text" in needs and not 0 < len(said) <= LONGEST_HINT:
            raise ValueError(f"a hint has 1 to {LONGEST_HINT:,} characters")
        if "candidate" in needs and not self.candidate:
            raise ValueError("a branch names its candidate")

    @classmethod
    def read(cls, record: object) -> Self:
        """An order from the data of a record.

        Raises:
            ValueError: It has another form.
        """
        found = record if is_dict(record) else {}
        known = {"order", "id", *_NEEDS.get(str(found.get("order")), ())}
        texts = all(isinstance(value, str) for value in found.values())
        if found.keys() != known or not texts or not found["id"]:
            raise ValueError(f"it holds {', '.join(sorted(found))[:80]!r}")
        return cls(**found)

    @property
    def record(self) -> dict[str, str]:
        """As plain data, without what its kind has not."""
        names = ("order", "id", *_NEEDS[self.order])
        return {name: value for name, value in asdict(self).items() if name in names}

    def __str__(self) -> str:
        match self.order:
            case "hint":
                where = f" for {self.module}" if self.module else ""
                return f"hint{where}: {self.text}"
            case "branch":
                return f"branch from {self.candidate}"
            case _:
                return "pause"


Taken = tuple[Order, ...]
"""The orders that were taken at one border, the first one first."""


def border_record(number: int, orders: Taken) -> dict[str, Any]:
    """What a journal says of a border: which one it is, and what was taken there."""
    return {"border": number, "orders": [order.record for order in orders]}


def orders_at(record: Mapping[str, Any], number: int | None = None) -> Taken:
    """The orders of a border, from its record in a journal.

    Args:
        record: What `border_record` made.
        number: Which border must come now, if that is asked; the first is 0.

    Raises:
        ValueError: It has another form, or a border is missing before it.
    """
    found: object = record.get("orders")
    if {*record} != {"border", "orders"} or not is_list(found):
        raise ValueError("it is no border between two rounds")
    if number is not None and record["border"] != number:
        raise ValueError(f"border {number} is missing before it")
    return tuple(map(Order.read, found))


def place(folder: Path, order: Order) -> Order:
    """Append an order to a run's file, and give it back with its id.

    It is on the disk when this returns; what a killed writer left of a line does no
    harm to it.

    Raises:
        ConfigError: The file cannot be written, or is so long that no run would read
            what is appended.
    """
    given = replace(order, id=os.urandom(_ID // 2).hex())
    try:
        with AppendLog(folder / NAME, patience=_PATIENCE) as log:
            _refuse_full(folder / NAME)
            log.append(line_of(given.record), sync=True)
    except OSError as error:
        raise ConfigError(
            f"{folder / NAME} cannot be written: {error.strerror}",
            hint="Steer a run whose folder is yours",
        ) from None
    return given


def _refuse_full(file: Path) -> None:
    """Refuse a file of which a run would not read what is appended.

    Raises:
        OSError: It is so long.
    """
    if file.stat().st_size > _LARGEST - _ROOM:
        said = f"a run reads {_LARGEST:,} bytes of it, and they are taken"
        raise OSError(errno.EFBIG, said)


def orders_in(folder: Path) -> list[Order]:
    """The orders of a run's file, in the order in which they were written.

    A line that is torn, damaged or no order is passed over: the rest still counts. A
    file that cannot be read holds none.
    """
    found: list[Order] = []
    try:
        with open_regular(folder / NAME) as file:
            whole, newline, _ = file.read(_LARGEST).rpartition(b"\n")
    except OSError:
        return found
    for line in whole.split(b"\n") if newline else ():
        try:
            found.append(Order.read(record_of(line)))
        except ValueError:
            continue
    return found
