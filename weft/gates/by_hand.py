"""Taking the evaluation oneself: a person answers the rows, and is scored.

Whoever has sat the test knows which rows cannot be answered from what is shown, and
what a hundred points would mean (Karpathy did so for ImageNet in 2014).

Each row that is answered stands in a file before the next one is shown, and a second
call goes on from there.

    {"id": "m1", "inputs": {"message": ...}, "answers": {"team": "cards"}}
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..authoring.answers import ELSEWHERE, Answers, answers_in
from ..pipeline.data.example import Example, require_rows
from ..pipeline.errors import ConfigError, DataError, ParseError
from ..pipeline.graph.binding import Pack
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground import strictjson
from ..pipeline.ground.options import checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.shapes import is_dict
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.labels import for_program, require_labels
from ..pipeline.measure.row_result import RowResult, row_keys
from ..pipeline.measure.score import Metric, apply_metric, metric_name, require_callable
from ..pipeline.measure.typed import outputs_of, reader_of
from ..pipeline.reading.fields import read_text
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import bind_row, rows_of
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.signature import Signature, make_value, spec_of

Ask = Callable[[str], str]
"""Of what to show a person: what the person typed. EOFError ends it."""

SKIP: Final = "/skip"


@checked
def take_eval(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    *,
    ask: Ask = input,
    out: str | Path | None = None,
) -> Evaluation:
    """Answer rows by hand in a program's place, and be scored as it is; no model runs.

    The inputs of each row are shown, never its labels, and one answer is asked for each
    output. What is not of the output's type is asked for again. `/skip` leaves a row
    out, and the end of the input ends it: the rows answered so far are scored.

    Args:
        program: Whose inputs and outputs they are; it is not run.
        rows: Rows with labels.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        ask: Shows a text and gives back what was typed, as `input` does.
        out: A JSONL file that keeps what is typed, row by row, whatever happens then.
            Rows that are answered in it are not asked again. Without it a metric that
            raises, or an interrupt, loses what was typed.

    Returns:
        An `Evaluation` of the rows that were answered, which compares with others row
        by row where every row was.

    Raises:
        ConfigError: The program's outputs cannot be typed in; or `out` cannot be
            written, is written by another call now, or holds other answers.
        DataError: A row does not fit, there is none, or none was answered.
        MetricError: The metric raised, or gave no score.
    """
    made = as_program(program)
    require_callable(metric)
    examples = rows_of(made.inputs, rows)
    require_rows(examples, "take_eval")
    require_labels(for_program(metric, made), examples)
    fields = _asked_of(made)
    started = time.perf_counter()
    given: list[tuple[Example, Any]] = []
    with answers_in(out, _is_answer) as kept, contextlib.suppress(EOFError):
        known = _known(kept, examples, fields)
        for number, (key, row) in enumerate(_keyed(examples), 1):
            bind_row(made.inputs, row.inputs, row.id)
            title = f"row {number} of {len(examples)}"
            said = known.get(key) or _answers(title, row, fields, ask)
            if said is not None:
                if key not in known:
                    kept.keep(f"row {key!r}", _line_of(key, row, said))
                values = {name: value for name, (_, value) in said.items()}
                given.append((row, _value(made, fields, row, values)))
    if not given:
        raise DataError("no row was answered", hint="Answer one at least")
    read, scored = reader_of(made), for_program(metric, made)

    async def scores() -> list[RowResult]:
        return [
            RowResult(row, value, await apply_metric(scored, read(row), value))
            for row, value in given
        ]

    return Evaluation(
        f"{made.name} by hand",
        metric_name(metric),
        tuple(run_sync(scores())),
        time.perf_counter() - started,
        digest=program_digest(made),
    )


def _asked_of(program: Program[..., Any]) -> dict[str, FieldSpec]:
    kind = program.structure.result
    if isinstance(kind, type) and issubclass(kind, Signature):
        return dict(spec_of(kind).outputs)
    fields = outputs_of(program)
    packed = isinstance(program.structure.output, Pack)
    if not fields or (len(fields) > 1 and not packed and "" not in fields):
        raise ConfigError(
            f"what {program.name!r} gives cannot be typed in: its fields are not known",
            hint="Let it give a module's result, or one typed value",
        )
    return fields if packed else dict([next(iter(fields.items()))])


_Said = dict[str, tuple[str, Any]]
"""Of one row: what was typed for each output, and the value that it is."""


def _known(
    kept: Answers, rows: Sequence[Example], fields: Mapping[str, FieldSpec]
) -> dict[str, _Said]:
    """What earlier calls were answered to these rows, by their keys.

    Raises:
        ConfigError: It was answered to other inputs, or for other outputs.
    """
    by_key, known = dict(_keyed(rows)), dict[str, _Said]()
    for where, line in kept.known:
        row = by_key.get(str(line.get("id")))
        if row is not None:
            known[str(line["id"])] = _said(line, where, row, fields)
    return known


def _keyed(rows: Sequence[Example]) -> list[tuple[str, Example]]:
    return [*zip(row_keys(row.id for row in rows), rows, strict=True)]


def _is_answer(line: dict[str, Any]) -> bool:
    return is_dict(line.get("answers"))


def _line_of(key: str, row: Example, said: _Said) -> dict[str, Any]:
    typed = {name: text for name, (text, _) in said.items()}
    return {"id": key, "inputs": plain(dict(row.inputs), repr), "answers": typed}


def _said(
    tree: Mapping[str, Any],
    where: str,
    row: Example,
    fields: Mapping[str, FieldSpec],
) -> _Said:
    """The answers of a line, read anew.

    Raises:
        ConfigError: They are of other inputs or outputs, or of another type.
    """
    if tree.get("inputs") != plain(dict(row.inputs), repr):
        raise ConfigError(
            f"{where} row {row.id!r} had other inputs then", hint=ELSEWHERE
        )
    typed: dict[str, Any] = tree["answers"]
    if typed.keys() != fields.keys():
        then, now = (", ".join(map(repr, names)) for names in (typed, fields))
        raise ConfigError(
            f"{where} answers {then}, and the program gives {now}", hint=ELSEWHERE
        )
    try:
        return {
            n: (str(t), read_text(fields[n], str(t)).value) for n, t in typed.items()
        }
    except ParseError as error:
        raise ConfigError(
            f"{where} is no answer: {error.message}", hint=ELSEWHERE
        ) from None


def _answers(
    title: str, row: Example, fields: Mapping[str, FieldSpec], ask: Ask
) -> _Said | None:
    """What a person typed for a row, as values; None where the row was skipped."""
    shown = [f"-- {title}", *(f"{k}: {plain(v, repr)}" for k, v in row.inputs.items())]
    head = "\n".join(shown)
    found: _Said = {}
    for name, spec in fields.items():
        wanted = f"{name or 'answer'} ({spec.wanted})"
        problem = ""
        while name not in found:
            text = ask(f"{head}\n{problem}{wanted}: ".lstrip("\n"))
            head = ""
            if text.strip() == SKIP:
                return None
            if not strictjson.is_text(text):
                problem = "that holds half a character\n"
                continue
            try:
                found[name] = text, read_text(spec, text).value
            except ParseError as error:
                problem = f"{error.message}\n"
    return found


def _value(
    program: Program[..., Any],
    fields: Mapping[str, FieldSpec],
    row: Example,
    said: Mapping[str, Any],
) -> Any:
    """The answers as what the program would have given."""
    kind = program.structure.result
    if isinstance(kind, type) and issubclass(kind, Signature):
        own = {n: row.inputs[n] for n in spec_of(kind).inputs if n in row.inputs}
        return make_value(kind, {**own, **said})
    if isinstance(program.structure.output, Pack):
        return dict(said)
    return said[next(iter(fields))]
