"""Main effects: what each choice does by itself, over all that were tried."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground import strictjson
from ..pipeline.ground.shapes import is_dict, is_sequence
from ..pipeline.ground.words import brief, counted
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
        seen = f"{counted(self.candidates, 'candidate')}, {counted(self.rows, 'row')}"
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


@dataclass(frozen=True)
class HandPrompt:
    """One prompt that somebody wrote, as it did.

    Args:
        number: 0 is the program as it was, then as they were given.
        text: Its words, or what is known of it.
        score: Mean in [0, 1] on the select rows.
        rows: How many rows it was seen on.
    """

    number: int
    text: str
    score: float
    rows: int

    def __str__(self) -> str:
        said = brief(" ".join(self.text.split()), 60)
        return f"{self.number:3} {100 * self.score:6.1f}  {said}"


@dataclass(frozen=True)
class Spread:
    """How far prompts that people wrote lie apart, on the same rows.

    Args:
        prompts: Every one of them, the best first.
        lowest: The least of their scores, in [0, 1]; the program as it was is not among
            them.
        median: The middle one.
        highest: The greatest; it was chosen by these rows, which flatter it.
    """

    prompts: tuple[HandPrompt, ...]
    lowest: float
    median: float
    highest: float

    def __str__(self) -> str:
        low, mid, high = (100 * x for x in (self.lowest, self.median, self.highest))
        rows = counted(self.prompts[0].rows, "row")
        head = f"min {low:.1f}, median {mid:.1f}, max {high:.1f} on {rows}"
        return "\n".join([head, *map(str, self.prompts)])


def spread(report: Report) -> Spread:
    """Least, median and best of what people wrote, all on the same rows.

    Args:
        report: Of a compile with `ByHand`, alone or in a `Sequence`.

    Raises:
        ConfigError: No prompt of people was raced to the end in it.
    """
    given = _by_hand(report.compiler) or {}
    known: dict[str, list[object]] = {n: list(given.get(n) or ()) for n in _GIVEN}
    texts = {
        f"given, number {n}": text if isinstance(text, str) else str(text)
        for n, text in enumerate(itertools.chain.from_iterable(known.values()), 1)
    }
    texts |= {
        f"by the technique of {name}": name for name in given.get("documents") or ()
    }
    order = {origin: n for n, origin in enumerate(("seed", *texts))}
    seen = [t for t in report.tried if t.origin in order and t.score is not None]
    most = max((t.rows for t in seen if t.origin != "seed"), default=0)
    found = [
        HandPrompt(
            order[t.origin], texts.get(t.origin, "as it was"), t.score or 0.0, t.rows
        )
        for t in seen
        if t.rows == most
    ]
    scores = [prompt.score for prompt in found if prompt.number]
    if not scores:
        raise ConfigError(
            f"a report of {report.compiler['name']} has no prompts of people in it",
            hint="Give the report of a compile with ByHand(instructions=(...))",
        )
    found.sort(key=lambda prompt: (-prompt.score, prompt.number))
    return Spread(tuple(found), min(scores), median(scores), max(scores))


_GIVEN = ("instructions", "contexts", "values")


def _by_hand(compiler: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The settings of the `ByHand` in a compiler's own."""
    if compiler.get("name") == "ByHand":
        return compiler
    inner: object = compiler.get("of")
    for one in inner if is_sequence(inner) else [inner]:
        found = _by_hand(one) if is_dict(one) else None
        if found is not None:
            return found
    return None


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
