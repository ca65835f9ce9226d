"""One self-contained page for an evaluation: no script, nothing from elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..trace import Call, NodeRun
from .plainrows import outputs_of, row_keys

if TYPE_CHECKING:
    from .evaluate import Evaluation
    from .row_result import RowResult

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem;
       padding: 0 1rem; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .5rem; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; min-width: 5rem; }
th { font-weight: 600; }
td.n, th.n { text-align: right; white-space: nowrap; min-width: 0; }
td pre { min-width: min(32rem, 80vw); } .key { color: #666; }
pre { background: #f6f6f4; padding: .6rem; white-space: pre-wrap; margin: .3rem 0;
      overflow-wrap: anywhere; }
summary { cursor: pointer; } .bad { color: #a3271b; } .good { color: #1d6b36; }
.bar { background: #eee; height: .7rem; position: relative; max-width: 40rem;
       margin-bottom: .6rem; }
.bar i { background: #b9cfe4; height: 100%; position: absolute; }
.bar b { background: #1f4e79; height: 100%; position: absolute; width: 3px; }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #e8e8e8; } pre { background: #222; }
  th, td { border-color: #383838; } .bar { background: #333; } .key { color: #999; }
  .bad { color: #f08a7f; } .good { color: #7fcf98; } a { color: #84b4f2; } }
@media (max-width: 50rem) {
  table { display: block; overflow-x: auto; } td { min-width: 7rem; } }
"""


def evaluation_page(evaluation: Evaluation, review: str = "") -> str:
    """The figures, then every row with its prompts and replies, worst rows first."""
    low, high = evaluation.interval.low, evaluation.interval.high
    cost = evaluation.cost
    figures = {
        "mean": f"{100 * evaluation.mean:.1f}",
        "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
        "rows scored": str(len(evaluation.values)),
        "unusable replies (score 0)": str(len(evaluation.model_failures)),
        "rows that failed (not in the mean)": str(len(evaluation.failures)),
        "model calls": str(evaluation.calls),
        "cost": "price unknown" if cost is None else f"${cost:.6f}",
        "seconds": f"{evaluation.seconds:.2f}",
    }
    keys = row_keys(row.example.id for row in evaluation.rows)
    pairs = zip(evaluation.rows, keys, strict=True)
    ordered = sorted(pairs, key=lambda pair: _worst_first(pair[0]))
    rows = "\n".join(_row(row, key) for row, key in ordered)
    body = f"""<h1>{escape(evaluation.program)}: {escape(evaluation.metric)}</h1>
<div class="bar" role="img" aria-label="mean and interval">
<i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>
<b style="left:{100 * evaluation.mean:.2f}%"></b></div>
{_pairs(figures)}
<h2>Rows, worst first</h2>
{review_note(review)}
<table><thead><tr><th>row</th><th>inputs</th><th>wanted</th><th>given</th>
<th class="n">score</th></tr></thead>
<tbody>
{rows}
</tbody></table>"""
    return page(f"{evaluation.program}: {evaluation.metric}", body)


def page(title: str, body: str) -> str:
    """A whole page around a body that is already escaped; any file takes its text."""
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body>
{body}
</body></html>
"""
    return text.encode("utf-8", "backslashreplace").decode()


def _worst_first(row: RowResult) -> float:
    return -1.0 if row.score is None else row.score.value


def _pairs(values: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th>{escape(k)}</th><td class="n">{escape(v)}</td></tr>'
        for k, v in values.items()
    )
    return f'<table style="width:auto">{rows}</table>'


def row_link(key: str) -> str:
    """A row's key, which leads to the row once `weft review` serves the page.

    In a file it has no address: the review page exists only while it is served, at an
    address that only its owner knows.
    """
    return f'<a data-row="{escape(key)}">{escape(key)}</a>'


def review_note(file: str, rows: str = "rows") -> str:
    """How rows are scored, corrected and commented; `file` may be unknown.

    The command is a link once `weft review` serves the page.
    """
    words = f"weft review {shlex.quote(file)}" if file else "weft review FILE"
    told = "" if file else ", with the FILE of <code>weft eval --save</code>"
    return (
        f"<p>To score, correct and comment {rows}: <a data-review><code>"
        f"{escape(words)}</code></a>{told}. "
        "It also serves this page, with links to what it shows.</p>"
    )


def _row(row: RowResult, key: str) -> str:
    score = "failed" if row.score is None else f"{row.score.value:.2f}"
    shade = "good" if row.score is not None and row.score.value >= 1 else "bad"
    note = row.error or (row.score.feedback if row.score else "")
    told = f'<div class="bad">{escape(note)}</div>' if note else ""
    given = _shown(outputs_of(row)) + told + _calls(row.trace.nodes)
    cells = (
        f"<td>{row_link(key)}</td>"
        f"<td>{_shown(dict(row.example.inputs))}</td>"
        f"<td>{_shown(dict(row.example.labels))}</td><td>{given}</td>"
        f'<td class="n {shade}">{score}</td>'
    )
    return f'<tr id="row-{escape(key)}">{cells}</tr>'


def _shown(value: Any) -> str:
    """One value bare, several by name."""
    if not isinstance(value, Mapping):
        return "" if value is None else escape(_text(value))
    fields: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
    if len(fields) == 1:
        return _shown(next(iter(fields.values())))
    return "<br>".join(
        f'<span class="key">{escape(str(name))}</span> {escape(_text(item))}'
        for name, item in fields.items()
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        return repr(value)


def _calls(nodes: Sequence[NodeRun]) -> str:
    parts = [_call(node.path, call) for node in nodes for call in node.calls]
    if not parts:
        return ""
    return f"<details><summary>prompts and replies</summary>{''.join(parts)}</details>"


def _call(path: str, call: Call) -> str:
    turns = "\n\n".join(f"[{m.role}]\n{m.content}" for m in call.messages)
    state = "from the cache" if call.cached else f"{call.seconds * 1000:.0f} ms"
    return (
        f"<p><b>{escape(path)}</b> {escape(call.model)}, {state}</p>"
        f"<pre>{escape(turns)}</pre><pre>{escape(call.reply)}</pre>"
    )
