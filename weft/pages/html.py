"""Parts of pages: whole pages, tables, bars and links to rows, all of it escaped."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from ..pipeline.ground.strictjson import escaped

Data = Mapping[str, Any]
"""What a result says of itself."""

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem;
       padding: 0 1rem; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .5rem; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; min-width: 5rem; }
caption { text-align: left; padding: .35rem 0; font-weight: 600; }
th { font-weight: 600; } table.small { width: auto; }
td.n, th.n { text-align: right; white-space: nowrap; min-width: 0; }
td pre { min-width: min(32rem, 80vw); } .key { color: #666; }
pre { background: #f6f6f4; padding: .6rem; white-space: pre-wrap; margin: .3rem 0;
      overflow-wrap: anywhere; }
summary { cursor: pointer; } .bad { color: #a3271b; } .good { color: #1d6b36; }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #e8e8e8; } pre { background: #222; }
  th, td { border-color: #383838; } .key { color: #999; }
  .bad { color: #f08a7f; } .good { color: #7fcf98; } a { color: #84b4f2; } }
@media (max-width: 50rem) {
  table { display: block; overflow-x: auto; } td { min-width: 7rem; } }
"""


def page(title: str, *parts: str, again: int = 0) -> str:
    """A whole page around parts that are already escaped; any file takes its text.

    Args:
        title: Its title.
        parts: What it shows, in order; empty ones are left out.
        again: After how many seconds a browser reads it again; 0 is never.
    """
    fresh = f'<meta http-equiv="refresh" content="{again}">\n' if again else ""
    body = "\n".join(part for part in parts if part)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{fresh}<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body>
{body}
</body></html>
"""
    return escaped(text)


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: int = 99,
    small: bool = False,
) -> str:
    """A table of cells that are already escaped.

    Args:
        heads: Its first line; none where it is empty.
        rows: The other lines.
        numbers: The first of the columns that hold numbers.
        small: Whether it is as wide as it must be.
    """

    def line(tag: str, row: Sequence[str]) -> str:
        shades = ["" if at < numbers else ' class="n"' for at in range(len(row))]
        pairs = zip(shades, row, strict=True)
        return "".join(f"<{tag}{shade}>{c}</{tag}>" for shade, c in pairs)

    top = f"<thead><tr>{line('th', heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    style = ' class="small"' if small else ""
    return f"<table{style}>{top}<tbody>{body}</tbody></table>"


def folded(summary: str, text: str) -> str:
    """A text behind a heading that opens it."""
    head = f"<summary>{escape(summary)}</summary>"
    return f"<details>{head}<pre>{escape(text)}</pre></details>"


def bar(low: float, mean: float, high: float, colour: str = "#4a86c6") -> str:
    """A mean in [0, 1] with its interval, on a line from 0 to 1; needs no style."""
    told = points(mean, (low, high) if low < high else ())
    at = "position:absolute;top:0;height:100%"
    span = f"left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"
    return (
        f'<span role="img" aria-label="{told}" style="display:inline-block;'
        'position:relative;width:240px;height:10px;background:#8884">'
        f'<span style="{at};{span};background:{colour}">'
        f'</span><span style="{at};left:{100 * mean:.1f}%;width:2px;background:#d33">'
        "</span></span>"
    )


def points(mean: float, interval: Sequence[float] = ()) -> str:
    """A mean in points of 100, with its interval.

    >>> points(0.5, (0.25, 0.75))
    '50.0 [25.0, 75.0]'
    """
    ends = ", ".join(f"{100 * end:.1f}" for end in interval)
    return f"{100 * mean:.1f}" + (f" [{ends}]" if ends else "")


def text_of(value: Any) -> str:
    """A value as text: JSON, or what Python says of it."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        return repr(value)


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
