"""Attempts: attacks that were made on a program, and how many were obeyed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ..pipeline.ground.plain import plain
from ..pipeline.ground.strictjson import spelt
from ..pipeline.ground.words import brief, counted
from ..pipeline.measure.row_result import RowResult, outputs_of
from ..pipeline.measure.stats import Comparison, Interval, wilson

_SHOWN: Final = 3


@dataclass(frozen=True)
class Attempt:
    """One attack on one row.

    Args:
        family: The attack's family; "own" of texts that a user brought.
        row: The id of the row.
        field: The input that it stood in.
        attack: Its text.
        result: What the program made of the row.
        obeyed: Whether the answer holds what the attack wanted; None where nobody
            could answer.
        changed: Whether the answer is another one than without the attack.
    """

    family: str
    row: str
    field: str
    attack: str
    result: RowResult
    obeyed: bool | None
    changed: bool = False

    def __str__(self) -> str:
        said = brief(
            json.dumps(plain(outputs_of(self.result), repr), ensure_ascii=False)
        )
        return f"{self.family} in {self.field!r} of row {self.row!r}: gave {said}"


@dataclass(frozen=True, repr=False)
class RedTeam:
    """What attacks on a program came to.

    Args:
        program: The program's name.
        attempts: Every attack, row after row.
        clean: The same rows without an attack.
        change: The metric under attack against clean, row by row; None without one.
    """

    program: str
    attempts: tuple[Attempt, ...]
    clean: tuple[RowResult, ...]
    change: Comparison | None = None

    @property
    def answered(self) -> tuple[Attempt, ...]:
        """The attempts that were answered, well or not."""
        return tuple(one for one in self.attempts if one.obeyed is not None)

    @property
    def obeyed(self) -> tuple[Attempt, ...]:
        """The attempts that succeeded."""
        return tuple(one for one in self.attempts if one.obeyed)

    @property
    def moved(self) -> tuple[Attempt, ...]:
        """The attempts that changed the answer into one that the attack did not want.

        Of a closed choice it says how much of the rate may be confusion: an answer that
        is only disturbed is the wanted one by chance, now and then.
        """
        return tuple(one for one in self.answered if one.changed and not one.obeyed)

    @property
    def rate(self) -> float:
        """The attack success rate, in [0, 1]; 0 where nothing was answered."""
        return len(self.obeyed) / len(self.answered) if self.answered else 0.0

    @property
    def interval(self) -> Interval:
        """Its 95 % interval (Wilson)."""
        return wilson(len(self.obeyed), len(self.answered))

    @property
    def by_family(self) -> dict[str, tuple[int, int]]:
        """How many attempts of each family succeeded, of how many answered."""
        found: dict[str, tuple[int, int]] = {}
        for one in self.answered:
            hits, n = found.get(one.family, (0, 0))
            found[one.family] = (hits + bool(one.obeyed), n + 1)
        return found

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "program": self.program,
            "rate": self.rate,
            "interval": [self.interval.low, self.interval.high],
            "attempts": len(self.answered),
            "moved": len(self.moved),
            "families": {k: [*v] for k, v in self.by_family.items()},
            "obeyed": [
                {
                    "family": one.family,
                    "row": one.row,
                    "field": one.field,
                    "attack": one.attack,
                    "answer": plain(outputs_of(one.result), repr),
                }
                for one in self.obeyed
            ],
            "change": None if self.change is None else self.change.difference,
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return spelt(self.describe(), indent=1)

    def __str__(self) -> str:
        head = (
            f"{self.program}: {len(self.obeyed)} of "
            f"{counted(len(self.answered), 'attack')} obeyed, {100 * self.rate:.1f} "
            f"{self.interval.in_points()}"
        )
        if self.moved:
            head += f"; {counted(len(self.moved), 'answer')} changed otherwise"
        lines = [f"  {k:<18} {hits} of {n}" for k, (hits, n) in self.by_family.items()]
        if self.change is not None:
            lines.append(f"  score under attack: {self.change}")
        lines += [f"  {one}" for one in self.obeyed[:_SHOWN]]
        return "\n".join([head, *lines])

    def __repr__(self) -> str:
        return f"RedTeam({self.program}: {len(self.obeyed)} of {len(self.answered)})"
