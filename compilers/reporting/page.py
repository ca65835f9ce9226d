"""A compile's report as one self-contained page: no script, nothing from elsewhere.

What a reader must see is what the search would like to hide: the score on sealed rows
with its interval beside the score that the winner was chosen by, and the rows that
became wrong beside those that became right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ...pipeline.measure.html import page, review_note, row_link
from ...pipeline.measure.plainrows import outputs_of
from ..report import Flip
from ..tried import Tried
from .charts import front_chart, scores_chart, spend_chart

if TYPE_CHECKING:
    from ...pipeline.measure.row_result import RowResult
    from ..report import Report

_MOST = 200
_DEEPEST = 24
_LONGEST = 600


def report_page(report: Report, review: str = "") -> str:
    """Verdict, scores, cost, front, lineage, changed prompts, and flipped rows.

    Sealed rows have no link to the review page: notes on them would be the first thing
    that the next compile is told.
    """
    name = str(report.compiler["name"])
    changed = report.flips
    parts = [
        f"<h1>{escape(name)}: {escape(_subject(report))}</h1>",
        _verdict(report),
        scores_chart(report),
        _optimism(report),
        "<h2>Spent</h2>",
        spend_chart(report.spend),
        _accounts(report),
        "<h2>Score in the search against prompt size</h2>",
        front_chart(report.tried, report.front, report.winner.id),
        f"<h2>Lineage: {len(report.tried)} candidates</h2>",
        _lineage(report.tried, report.winner.id),
        "<h2>What changed in the prompts</h2>",
        _diff(report.diff()),
        _whole(report),
        _flipped("Sealed rows that got better", [f for f in changed if f.gain > 0]),
        _flipped("Sealed rows that got worse", [f for f in changed if f.gain < 0]),
        _suspects(report),
        review_note(review, "the rows of the search") if review else "",
    ]
    return page(f"{name}: {report.verdict}", "\n".join(p for p in parts if p))


def _subject(report: Report) -> str:
    return f"{report.score.program}, {report.score.metric}"


def _verdict(report: Report) -> str:
    shade = "good" if report.improved else "bad"
    text = f'<p class="{shade}"><strong>{escape(report.verdict)}</strong></p>'
    if report.form:
        text += f"<p>{escape(report.form)}.</p>"
    if report.stopped:
        text += f"<p>Ended early: {escape(report.stopped)}.</p>"
    return text


def _optimism(report: Report) -> str:
    """How much the search flattered its winner."""
    searched = report.search_score
    if searched is None or not report.score.values:
        return ""
    excess = 100 * (searched - report.score.mean)
    return (
        f"<p>The search saw its winner {abs(excess):.1f} points "
        f"{'higher' if excess >= 0 else 'lower'} than the sealed rows do; only the "
        "sealed rows count.</p>"
    )


def _accounts(report: Report) -> str:
    """Calls, tokens and money by account, beside what was quoted."""
    lines: list[Sequence[str]] = []
    for name, book in report.spend.items():
        quoted = report.quote.accounts.get(name)
        usd = "unknown" if book["unpriced"] else f"{float(book['usd']):.4f}"
        lines.append(
            (
                name,
                "" if quoted is None else f"{quoted.expected:,}",
                f"{int(book['requests']):,}",
                f"{int(book['calls']):,}",
                f"{int(book['input_tokens']):,}",
                f"{int(book['output_tokens']):,}",
                usd,
            )
        )
    price = "unknown" if report.usd is None else f"{report.usd:.4f}"
    sums = (report.quote.calls.expected, report.calls, report.sent)
    read = sum(int(book["input_tokens"]) for book in report.spend.values())
    all_of_it = [f"{n:,}" for n in (*sums, read, report.tokens - read)]
    lines.append(("total", *all_of_it, price))
    heads = ("account", "quoted", "calls", "sent", "tokens in", "tokens out", "USD")
    return _table(heads, lines, numbers=1)


def _lineage(lines: Sequence[Tried], winner: str) -> str:
    """Each candidate under the one it was made from, with what the edit gained."""
    rows: list[str] = []
    for line, depth in _tree(lines):
        score = "not raced" if line.score is None else f"{100 * line.score:.1f}"
        gain = "" if line.gain is None else f"{100 * line.gain:+.1f}"
        change = line.gain or 0.0
        shade = "good" if change > 0 else "bad" if change < 0 else ""
        name = escape(line.origin)
        if line.id == winner:
            name = f'<strong class="good">{name}</strong> (the winner)'
        indent = 1.4 * min(depth, _DEEPEST)
        rows.append(
            f'<tr><td style="padding-left:{0.5 + indent:.1f}rem">{name}</td>'
            f'<td class="n">{score}</td><td class="n">{line.rows}</td>'
            f'<td class="n {shade}">{gain}</td><td class="n">{line.size:,}</td></tr>'
        )
    return (
        '<table><thead><tr><th>edit</th><th class="n">score</th><th class="n">rows</th>'
        '<th class="n">gain on its parent</th><th class="n">characters</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _tree(lines: Sequence[Tried]) -> Iterator[tuple[Tried, int]]:
    """Every candidate once with its depth, parents before children."""
    known = {line.id for line in lines}
    children: dict[str, list[Tried]] = {}
    for line in lines:
        orphan = line.parent not in known or line.parent == line.id
        children.setdefault("" if orphan else line.parent, []).append(line)
    seen: set[str] = set()
    # A circle of parents has no root: its members come last.
    for start in (*children.get("", []), *lines):
        stack = [(start, 0)]
        while stack:
            line, depth = stack.pop()
            if line.id in seen:
                continue
            seen.add(line.id)
            yield line, depth
            below = reversed(children.get(line.id, []))
            stack += [(child, depth + 1) for child in below]


def _diff(text: str) -> str:
    shades = {"+": "good", "-": "bad"}
    lines = [
        f'<span class="{shades[line.lstrip()[0]]}">{escape(line)}</span>'
        if line.startswith("  ") and line.lstrip()[:1] in shades
        else escape(line)
        for line in text.splitlines()
    ]
    return "<pre>{}</pre>".format("\n".join(lines))


def _whole(report: Report) -> str:
    """Both versions of each instruction that changed."""
    parts: list[str] = []
    for key, new in report.after.items():
        old = report.before[key]
        if key.endswith("/instruction") and old != new:
            parts.append(
                f"<details><summary>{escape(key)}, before and after</summary>"
                f"<pre>{escape(str(old))}</pre><pre>{escape(str(new))}</pre></details>"
            )
    return "".join(parts)


def _flipped(title: str, found: Sequence[Flip]) -> str:
    if not found:
        return f"<h2>{escape(title)}: none</h2>"
    lines = [
        (
            flip.before.example.id,
            _shown(flip.before.example.inputs),
            _shown(flip.before.example.labels),
            _answer(flip.before),
            _answer(flip.after),
        )
        for flip in found[:_MOST]
    ]
    heads = ("row", "inputs", "wanted", "as it was", "best candidate")
    left = len(found) - len(lines)
    more = f"<p>and {left} more, in the JSON of the report</p>" if left else ""
    return f"<h2>{escape(title)}: {len(found)}</h2>{_table(heads, lines)}{more}"


def _answer(row: RowResult) -> str:
    score = "" if row.score is None else f"{row.score.value:g}: "
    return score + (row.error or _shown(outputs_of(row)))


def _suspects(report: Report) -> str:
    if not report.suspects:
        return ""
    items = "".join(f"<li>{row_link(row)}</li>" for row in report.suspects)
    return (
        f"<h2>Suspect labels: {len(report.suspects)}</h2><p>Every good candidate gives "
        f"the same answer to these rows, and not the label: look at them first.</p>"
        f"<ul>{items}</ul>"
    )


def _shown(value: Any) -> str:
    """One value bare, several as JSON; long ones cut."""
    if isinstance(value, Mapping):
        held: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        value = next(iter(held.values())) if len(held) == 1 else held
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 99
) -> str:
    """A table; the columns from `numbers` on hold numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        shades = ["" if at < numbers else ' class="n"' for at in range(len(row))]
        pairs = zip(shades, row, strict=True)
        return "".join(f"<{tag}{shade}>{escape(c)}</{tag}>" for shade, c in pairs)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{cells('th', heads)}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
