"""Main effects: what each choice does by itself, over all that were tried."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground import strictjson
from ..pipeline.ground.shapes import is_dict
from .propose.edits import cell_name
from .report import Report
from .search.credit import Credit
from .tried import Tried


@dataclass(frozen=True)
class Effect:
    """What one choice of one part did.

    Args:
        part: The part's name, or the parameter's key such as "qa/model".
        choice: Its text; empty where the part is left out.
        effect: Mean gain over the seed of the candidates with this choice, less that of
            those with another one, in [-1, 1]. Each is paired with the seed on the rows
            it was seen on, and weighs as many as these are. Of a parameter: the change
            against the program as it was, by contrast on the same rows.
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
    """What each choice did in a compile, the best one first.

    Of `PartsGrid` these are its parts. Of any other compile they are the choices that
    its candidates made of models, forms and descriptions; see `Choose`.

    Battle and Gollapudi 2024, arXiv 2402.10949, found no part that helps every model;
    so these are figures of one model, and of the rows that candidates were chosen by:
    they say where to look, not what to claim.

    Args:
        report: Of a compile with `PartsGrid`, or one that chose something.

    Raises:
        ConfigError: Nothing was chosen in it.
    """
    if report.credit:
        chosen = [_effect(*key, credit) for key, credit in report.credit.items()]
        return sorted(chosen, key=lambda effect: -effect.effect)
    given = report.compiler.get("parts")
    if report.compiler["name"] != "PartsGrid" or not isinstance(given, Mapping):
        raise ConfigError(
            f"a report of {report.compiler['name']} has no parts to tell apart",
            hint="Give the report of a compile with PartsGrid() or Choose()",
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


def _effect(slot: str, choice: str, credit: Credit) -> Effect:
    """A choice of a parameter; of a model its name, whatever options go with it."""
    held: object = strictjson.loads(choice)
    named = held.get(slot) if is_dict(held) else held
    said = named if isinstance(named, str) else strictjson.canonical(held)
    return Effect(slot, said, credit.score, credit.candidates, credit.rows)


def _rows(lines: Sequence[Tried]) -> int:
    return sum(line.rows for line in lines if line.gain is not None)


def _gain(lines: Sequence[Tried]) -> float:
    return sum((line.gain or 0.0) * line.rows for line in lines) / _rows(lines)
