"""A metric checked before anything is paid.

A metric that is broken, constant or upside down looks exactly like a hard task:
everything runs, and the whole budget is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..data.example import Example
from ..errors import MetricError
from ..ground import strictjson
from ..ground.plain import plain
from ..signature.signature import Signature, dump_values, spec_of
from .score import SLACK, Metric, apply_metric, metric_name

_CHECKED = 20
_POOL = 1_000


async def check_metric(
    metric: Metric,
    examples: Sequence[Example],
    gold_of: Callable[[Example], Any],
    program_name: str,
) -> None:
    """Check a metric on answers known to be right and on answers known to be wrong.

    Up to 20 rows are scored with their own gold answer and with the one of another row
    that differs from it in the most fields. Nothing is proven where all gold answers
    are alike; then only the form of the scores is checked.

    Args:
        metric: The metric.
        examples: Rows with labels; which 20 are taken depends on their content alone.
        gold_of: The prediction that a perfect program would give, or None where it
            cannot be made; such rows are left out.
        program_name: The program's name, for messages.

    Raises:
        MetricError: The metric raises or returns no score, gives right and wrong
            answers one same score, or scores the wrong ones higher.
        WeftError: As for `apply_metric`.
    """
    trials = _trials(examples, gold_of)
    right = await _scores(metric, [(t.example, t.gold) for t in trials], program_name)
    swapped = [(t.example, t.other) for t in trials if t.other is not None]
    wrong = await _scores(metric, swapped, program_name)
    if not wrong:
        return
    name = metric_name(metric)
    mean_right, mean_wrong = sum(right) / len(right), sum(wrong) / len(wrong)
    if len({*right, *wrong}) == 1:
        raise MetricError(
            f"the metric {name!r} is constant: it scores {right[0]:g} for each of "
            f"{len(right)} right answers of {program_name!r} and for each of "
            f"{len(wrong)} wrong ones, so it cannot tell right from wrong",
            hint="Compare the prediction with the example's labels",
        )
    if mean_right < mean_wrong - SLACK:
        raise MetricError(
            f"the metric {name!r} is upside down: right answers of {program_name!r} "
            f"score {mean_right:.3g} on average, wrong ones {mean_wrong:.3g}",
            hint="Higher must be better: return 1 - x",
        )


@dataclass(frozen=True)
class _Trial:
    example: Example
    gold: Any
    other: Any


def _trials(
    examples: Sequence[Example], gold_of: Callable[[Example], Any]
) -> list[_Trial]:
    pool = sorted(examples, key=lambda e: (e.digest, e.id))[:_POOL]
    known = [(e, gold) for e in pool if (gold := gold_of(e)) is not None]
    parts = [_parts(gold) for _, gold in known]
    trials = list[_Trial]()
    for at, (example, gold) in enumerate(known[:_CHECKED]):
        distance = [_distance(parts[at], other) for other in parts]
        far = max(range(len(known)), key=distance.__getitem__)
        trials.append(_Trial(example, gold, known[far][1] if distance[far] else None))
    return trials


def _parts(gold: Any) -> dict[str, str]:
    """Each output of a gold answer as canonical text."""
    values: dict[str, Any] = {"": gold}
    if isinstance(gold, Signature):
        outputs = spec_of(type(gold)).outputs
        values = {k: v for k, v in dump_values(gold).items() if k in outputs}
    elif isinstance(gold, Mapping):
        values = dict(cast(Mapping[str, Any], gold))
    return {k: strictjson.canonical(plain(v)) for k, v in values.items()}


def _distance(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


async def _scores(
    metric: Metric, pairs: Sequence[tuple[Example, Any]], program_name: str
) -> list[float]:
    calls = (apply_metric(metric, example, answer) for example, answer in pairs)
    scores = list[float]()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, MetricError):
            raise MetricError(
                f"{outcome.message} (a trial for {program_name!r} with a gold answer)",
                hint=outcome.hint,
            ) from outcome.__cause__
        if isinstance(outcome, BaseException):
            raise outcome
        scores.append(outcome.value)
    return scores
