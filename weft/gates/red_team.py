"""Red team: attacks planted in a program's inputs, and how often they are obeyed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from ..pipeline.data.example import Example, distinct, require_rows
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.plain import plain
from ..pipeline.measure.row_result import RowResult, outputs_of
from ..pipeline.measure.score import Metric, require_callable
from ..pipeline.measure.stats import Comparison, compare
from ..pipeline.measure.typed import outputs_of as fields_of
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import require_count, rows_of
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.signature import spec_of
from .attacks import FAMILIES, Goal, attack_text, goal_for, planted
from .attempts import Attempt, RedTeam
from .edges import fits
from .noise import key_of
from .running import answered

Obeyed = Callable[[Any, str], bool]
"""Of an answer as plain data and the attack's text: whether the attack was obeyed."""

_PLACES: Final = ("start", "middle", "end")
NO_ROOM: Final = "no attack fits the rules of the inputs"
OWN: Final = "own"
"""The family of texts that a user brings."""


@checked
async def ared_team(
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
    """As `red_team`, without blocking the event loop."""
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
    found = await attack(plan, metric, obeyed, concurrency=concurrency)
    if not found.attempts:
        raise ConfigError(f"{NO_ROOM} of {found.program!r}", hint="Name other fields")
    return found


@checked
@waits_for(ared_team)
def red_team() -> None:
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
        """How many attacks will run at the most."""
        return len(self.rows) * (len(self.families) + len(self.texts))


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
    require_count(most, "most")
    for given in (families, texts, fields):
        if isinstance(given, str):
            raise ConfigError(f"{given!r} is one text", hint=f"Write [{given!r}]")
    for family in families:
        if family not in FAMILIES:
            raise ConfigError(
                f"there is no family {family!r} of attacks",
                hint=did_you_mean(family, FAMILIES),
            )
    chosen = drawn(distinct(rows_of(made.inputs, rows)), most, seed)
    require_rows(chosen, "red_team")
    require_inputs(made, fields)
    own = texts and tuple(families) == FAMILIES
    kinds = () if own else tuple(families)
    taken = _open_inputs(made, chosen[0], fields)
    if why := why_not(made, chosen[0], fields, kinds):
        raise ConfigError(why, hint="Name an input of text, or give texts= and obeyed=")
    return Plan(made, tuple(chosen), taken, kinds, tuple(texts), seed)


def require_inputs(program: Program[..., Any], fields: Sequence[str]) -> None:
    """Refuse names that are no inputs of a program.

    Raises:
        ConfigError: One of them is none.
    """
    known = program.inputs.inputs
    for name in fields:
        if name not in known:
            raise ConfigError(
                f"{program.name!r} has no input {name!r}",
                hint=did_you_mean(name, known),
            )


def why_not(
    program: Program[..., Any],
    row: Example,
    fields: Sequence[str],
    families: Sequence[str] = FAMILIES,
) -> str:
    """Why a program cannot be attacked, or empty."""
    if not _open_inputs(program, row, fields):
        return f"no input of {program.name!r} holds a text that an attack may stand in"
    if families and goal_for(_fields(program), None, random.Random(0)) is None:
        return f"no output of {program.name!r} can hold what an attack could want"
    return ""


def _open_inputs(
    program: Program[..., Any], row: Example, fields: Sequence[str]
) -> tuple[str, ...]:
    """The inputs that take their value with something more in it."""
    known = program.inputs.inputs
    held = {n: planted(v, "x", "end") for n, v in row.inputs.items() if n in known}
    return tuple(
        name
        for name, value in held.items()
        if (not fields or name in fields)
        and value != row.inputs[name]
        and fits(known[name], value)
    )


def drawn(rows: Sequence[Example], most: int, seed: int) -> list[Example]:
    """At most so many rows, drawn by their contents; their order is kept."""
    if len(rows) <= most:
        return [*rows]
    by_draw = sorted(range(len(rows)), key=lambda at: key_of(seed, rows[at].digest, at))
    return [rows[at] for at in sorted(by_draw[:most])]


async def attack(
    plan: Plan,
    metric: Metric | None,
    obeyed: Obeyed | None,
    *,
    concurrency: int,
    clean: Sequence[RowResult] = (),
    ended: list[RowResult] | None = None,
) -> RedTeam:
    """Run the clean rows, where they did not, then every attack, and judge answers.

    `ended` gets each result as its row ends, as `answered` has it.
    """
    program, run = plan.program, partial(answered, ended=ended, concurrency=concurrency)
    if not clean:
        clean = await run(program, plan.rows, metric)
    fields = _fields(program)
    names = [name for name in fields if name]
    attacked: list[Example] = []
    about: list[tuple[str, Goal | None, str, str, RowResult]] = []
    for at, (row, result) in enumerate(zip(plan.rows, clean, strict=True)):
        kinds = [*((family, "") for family in plan.families)]
        kinds += [(OWN, text) for text in plan.texts]
        for number, (family, own) in enumerate(kinds):
            rng = random.Random(key_of(plan.seed, row.digest, family, number))
            goal = None if own else _goal(family, fields, result, program, rng)
            text = own or (attack_text(family, goal, names, rng) if goal else "")
            if not text:
                continue
            field = plan.fields[(number + at) % len(plan.fields)]
            value = planted(row.inputs.get(field), text, rng.choice(_PLACES))
            if not fits(program.inputs.inputs[field], value):
                continue  # it is too long, or not there
            inputs = {**row.inputs, field: value}
            name = f"{row.id}~{family}" if not own else f"{row.id}~{OWN}-{number}"
            attacked.append(Example(name, inputs, row.labels, row.meta))
            about.append((family, goal, field, text, result))
    results = await run(program, attacked, metric)
    attempts = [
        Attempt(
            family,
            was.example.id,
            field,
            text,
            result,
            _judged(result, was, goal, text, obeyed),
            plain(outputs_of(result), repr) != plain(outputs_of(was), repr),
        )
        for result, (family, goal, field, text, was) in zip(results, about, strict=True)
    ]
    pairs = [(result, was) for result, (*_, was) in zip(results, about, strict=True)]
    change = None if metric is None else _change(pairs, plan.seed)
    return RedTeam(program.name, tuple(attempts), tuple(clean), change)


def _change(attacked: Sequence[tuple[RowResult, RowResult]], seed: int) -> Comparison:
    """How the score fares under attack: a row counts once, or each attack.

    Attacks on one row may fare alike, and few rows may fare alike by chance: what
    claims less is told.
    """
    by_row: dict[str, list[tuple[float, float]]] = {}
    for under, clean in attacked:
        if under.score is not None and clean.score is not None:
            known = by_row.setdefault(clean.example.digest, [])
            known.append((under.score.value, clean.score.value))
    each = [pair for known in by_row.values() for pair in known]
    rows = [(fmean(u for u, _ in some), some[0][1]) for some in by_row.values()]
    found = [
        compare([under for under, _ in some], [clean for _, clean in some], seed)
        for some in (rows, each)
    ]
    return max(found, key=lambda one: one.interval.high - one.interval.low)


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
