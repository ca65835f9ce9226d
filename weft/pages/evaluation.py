"""An evaluation as a page, and the cell of a notebook that shows a result."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..pipeline.ground.words import counted
from ..pipeline.measure.row_result import told_of
from .classification import sections
from .coverage import coverage_drawn
from .html import Data, bar, folded, page, points, review_note, row_link, table, text_of


def evaluation_page(data: Data) -> str:
    """The figures, then every row with its prompts and replies, worst rows first."""
    (low, high), cost = data["interval"], data["cost"]
    rows = data["rows"]
    figures = {
        "mean": f"{100 * data['mean']:.1f}",
        "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
        "rows scored": f"{len(rows) - data['failures']}",
        "unusable replies (score 0)": f"{data['model_failures']}",
        "rows that failed (not in the mean)": f"{data['failures']}",
        "model calls": f"{data['calls']}",
        "cost": "price unknown" if cost is None else f"${cost:.6f}",
        **_judging(data),
        "seconds": f"{data['seconds']:.2f}",
    }
    ordered = sorted(rows, key=lambda r: -1.0 if r["score"] is None else r["score"])
    title = f"{data['program']}: {data['metric']}"
    return page(
        title,
        f"<h1>{escape(title)}</h1>",
        bar(low, data["mean"], high),
        table((), figures.items(), numbers=1, small=True),
        sections(data["decisions"]) if data["decisions"] else "",
        coverage_drawn({"": data["coverage"]}),
        "<h2>Rows, worst first</h2>",
        review_note(data["review"]),
        "<table><thead><tr><th>row</th><th>inputs</th><th>wanted</th><th>given</th><th "
        f'class="n">score</th></tr></thead><tbody>{"".join(map(_row, ordered))}',
        "</tbody></table>",
    )


def _judging(data: Data) -> dict[str, str]:
    """What the metric's own model took, where it asked one."""
    if "judge_calls" not in data:
        return {}
    cost = data["judge_cost"]
    return {
        "calls of the metric": f"{data['judge_calls']}",
        "cost of the metric": "price unknown" if cost is None else f"${cost:.6f}",
    }


def _row(row: Data) -> str:
    score = "failed" if row["score"] is None else f"{row['score']:.2f}"
    shade = "good" if (row["score"] or 0) >= 1 else "bad"
    note, key = told_of(row), row["key"]
    told = f'<div class="bad">{escape(note)}</div>' if note else ""
    calls = "".join(map(_call, row["prompts"]))
    if calls:
        calls = f"<details><summary>prompts and replies</summary>{calls}</details>"
    return (
        f'<tr id="row-{escape(key)}"><td>{row_link(key)}</td>'
        f"<td>{_fields(row['inputs'])}</td><td>{_fields(row['labels'])}</td>"
        f"<td>{_fields(row['outputs'])}{told}{calls}</td>"
        f'<td class="n {shade}">{score}</td></tr>'
    )


def _call(call: Data) -> str:
    turns = "\n\n".join(f"[{role}]\n{content}" for role, content in call["messages"])
    return (
        f"<p><b>{escape(call['path'])}</b> {escape(call['model'])}</p>"
        f"<pre>{escape(turns)}</pre><pre>{escape(call['reply'])}</pre>"
    )


def _fields(value: Any) -> str:
    """One value bare, several by name."""
    if not isinstance(value, Mapping):
        return "" if value is None else escape(text_of(value))
    fields: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
    if len(fields) == 1:
        return _fields(next(iter(fields.values())))
    return "<br>".join(
        f'<span class="key">{escape(str(name))}</span> {escape(text_of(item))}'
        for name, item in fields.items()
    )


def cell(data: Data) -> str:
    """What a notebook shows: a title, scores by name, notes, and texts to unfold."""
    lines = [
        (
            escape(name),
            points(scored["mean"], scored["interval"]),
            f"on {counted(scored['rows'], 'row')}",
            bar(scored["interval"][0], scored["mean"], scored["interval"][1]),
        )
        for name, scored in data["scores"].items()
    ]
    notes = "".join(f"<div>{escape(note)}</div>" for note in data["notes"] if note)
    head = f"<div><b>{escape(data['title'])}</b>{table((), lines)}{notes}</div>"
    return head + "".join(folded(*pair) for pair in data.get("folded", {}).items())
