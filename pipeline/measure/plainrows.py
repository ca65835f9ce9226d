"""Results as plain JSON data, for files and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pydantic

from ..data.example import json_form
from ..ground import strictjson
from ..ground.shapes import is_sequence
from ..signature.signature import Signature, dump_values, spec_of

if TYPE_CHECKING:
    from .evaluate import Evaluation
    from .row_result import RowResult


def evaluation_data(evaluation: Evaluation, *, prompts: bool = False) -> dict[str, Any]:
    """An evaluation as plain data.

    Args:
        evaluation: The scores.
        prompts: Whether the prompts and replies of the traces come with the rows.
    """
    low, high = evaluation.interval.low, evaluation.interval.high
    return {
        "program": evaluation.program,
        "digest": evaluation.digest,
        "metric": evaluation.metric,
        "mean": round(evaluation.mean, 6),
        "interval": [round(low, 6), round(high, 6)],
        "rows": [row_data(r, prompts=prompts) for r in evaluation.rows],
        "failures": len(evaluation.failures),
        "model_failures": len(evaluation.model_failures),
        "calls": evaluation.calls,
        "cost": evaluation.cost,
    }


def scored(evaluation: Evaluation) -> dict[str, Any]:
    """A mean in [0, 1], its 95 % interval, and how many rows were scored."""
    low, high = evaluation.interval.low, evaluation.interval.high
    rows = len(evaluation.values)
    return {"mean": evaluation.mean, "interval": [low, high], "rows": rows}


def page_data(evaluation: Evaluation) -> dict[str, Any]:
    """What a page shows: prompts too, a key and outputs for each row, and seconds."""
    data = evaluation_data(evaluation, prompts=True)
    keys = row_keys(row.example.id for row in evaluation.rows)
    for shown, row, key in zip(data["rows"], evaluation.rows, keys, strict=True):
        shown |= {"key": key, "outputs": outputs_of(row)}
    return data | {"seconds": evaluation.seconds}


def row_keys(ids: Iterable[str]) -> list[str]:
    """A key for each row: its id; a later answer to the same row has a number behind.

    >>> row_keys(["a", "b", "a", ""])
    ['a', 'b', 'a#2', '#1']
    """
    seen: dict[str, int] = {}
    keys: list[str] = []
    for name in ids:
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 and name else f"{name}#{seen[name]}")
    return keys


def row_data(row: RowResult, *, prompts: bool = False) -> dict[str, Any]:
    """One row's outcome as plain data.

    Args:
        row: The outcome.
        prompts: Whether the prompts and replies of the trace come with it.
    """
    told = {"prompts": call_data(row)} if prompts else {}
    return {
        "id": row.example.id,
        "inputs": dict(row.example.inputs),
        "labels": dict(row.example.labels),
        "prediction": plain_value(row.prediction),
        "score": None if row.score is None else row.score.value,
        "feedback": "" if row.score is None else row.score.feedback,
        "error": row.error,
        "calls": len(row.trace.calls),
        "cost": row.trace.cost,
        "seconds": round(row.trace.seconds, 6),
        **told,
    }


def call_data(row: RowResult) -> list[dict[str, Any]]:
    """Each model call of a row: who asked, what was sent, what came back."""
    return [
        {
            "path": node.path,
            "model": call.model,
            "messages": [[m.role, m.content] for m in call.messages],
            "reply": call.reply,
        }
        for node in row.trace.nodes
        for call in node.calls
    ]


def said_again(rows: Iterable[RowResult]) -> list[str]:
    """What a reader of repeats must know: that each row had the same replies again."""
    replies: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        said = tuple(call.reply for call in row.trace.calls)
        replies.setdefault(row.example.id, []).append(said)
    times = max(map(len, replies.values()), default=0)
    if times < 2 or any(len({*said}) > 1 or not said[0] for said in replies.values()):
        return []
    return [f"each row had the same replies {times} times: is temperature 0?"]


def outputs_of(row: RowResult) -> Any:
    """What a program gave, as JSON data; of a signature without its inputs."""
    value = plain_value(row.prediction)
    if not isinstance(row.prediction, Signature):
        return value
    return {name: value[name] for name in spec_of(type(row.prediction)).outputs}


def plain_value(value: Any) -> Any:
    """A prediction as JSON data that any file takes; what has no such form as its repr.

    >>> plain_value({"tags": {"b", "a"}}), plain_value(float("nan"))
    ({'tags': ['a', 'b']}, 'nan')
    """
    if isinstance(value, Signature):
        return {name: plain_value(v) for name, v in dump_values(value).items()}
    if is_sequence(value) and any(isinstance(item, Signature) for item in value):
        return [plain_value(item) for item in value]
    try:
        is_model = isinstance(value, pydantic.BaseModel)
        data = value.model_dump(mode="json") if is_model else json_form(value)
        strictjson.dumps(data)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return data
