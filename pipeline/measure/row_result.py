"""One row of an evaluation: what the program gave, how good that is, and as data.

Several answers to one row are one observation, not several. An interval over all
answers would take repeats for further rows, and be too narrow: the rows are the sample,
so each counts once, with the mean of its scores (a cluster bootstrap's clusters;
Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90, 414-427).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from ..data.example import Example
from ..ground.hints import AdvisedParts
from ..ground.plain import plain
from ..ground.shapes import as_dict
from ..ground.words import counted
from ..lm.request import content_to_json
from ..signature.signature import Signature, dump_values, spec_of
from ..trace import Trace
from .score import Score


@dataclass(frozen=True, repr=False)
class RowResult(AdvisedParts):
    """One row's outcome.

    Args:
        example: The row.
        prediction: What the program gave, or None where it failed.
        score: Value and feedback, or None where the row could not be scored.
        error: What went wrong, or empty.
        model_failed: Whether the score is 0 because the reply was unusable.
        trace: The nodes that ran.
        judging: What the metric asked of models to score it; no part of `trace`.
    """

    _read_by = "Read .example, .prediction and .score"

    example: Example
    prediction: Any
    score: Score | None
    error: str = ""
    model_failed: bool = False
    trace: Trace = field(default_factory=lambda: Trace(()))
    judging: Trace = field(default_factory=lambda: Trace(()))

    def __repr__(self) -> str:
        outcome = self.error if self.score is None else f"score {self.score.value:g}"
        return f"RowResult({self.example.id!r}: {outcome})"


def outputs(value: Any) -> Any:
    """What a program gave, as JSON data; of a signature without its inputs."""
    if not isinstance(value, Signature):
        return plain(value, repr)
    wanted = spec_of(type(value)).outputs
    return {k: v for k, v in dump_values(value).items() if k in wanted}


def outputs_of(row: RowResult) -> Any:
    """What a program gave for a row, as JSON data."""
    return outputs(row.prediction)


def row_data(row: RowResult, *, prompts: bool = False) -> dict[str, Any]:
    """One row's outcome as plain data.

    Args:
        row: The outcome.
        prompts: Whether the prompts and replies of the trace come with it.
    """
    told: dict[str, Any] = {"prompts": _calls(row)} if prompts else {}
    by = {"feedback_by": dict(row.score.by)} if row.score and row.score.by else {}
    return {
        "id": row.example.id,
        "inputs": plain(dict(row.example.inputs), repr),
        "labels": plain(dict(row.example.labels), repr),
        "prediction": plain(row.prediction, repr),
        "score": None if row.score is None else row.score.value,
        "feedback": "" if row.score is None else row.score.feedback,
        **by,
        "error": row.error,
        "calls": len(row.trace.calls),
        "cost": row.trace.cost,
        "seconds": round(row.trace.seconds, 6),
        **told,
    }


def once(rows: Iterable[RowResult]) -> list[RowResult]:
    """The rows without those that stand there again: a copy is no further draw."""
    found: dict[str, RowResult] = {}
    for row in rows:
        found.setdefault(row.example.digest, row)
    return [*found.values()]


def told_of(data: Mapping[str, Any]) -> str:
    """What is said of a row, from its data: the error, or all feedback in one text.

    >>> told_of({"error": "", "feedback": "no year", "feedback_by": {"qa": "say it"}})
    'no year; qa: say it'
    """
    if data.get("error"):
        return str(data["error"])
    by = as_dict(data.get("feedback_by"))
    said = [str(data.get("feedback") or ""), *(f"{p}: {t}" for p, t in by.items())]
    return "; ".join(filter(None, said))


def _calls(row: RowResult) -> list[dict[str, Any]]:
    """Who asked, what was sent, what came back."""
    return [
        {
            "path": node.path,
            "model": call.model,
            "messages": [[m.role, content_to_json(m.content)] for m in call.messages],
            "reply": call.reply,
        }
        for node in row.trace.nodes
        for call in node.calls
    ]


def row_keys(ids: Iterable[str]) -> list[str]:
    """A key for each row: its id; a later answer to the same row has a number behind.

    No two are alike: a number that makes another row's id is passed over.

    >>> row_keys(["a", "b", "a", ""]), row_keys(["a", "a#2", "a"])
    (['a', 'b', 'a#2', '#1'], ['a', 'a#2', 'a#3'])
    """
    names = list(ids)
    taken, seen, keys = {*names}, dict[str, int](), list[str]()
    for name in names:
        number = seen[name] = seen.get(name, 0) + 1
        key = name
        if number > 1 or not name:
            while (key := f"{name}#{number}") in taken:
                number = seen[name] = number + 1
            taken.add(key)
        keys.append(key)
    return keys


def scores_by_row(
    results: Sequence[RowResult],
    name: Callable[[Example], str] = attrgetter("digest"),
) -> dict[str, float]:
    """The mean score of each different row that was scored at least once, in row order.

    A row that was run again, or stands there twice, is one row: its answers are no
    further draws of rows.

    Args:
        results: All rows, repeat after repeat.
        name: Tells a row from another one.

    Returns:
        Means in [0, 1] by content, so that two evaluations of the same rows can be
        paired.
    """
    scores: dict[str, list[float]] = {}
    for result in results:
        if result.score is not None:
            scores.setdefault(name(result.example), []).append(result.score.value)
    return {
        row: found[0] if len(found) == 1 else sum(found) / len(found)
        for row, found in scores.items()
    }


_TOLD_BY: Final[Sequence[Callable[[Example], str]]] = (
    attrgetter("digest"),
    attrgetter("fields_digest"),
)
"""What tells two rows apart: inputs and labels, else fields, whichever are inputs."""


def scores_of_both(
    one: Sequence[RowResult], other: Sequence[RowResult]
) -> tuple[list[float], list[float]] | None:
    """The scores of the rows that both have scored, pair by pair.

    Args:
        one: All rows, repeat after repeat.
        other: The same.

    Returns:
        None where both have scored rows, and none in common.
    """
    for name in _TOLD_BY:
        mine, theirs = scores_by_row(one, name), scores_by_row(other, name)
        both = [row for row in mine if row in theirs]
        if both or not (mine and theirs):
            return [mine[row] for row in both], [theirs[row] for row in both]
    return None


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


def unscored(zeros: int, failed: int, answers: int = 0) -> list[str]:
    """What a reader of a mean must know: replies that scored 0, what was left out.

    Args:
        zeros: Unusable replies.
        failed: Rows that have no score.
        answers: Failed ones of rows that have other answers.

    >>> unscored(1, 2)
    ['1 unusable reply scored 0', '2 rows failed and are not in the mean']
    """
    told = [f"{counted(zeros, 'unusable reply')} scored 0"] if zeros else []
    for number, what in ((failed, "row"), (answers, "answer")):
        if number:
            be = "is" if number == 1 else "are"
            told.append(f"{counted(number, what)} failed and {be} not in the mean")
    return told
