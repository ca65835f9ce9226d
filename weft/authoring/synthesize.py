"""Rows that a model makes up: drafts, to be read and mended by a person."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..modules.asking.predict import Predict
from ..pipeline.data.example import Example
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import BudgetExceeded, ConfigError, DataError, ModelFailure
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import write_whole
from ..pipeline.ground.options import checked, path_of
from ..pipeline.ground.text_index import TextIndex
from ..pipeline.ground.words import brief, counted
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import require_count
from ..pipeline.run.settings import current, entered
from ..pipeline.signature.building import Input, Output
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.signature import Signature
from .asking import Place, Writer, ask, asked_of, places

_AT_ONCE: Final = 10
"""Rows that one request asks for."""
_SHOWN: Final = 12
_IDLE: Final = 3
"""Requests in a row that bring nothing new, after which a label is given up."""
_ALIKE: Final = 0.85
_DIGITS: Final = 12


class MakeRows(Signature):
    """Make up realistic cases for this task, as people would really write them.

    Each differs from all that are shown in what it is about and in how it is put. Some
    are short, some are untidy. Where a label is asked for, each case plainly has it.
    """

    task: str = Input("the instruction of the task")
    fields: list[str] = Input("the fields of a case")
    label: dict[str, Any] = Input("values that each case has; may be empty")
    shown: list[dict[str, Any]] = Input("cases that are there already")
    count: int = Input("how many are wanted")
    cases: list[dict[str, Any]] = Output("the cases, each an object with every field")


make_rows = Predict(MakeRows, name="make_rows")


@dataclass(frozen=True)
class Synthesis:
    """Rows that a model made up.

    Args:
        rows: As plain data, in the order of the labels they were asked for.
        refused: How many cases were not taken, by the reason.
        short: How many rows a label lacks; empty where the balance is held.
    """

    rows: tuple[Mapping[str, Any], ...]
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    short: Mapping[str, int] = field(default_factory=dict[str, int])

    def drafts(self) -> list[dict[str, Any]]:
        """The rows as they are written: with an id, and `"edited": false`."""
        return [{"id": _id(row), **row, "edited": False} for row in self.rows]

    def write(self, path: str | Path) -> Path:
        """Write a file of drafts, JSONL, one row a line, for a person to go through.

        Raises:
            ConfigError: The file is there already: somebody may have worked in it.
            ArtifactError: It cannot be written.
        """
        place = path_of(path, "path", ConfigError)
        if place.exists():
            raise ConfigError(
                f"{place} is there already, and drafts write over nothing",
                hint="Name another file",
            )
        write_whole(place, "".join(f"{strictjson.dumps(r)}\n" for r in self.drafts()))
        return place

    def __str__(self) -> str:
        lines = [counted(len(self.rows), "row")]
        lines += [f"{n} refused: {why}" for why, n in self.refused.items()]
        lines += [f"{counted(n, 'row')} short of {v}" for v, n in self.short.items()]
        return "\n".join(lines)


@checked
async def asynthesize(
    target: Any,
    n: int,
    *,
    rows: Iterable[Any] | str | Path = (),
    lm: Writer = None,
) -> Synthesis:
    """As `synthesize`, without blocking the event loop."""
    require_count(n, "n")
    found = places(target)
    if len(found) > 1:
        raise ConfigError(
            f"rows are made up for one module, and {found[0].program.name!r} has "
            f"{len(found)}",
            hint=f"Give one: program.modules[{found[0].path!r}]",
        )
    return await _Maker(found[0], lm, _given(found[0], rows)).made(n)


@checked
@waits_for(asynthesize)
def synthesize() -> None:
    """Have a model make up rows for a module, each unlike those that are there.

    Each request shows earlier rows, so that what comes next differs. A case whose
    values are not of their fields' types is refused, and so is one that is nearly the
    same as a row that is there (by rare character trigrams). Where the first output is
    a choice, each of its values is asked for by itself, and gets as many rows as any
    other, or one less.

    A score on rows that a model made up is no score on those that people send: read
    them, mend them, and keep them apart.

    Args:
        target: A signature in any form that `Predict` takes, or a module.
        n: How many rows are wanted.
        rows: Rows that are there, such as those of training and of the test: none of
            them comes again.
        lm: Who makes them up; as `lms={"proposer": ...}` says by default.

    Returns:
        At most `n` rows; what is missing, and why, stands beside them.

    Raises:
        ConfigError: `n` is no number of rows, or it is a program of several modules.
        DataError: A given row lacks an input.
    """


def _given(place: Place, rows: Iterable[Any] | str | Path) -> list[dict[str, Any]]:
    spec = place.module.inputs
    source = rows if isinstance(rows, str | Path) else list(rows)
    read = read_rows(source, [*spec.inputs])
    return [{**row.inputs, **row.labels} for row in read]


class _Maker:
    """Makes rows, label by label, and knows what is there."""

    def __init__(
        self, place: Place, lm: Writer, given: Sequence[dict[str, Any]]
    ) -> None:
        self.place, self.lm = place, lm
        own = place.module.own_fields(place.module.spec.fields)
        self.fields = {field.name: field for field in own}
        self.known = list(given)
        self.rows: list[dict[str, Any]] = []
        self.refused = Counter[str]()
        self.asked = 0

    async def made(self, n: int) -> Synthesis:
        short: dict[str, int] = {}
        for label, count in _quotas(self.fields, n):
            left = await self._fill(label, count)
            if left:
                short[strictjson.dumps(label) if label else "any"] = left
        return Synthesis(tuple(self.rows), dict(self.refused), short)

    async def _fill(self, label: Mapping[str, Any], count: int) -> int:
        """Rows of one label; gives back how many are missing."""
        idle = 0
        while count and idle < _IDLE:
            try:
                cases = await self._cases(label, count)
            except ModelFailure:
                self.refused["in a reply that could not be read"] += 1
                cases = []
            except BudgetExceeded:
                self.refused["after the budget's end"] += 1
                return count
            fresh = self._taken(cases, label)[:count]
            self.rows += fresh
            self.known += fresh
            count -= len(fresh)
            idle = 0 if fresh else idle + 1
        return count

    async def _cases(self, label: Mapping[str, Any], count: int) -> list[Any]:
        self.asked += 1
        told = asked_of(self.place)
        given = {"task": told["now"], "fields": self._lines(), "label": dict(label)}
        shown = self.known[-_SHOWN:]
        wanted = min(count, _AT_ONCE)
        with entered(current().having(sample=self.asked)):
            made = await ask(
                make_rows, self.place, self.lm, **given, shown=shown, count=wanted
            )
        return list(made.cases)

    def _lines(self) -> list[str]:
        names = self.fields
        return [f"{n}: {f.wanted or 'any'} {f.said}".strip() for n, f in names.items()]

    def _taken(
        self, cases: Sequence[Any], label: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        for case in cases:
            why = self._wrong(case, label)
            why = why or self._again(case, [*self.known, *taken])
            if why:
                self.refused[why] += 1
            else:
                taken.append({name: case[name] for name in self.fields if name in case})
        return taken

    def _wrong(self, case: Mapping[str, Any], label: Mapping[str, Any]) -> str:
        """What of its values does not fit, or empty."""
        for name, one in self.fields.items():
            if name not in case:
                if one.required:
                    return f"without {name!r}"
                continue
            try:
                one.load(case[name])
            except ValueError:
                return f"{name!r} of another type"
        if any(case[name] != value for name, value in label.items()):
            return "with another label than was asked for"
        return ""

    def _again(
        self, case: Mapping[str, Any], known: Sequence[Mapping[str, Any]]
    ) -> str:
        """What is said where its inputs are nearly those of a row that is there."""
        texts = [self._text(row) for row in known]
        mine = self._text(case)
        near = TextIndex.of([*texts, mine]).likeness(mine)
        itself = near.pop()
        alike = bool(near) and itself > 0 and max(near) / itself >= _ALIKE
        return "nearly a row that is there" if alike or mine in texts else ""

    def _text(self, row: Mapping[str, Any]) -> str:
        inputs = (f for f in self.fields.values() if f.role == "input")
        held = [f.write(row[f.name]) for f in inputs if f.name in row]
        return "\n".join(held)


def _quotas(
    fields: Mapping[str, FieldSpec], n: int
) -> list[tuple[dict[str, Any], int]]:
    """How many rows of which label: of each value of the first choice as many."""
    outputs = [f for f in fields.values() if f.role == "output" and f.choices]
    if not outputs:
        return [({}, n)]
    first, choices = outputs[0], outputs[0].choices
    each, more = divmod(n, len(choices))
    counts = [each + (at < more) for at in range(len(choices))]
    pairs = zip(choices, counts, strict=True)
    return [({first.name: first.dump(v)}, count) for v, count in pairs if count]


@checked
def read_drafts(
    source: str | Path | Iterable[Any],
    inputs: Sequence[str],
    *,
    require_edit: bool = True,
) -> list[Example]:
    """Read a file of drafts; by default those alone that a person has worked on.

    A draft counts as edited where its `edited` is true, or where its values are not
    those that were written under its id.

    Args:
        source: The file that `Synthesis.write` wrote, or its rows.
        inputs: Names of the program's inputs; other fields are labels.
        require_edit: Whether drafts that nobody touched are left out.

    Raises:
        DataError: It cannot be read, or a row is no draft: it does not say whether it
            was edited.

    >>> made = Synthesis(({"text": "so so", "mood": "glad"},))
    >>> read_drafts(made.drafts(), ["text"])
    []
    >>> mended = [{**row, "mood": "sad"} for row in made.drafts()]
    >>> [row.labels["mood"] for row in read_drafts(mended, ["text"])]
    ['sad']
    """
    rows = read_rows(source, inputs)
    kept: list[Example] = []
    for row in rows:
        edited: object = row.labels.get("edited")
        if not isinstance(edited, bool):
            raise DataError(
                f"row {brief(row.id)!r} is no draft: it does not say whether it was "
                "edited",
                hint='Write "edited": true into the rows that you have gone through',
            )
        labels = {name: v for name, v in row.labels.items() if name != "edited"}
        touched = edited or row.id != _id({**row.inputs, **labels})
        if touched or not require_edit:
            kept.append(Example(row.id, row.inputs, labels, row.meta))
    return kept


def _id(row: Mapping[str, Any]) -> str:
    """Twelve hex digits of the SHA-256 of a draft's values."""
    text = strictjson.canonical(dict(row))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
