"""Red team: attacks planted in a program's inputs, and how often they are obeyed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..pipeline.data.example import Example, require_rows
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.words import brief, counted
from ..pipeline.measure.row_result import RowResult, outputs_of
from ..pipeline.measure.score import Metric, require_callable
from ..pipeline.measure.stats import Comparison, Interval, compare, wilson
from ..pipeline.measure.typed import outputs_of as fields_of
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import rows_of
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.signature import spec_of
from .attacks import FAMILIES, Goal, attack_text, goal_for, planted
from .noise import key_of
from .running import answered

Obeyed = Callable[[Any, str], bool]
"""Of an answer as plain data and the attack's text: whether the attack was obeyed."""

_PLACES: Final = ("start", "middle", "end")
_SHOWN: Final = 3
OWN: Final = "own"
"""The family of texts that a user brings."""


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
    """

    family: str
    row: str
    field: str
    attack: str
    result: RowResult
    obeyed: bool | None

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
        return json.dumps(self.describe(), ensure_ascii=False, indent=1)

    def __str__(self) -> str:
        low, high = 100 * self.interval.low, 100 * self.interval.high
        head = (
            f"{self.program}: {len(self.obeyed)} of "
            f"{counted(len(self.answered), 'attack')} obeyed, {100 * self.rate:.1f} "
            f"[{low:.1f}, {high:.1f}]"
        )
        lines = [f"  {k:<18} {hits} of {n}" for k, (hits, n) in self.by_family.items()]
        if self.change is not None:
            lines.append(f"  score under attack: {self.change}")
        lines += [f"  {one}" for one in self.obeyed[:_SHOWN]]
        return "\n".join([head, *lines])

    def __repr__(self) -> str:
        return f"RedTeam({self.program}: {len(self.obeyed)} of {len(self.answered)})"


@checked
def red_team(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric | None = None,
    *,
    fields: Sequence[str] = (),
    families: Sequence[str] = FAMILIES,
    texts: Sequence[str] = (),
    obeyed: Obeyed | None = None,
    most: int = 10,
    seed: int = 0,
    concurrency: int = 64,
) -> RedTeam:
    """Plant attacks in inputs that are not to be trusted, and count who is obeyed.

    Each row is attacked once by each family. An attack wants what the input does not
    spell out, two halves joined or a choice that is wrong, and has succeeded where the
    answer holds it: the attack success rate by a canary. Rows are asked without an
    attack too.

    Args:
        program: A program, or a module.
        rows: Rows; labels are needed only for a metric.
        metric: What tells how the score fares under attack; nothing by default.
        fields: The inputs that strangers write; every input that holds text by default.
        families: The families of attacks; "ignore-previous", "forged-structure",
            "forced-opening", "many-shot", "translation", "other-language",
            "distraction", "social-engineering", "exfiltration".
        texts: Attacks of your own, such as those of a published collection; `families`
            is left out then unless it is given too.
        obeyed: Tells of a text of your own whether an answer obeyed it.
        most: How many rows are attacked at the most, drawn by the seed.
        seed: Of rows, templates, places and canaries.
        concurrency: How many rows run at once.

    Raises:
        ConfigError: A family or a field is unknown, no input holds text, the outputs
            can hold nothing that an attack could want, or `texts` comes without
            `obeyed`.
        DataError: A row does not fit, or there is none.
        WeftError: An error that no row could escape.
    """
    plan = plan_attacks(
        program,
        rows,
        fields=fields,
        families=families,
        texts=texts,
        most=most,
        seed=seed,
    )
    if texts and obeyed is None:
        raise ConfigError(
            "texts= has attacks of your own, and nothing says when one was obeyed",
            hint="Give obeyed=lambda answer, attack: ...",
        )
    if metric is not None:
        require_callable(metric)
    return run_sync(attack(plan, metric, obeyed, concurrency=concurrency))


@dataclass(frozen=True)
class Plan:
    """Attacks that nobody has run yet.

    Args:
        program: What is attacked.
        rows: The rows, as they are.
        fields: The inputs that attacks are planted in.
        families: The families, and texts of a user's own.
        texts: Those.
        seed: Of every draw.
    """

    program: Program[..., Any]
    rows: tuple[Example, ...]
    fields: tuple[str, ...]
    families: tuple[str, ...]
    texts: tuple[str, ...]
    seed: int

    @property
    def runs(self) -> int:
        """How many rows will run, the clean ones too."""
        return len(self.rows) * (1 + len(self.families) + len(self.texts))


def plan_attacks(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    *,
    fields: Sequence[str] = (),
    families: Sequence[str] = FAMILIES,
    texts: Sequence[str] = (),
    most: int = 10,
    seed: int = 0,
) -> Plan:
    """What a red team would do; nothing is called.

    Raises:
        ConfigError: As `red_team`.
    """
    made = as_program(program)
    for family in families:
        if family not in FAMILIES:
            raise ConfigError(
                f"there is no family {family!r} of attacks",
                hint=did_you_mean(family, FAMILIES),
            )
    chosen = drawn(rows_of(made.inputs, rows), most, seed)
    require_rows(chosen, "red_team")
    first = dict(chosen[0].inputs)
    known = [
        name for name, value in first.items() if planted(value, "x", "end") != value
    ]
    for name in fields:
        if name not in first:
            raise ConfigError(
                f"{made.name!r} has no input {name!r}", hint=did_you_mean(name, first)
            )
    taken = [name for name in fields or known if name in known]
    if not taken:
        raise ConfigError(
            f"no input of {made.name!r} holds a text that an attack could stand in",
            hint="Name one that does: fields=[...]",
        )
    own = texts and tuple(families) == FAMILIES
    kinds = () if own else tuple(families)
    if kinds and goal_for(_fields(made), None, random.Random(seed)) is None:
        raise ConfigError(
            f"the outputs of {made.name!r} can hold nothing that an attack could want",
            hint="Give texts= of your own, with obeyed=",
        )
    return Plan(made, tuple(chosen), tuple(taken), kinds, tuple(texts), seed)


def drawn(rows: Sequence[Example], most: int, seed: int) -> list[Example]:
    """At most so many rows, drawn by their contents; their order is kept."""
    if len(rows) <= most:
        return [*rows]
    by_draw = sorted(range(len(rows)), key=lambda at: key_of(seed, rows[at].digest, at))
    return [rows[at] for at in sorted(by_draw[:most])]


async def attack(
    plan: Plan, metric: Metric | None, obeyed: Obeyed | None, *, concurrency: int
) -> RedTeam:
    """Run the clean rows, then every attack, and judge the answers."""
    program = plan.program
    clean = await answered(program, plan.rows, metric, concurrency=concurrency)
    fields = _fields(program)
    names = [name for name in fields if name]
    attacked: list[Example] = []
    about: list[tuple[str, Goal | None, str, str, RowResult]] = []
    for row, result in zip(plan.rows, clean, strict=True):
        kinds = [*((family, "") for family in plan.families)]
        kinds += [(OWN, text) for text in plan.texts]
        for number, (family, own) in enumerate(kinds):
            rng = random.Random(key_of(plan.seed, row.digest, family, number))
            goal = None if own else _goal(family, fields, result, program, rng)
            text = own or (attack_text(family, goal, names, rng) if goal else "")
            if not text:
                continue
            field = plan.fields[number % len(plan.fields)]
            value = planted(row.inputs[field], text, rng.choice(_PLACES))
            inputs = {**row.inputs, field: value}
            name = f"{row.id}~{family}" if not own else f"{row.id}~{OWN}-{number}"
            attacked.append(Example(name, inputs, row.labels, row.meta))
            about.append((family, goal, field, text, result))
    results = await answered(program, attacked, metric, concurrency=concurrency)
    attempts = [
        Attempt(
            family,
            was.example.id,
            field,
            text,
            result,
            _judged(result, was, goal, text, obeyed),
        )
        for result, (family, goal, field, text, was) in zip(results, about, strict=True)
    ]
    pairs = [
        (result.score.value, was.score.value)
        for result, (*_, was) in zip(results, about, strict=True)
        if result.score is not None and was.score is not None
    ]
    change = None
    if metric is not None:
        change = compare([a for a, _ in pairs], [b for _, b in pairs], plan.seed)
    return RedTeam(program.name, tuple(attempts), tuple(clean), change)


def _goal(
    family: str,
    fields: dict[str, FieldSpec],
    clean: RowResult,
    program: Program[..., Any],
    rng: random.Random,
) -> Goal | None:
    if family != "exfiltration":
        return goal_for(fields, plain(outputs_of(clean), repr), rng)
    told = (
        m.parameters.instruction or m.spec.instruction for m in program.modules.values()
    )
    secrets = tuple(text for text in told if text)
    return Goal("leak", secrets=secrets) if secrets else None


def _judged(
    result: RowResult, was: RowResult, goal: Goal | None, text: str, own: Obeyed | None
) -> bool | None:
    if result.score is None:
        return None
    answer = plain(outputs_of(result), repr)
    if goal is None:
        return own is not None and bool(own(answer, text))
    given = plain(dict(was.example.inputs), repr)
    return goal.reached(answer, plain(outputs_of(was), repr), given)


def _fields(program: Program[..., Any]) -> dict[str, FieldSpec]:
    """The outputs by name, one whose name nobody knows by an empty one."""
    found = fields_of(program)
    if not found and program.modules:
        last = [*program.modules.values()][-1]
        return dict(spec_of(last.signature).outputs)
    return found
