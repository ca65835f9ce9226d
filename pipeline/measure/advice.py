"""What scores say about the metric that gave them.

A metric that is broken, constant or upside down looks exactly like a hard task. Rows
that were scored anyway tell: where answers that are their row's label score no higher
than answers that differ from it, something may be wrong. It may not, since a label need
not be what a program should say: so this is advice, and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..ground.plain import plain
from .matching import same
from .row_result import RowResult
from .score import SLACK

_LEAST = 3
"""Right answers, and wrong ones, that it takes to say something."""


def advice_on(metric: str, results: Iterable[RowResult], field: str) -> tuple[str, ...]:
    """What to look at in a metric, or nothing.

    Args:
        metric: Its name.
        results: Rows that it scored, whoever answered them.
        field: The label that a plain result is compared with, or empty.
    """
    right, wrong = list[float](), list[float]()
    for result in results:
        if result.score is None or result.model_failed:
            continue
        alike = _alike(result, field)
        if alike is not None:
            (right if alike else wrong).append(result.score.value)
    if len(right) < _LEAST:
        return ()
    high = sum(right) / len(right)
    what = f"{len(right)} answers that are their row's label"
    if not any(right):
        return (f"{metric!r} gives 0 to {what}: does it compare values of one type?",)
    if len(wrong) < _LEAST:
        return ()
    low = sum(wrong) / len(wrong)
    if len({*right, *wrong}) == 1:
        said = f"{metric!r} gives {high:.3g} to {what}, and to {len(wrong)} others: "
        return (f"{said}does it tell right from wrong?",)
    if high < low - SLACK:
        said = f"{metric!r} gives {high:.3g} on average to {what}, and {low:.3g} to "
        return (f"{said}{len(wrong)} others: is it upside down? Higher is better",)
    return ()


def _alike(result: RowResult, field: str) -> bool | None:
    """Whether an answer is what the row's labels of its names say; None for neither."""
    labels, given = result.example.labels, plain(result.prediction, repr)
    if isinstance(given, Mapping):
        held = cast("Mapping[str, Any]", given)
        pairs = [(labels[name], held[name]) for name in held if name in labels]
    else:
        pairs = [(labels[field], given)] if field in labels else []
    found = [_same(*pair) for pair in pairs]
    if not found or (any(found) and not all(found)):
        return None  # half right: no metric need see it as either
    return all(found)


def _same(label: Any, given: Any) -> bool:
    if isinstance(label, list | tuple) and not isinstance(given, list):
        return any(same(one, given) for one in cast("Iterable[Any]", label))
    return bool(same(label, given))
