"""A gate as a page: a line a suite, then the kinds, then the cases that failed."""

from __future__ import annotations

from html import escape

from ..pipeline.ground.words import counted
from .html import Data, bar, folded, page, points, table, text_of


def gate_page(data: Data) -> str:
    """The verdict, the suites, and every failed case with what it was given."""
    title = f"gate: {data['program']}"
    verdict = "passed" if data["passed"] else "not passed"
    usd = data["usd"]
    spent = (
        f"{counted(data['rows'], 'row')}, {counted(data['calls'], 'call')}, "
        f"{data['tokens']:,} tokens, "
        f"{'price unknown' if usd is None else f'${usd:.4f}'}"
    )
    heads = ("suite", "", "share", "asked for", "cases", "verdict")
    lines = [_line(suite) for suite in data["suites"]]
    shade = "good" if data["passed"] else "bad"
    return page(
        title,
        f'<h1>{escape(title)}: <span class="{shade}">{verdict}</span></h1>',
        f"<p>{escape(spent)}; metric {escape(data['metric'])}</p>",
        f'<p class="bad">{escape(data["stopped"])}</p>' if data["stopped"] else "",
        table(heads, lines, small=True),
        *map(_suite, data["suites"]),
    )


def _line(suite: Data) -> tuple[str, ...]:
    name = escape(suite["name"])
    if suite["skipped"]:
        return (name, "", "", "", "0", escape(suite["skipped"]))
    low, high = suite["interval"]
    good = suite["passed"]
    verdict = "passed" if good else "not answered" if suite["unanswered"] else "FAILED"
    return (
        name,
        bar(low, suite["share"], high),
        f"{points(suite['share'], (low, high))} {escape(suite['measures'])}",
        f"{100 * suite['least']:.1f}",
        str(suite["cases"]),
        f'<span class="{"good" if good else "bad"}">{verdict}</span>',
    )


def _suite(suite: Data) -> str:
    """The kinds of a suite, and its failed cases."""
    parts = [f"<h2>{escape(suite['name'])}</h2>"]
    if suite["lines"]:
        lines = [(escape(one["name"]), _said(one)) for one in suite["lines"]]
        parts.append(table((), lines, small=True))
    if suite["failed"]:
        heads = ("case", "why", "given")
        cases = [
            (
                escape(case["name"]),
                f'<span class="bad">{escape(case["why"])}</span>'
                + folded("inputs", text_of(case["inputs"])),
                escape(text_of(case["answer"])),
            )
            for case in suite["failed"]
        ]
        parts.append(table(heads, cases))
    away = "".join(f"<li>{escape(why)}</li>" for why in suite["unanswered"])
    parts.append(f"<p>Not answered:</p><ul>{away}</ul>" if away else "")
    return "\n".join(parts) if len(parts) > 2 or away else ""


def _said(line: Data) -> str:
    if line["said"]:
        return escape(line["said"])
    rows = counted(line["rows"], "row")
    return f"{points(line['share'], line['interval'] or ())} on {rows}"
