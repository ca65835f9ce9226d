"""Main effects: what each part of a prompt does by itself, over all that were tried."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..pipeline.errors import ConfigError
from .propose.edits import cell_name
from .report import Report
from .tried import Tried


@dataclass(frozen=True)
class Effect:
    """What one choice of one part did, for the model that was asked.

    Args:
        part: The part's name.
        choice: Its text; empty where the part is left out.
        effect: Mean gain over the seed of the candidates with this choice, less that of
            those with another one, in [-1, 1]. Each is paired with the seed on the rows
            it was seen on, and weighs as many as these are.
        candidates: How many candidates made the choice.
        rows: On how many rows they were seen, all together.
    """

    part: str
    choice: str
    effect: float
    candidates: int
    rows: int

    def __str__(self) -> str:
        seen = f"{self.candidates} candidates, {self.rows} rows"
        return f"{self.part}={self.choice!r}: {100 * self.effect:+.1f} points ({seen})"


def main_effects(report: Report) -> list[Effect]:
    """What each part did in a compile with `PartsGrid`, the best choice first.

    Battle and Gollapudi 2024, arXiv 2402.10949, found no part that helps every model;
    so these are figures of one model, and of the rows that candidates were chosen by:
    they say where to look, not what to claim.

    Args:
        report: Of a compile whose compiler was `PartsGrid`.

    Raises:
        ConfigError: It was another one.
    """
    given = report.compiler.get("parts")
    if report.compiler["name"] != "PartsGrid" or not isinstance(given, Mapping):
        raise ConfigError(
            f"a report of {report.compiler['name']} has no parts to tell apart",
            hint="Give the report of a compile with weft.compilers.PartsGrid()",
        )
    parts = cast("Mapping[str, Sequence[str]]", given)
    cells = {cell_name(parts, c): c for c in itertools.product(*parts.values())}
    seen = [(cells[t.origin], t) for t in report.tried if t.origin in cells]
    found: list[Effect] = []
    for at, (part, choices) in enumerate(parts.items()):
        for choice in choices:
            made = [t for cell, t in seen if cell[at] == choice]
            others = [t for cell, t in seen if cell[at] != choice]
            if _rows(made) and _rows(others):
                gain = _gain(made) - _gain(others)
                found.append(Effect(part, choice, gain, len(made), _rows(made)))
    return sorted(found, key=lambda effect: -effect.effect)


def _rows(lines: Sequence[Tried]) -> int:
    return sum(line.rows for line in lines if line.gain is not None)


def _gain(lines: Sequence[Tried]) -> float:
    return sum((line.gain or 0.0) * line.rows for line in lines) / _rows(lines)
