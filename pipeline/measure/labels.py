"""Labels that a metric surely reads: rows without them are refused before a call.

The metric is not called for it. A built-in one says which label it compares with. Of a
function it is what its code reads from the example before it decides anything, such as
both fields in `return example.team == prediction.team`. Whatever else it reads may
hang on the answer, and is found out with the first row.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from ..data.example import Example
from ..errors import DataError
from ..graph.program import Program
from ..ground.plain import described
from ..ground.words import brief, counted
from .advice import advice_on
from .metrics import FieldMetric, FieldsMetric
from .row_result import RowResult
from .score import BoundMetric, Metric, metric_name, place_of
from .semantic import SemanticF1
from .typed import outputs_of

_MEMBERS = {*dir(Example), *(member.name for member in fields(Example))}
_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))


def for_program(metric: Metric, program: Program[..., Any]) -> Metric:
    """A built-in metric that knows the types of what a program gives; others stay."""
    if isinstance(metric, FieldsMetric):
        parts = {name: for_program(m, program) for name, m in metric.parts.items()}
        return FieldsMetric(parts)
    if isinstance(metric, BoundMetric):
        return metric.bound(outputs_of(program))
    if isinstance(metric, SemanticF1):
        return replace(metric, compared=metric.compared.knowing(outputs_of(program)))
    if isinstance(metric, FieldMetric):
        return metric.knowing(outputs_of(program))
    return metric


def require_labels(metric: Metric, rows: Sequence[Example]) -> None:
    """Refuse rows that lack a label which a metric surely reads.

    Raises:
        DataError: A row lacks one; it is named.
    """
    if isinstance(metric, FieldsMetric):
        for part in metric.parts.values():
            require_labels(part, rows)
        return
    if isinstance(metric, FieldMetric | SemanticF1 | BoundMetric):
        for row in rows:
            metric.check(row)
        return
    reads = list(_reads(metric))
    for row in rows if reads else ():
        for read in reads:
            try:
                read.of(row)
            except DataError as error:
                where = place_of(metric, row)
                said = f"{where}: {error.message}"
                raise DataError(said, hint=error.hint) from None


def advised(
    metric: Metric, rows: Sequence[Example], results: Iterable[RowResult], field: str
) -> tuple[str, ...]:
    """What to look at in labels and in a metric: `odd_labels`, then `advice_on`."""
    scores = advice_on(metric_name(metric), results, field)
    return (*odd_labels(metric, rows), *scores)


def odd_labels(metric: Metric, rows: Sequence[Example]) -> tuple[str, ...]:
    """What a reader of scores must know of labels: those that no answer could be.

    They are seen where a built-in metric compares with an output of a closed choice.

    Args:
        metric: One that knows the program's types: see `for_program`.
        rows: What it reads; each has the label.
    """
    if isinstance(metric, FieldsMetric):
        return tuple(
            line for m in metric.parts.values() for line in odd_labels(m, rows)
        )
    if not isinstance(metric, FieldMetric) or metric.spec is None:
        return ()
    options = metric.spec.options
    reached: dict[str, bool] = {}
    odd: list[str] = []
    for row in rows if options else ():
        label = described(metric.gold(row))
        if label not in reached:
            reached[label] = any(metric(row, one).value == 1 for one in options)
        odd += [] if reached[label] else [label]
    if not odd:
        return ()
    said = (
        f"{metric.name}: {len(odd)} of {counted(len(rows), 'row')} have a label that "
    )
    such = (
        f"the output cannot be, such as {brief(odd[0])}, so that no answer is right: "
    )
    return (f"{said}{such}mend these rows, or add the choice to the type",)


class _Read(NamedTuple):
    """A field that is read from a row: `row.name`, or `row.labels[name]`."""

    name: str
    held: str

    def of(self, row: Example) -> None:
        """Read it.

        Raises:
            DataError: The row has no such field.
        """
        _ = row.labels[self.name] if self.held == "labels" else row[self.name]


def _reads(metric: object) -> Iterator[_Read]:
    """What a function reads of its example on every call, as far as it is plain."""
    method = isinstance(metric, MethodType)
    function = metric.__func__ if isinstance(metric, MethodType) else metric
    if not isinstance(function, FunctionType):
        return
    code = function.__code__
    if code.co_exceptiontable or code.co_argcount < 1 + method:
        return  # what is raised may be caught there
    example = code.co_varnames[method]
    steps = list(_straight(code, example))
    for at, step in enumerate(steps):
        if step == ("LOAD_FAST", example):
            yield from _read(steps[at + 1 : at + 4])


def _read(steps: Sequence[tuple[str, object]]) -> Iterator[_Read]:
    """The field that is read behind `example`, as attribute, item or label."""
    (first, name), (second, key), (third, _) = [*steps, *[("", None)] * 3][:3]
    if (first, name, third) == ("LOAD_ATTR", "labels", "BINARY_SUBSCR"):
        if second == "LOAD_CONST":
            yield _Read(str(key), "labels")
        return
    attribute = first == "LOAD_ATTR" and name not in _MEMBERS
    if attribute or (first, second) == ("LOAD_CONST", "BINARY_SUBSCR"):
        yield _Read(str(name), "row")


def _straight(code: CodeType, example: str) -> Iterator[tuple[str, object]]:
    """What code does, and with what, until it decides something or binds `example`."""
    for step in dis.get_instructions(code):
        binds = step.opname.startswith("STORE") and example in step.argrepr
        if binds or step.opcode in _JUMPS:
            return
        name = step.opname.removesuffix("_BORROW")
        subscript = (name, step.argrepr) == ("BINARY_OP", "[]")  # since Python 3.14
        yield "BINARY_SUBSCR" if subscript else name, step.argval
