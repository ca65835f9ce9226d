"""Whether rows say what a metric needs to know, found out before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pipeline.data.example import Example
from ..pipeline.errors import DataError, ParseError, did_you_mean
from ..pipeline.graph.program import Program
from ..pipeline.measure.metrics import FieldMetric, FieldsMetric
from ..pipeline.measure.score import Metric
from ..pipeline.reading.fields import read_text
from ..pipeline.signature.field import FieldSpec
from .output import remark


def check_labels(
    metric: Metric, rows: Sequence[Example], program: Program[..., Any], *, quiet: bool
) -> None:
    """Refuse rows that hold no label for a built-in metric, or none that can be given.

    Where only some labels are none of the field's choices, stderr tells of them: such
    rows score 0 whatever the program does.

    Raises:
        DataError: No row has the field, or no row's label is one of its choices.
    """
    parts = metric.parts.values() if isinstance(metric, FieldsMetric) else (metric,)
    for part in parts:
        if not isinstance(part, FieldMetric):
            continue
        if rows and not any(part.field in row.labels for row in rows):
            known = dict.fromkeys(name for row in rows for name in row.labels)
            raise DataError(
                f"no row has the label {part.field!r} that {part.name} compares with",
                hint=did_you_mean(part.field, known)
                or f'Add what is right to each row: "{part.field}": "..."',
            )
        _check_choices(part, rows, program, quiet=quiet)


def tell_overlap(
    train: Sequence[Example], val: Sequence[Example] | None, *, quiet: bool
) -> None:
    """Say how many rows of --val are rows of --data too: they do not select."""
    known = {row.digest for row in train}
    both = sum(row.digest in known for row in val or ())
    if both:
        said = f"{both} of {len(val or ())} rows of --val are in --data too, and"
        remark(f"{said} are left out of --val", quiet=quiet)


def _check_choices(
    metric: FieldMetric,
    rows: Sequence[Example],
    program: Program[..., Any],
    *,
    quiet: bool,
) -> None:
    name = metric.field
    specs = [module.spec.outputs.get(name) for module in program.modules.values()]
    found = [spec for spec in specs if spec is not None]
    if not found or any("enum" not in spec.schema for spec in found):
        return
    labelled = [row for row in rows if row.labels.get(name) is not None]
    odd = [
        row
        for row in labelled
        if not any(_fits(found[-1], v) for v in metric.accepted(row.labels[name]))
    ]
    if not odd:
        return
    label = odd[0].labels[name]
    said = (
        f"the {name!r} of {len(odd)} of {len(rows)} rows is none that {program.name!r} "
        f"can give, such as {label!r} of row {odd[0].id!r}"
    )
    hint = did_you_mean(str(label), [str(v) for v in found[-1].schema["enum"]])
    if len(odd) == len(labelled):
        raise DataError(said, hint=hint)
    remark(f"{said}. {hint}", quiet=quiet)


def _fits(field: FieldSpec, value: Any) -> bool:
    """Whether a label is one of the choices, as it is or as a file's text."""
    try:
        field.load(value)
    except ValueError:
        if not isinstance(value, str):
            return False
    else:
        return True
    try:
        read_text(field, value)
    except ParseError:
        return False
    return True
