"""What a notebook shows of a result: a piece of HTML without script, style or font."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from ..ground.words import counted
from .stats import Interval

_WIDTH = 240
_BAR = f"display:inline-block;position:relative;width:{_WIDTH}px;height:10px"
_AT = "position:absolute;top:0;height:100%"


@dataclass(frozen=True)
class Scored:
    """A line of a table of scores.

    Args:
        name: What was scored.
        mean: Its mean in [0, 1].
        interval: The 95 % interval of that.
        rows: How many rows were scored.
    """

    name: str
    mean: float
    interval: Interval
    rows: int


def cell(title: str, lines: Iterable[Scored], notes: Iterable[str] = ()) -> str:
    """A title, scores of 100 with bars for their intervals, and remarks below.

    >>> "wins &lt;it&gt;" in cell("wins <it>", [])
    True
    """
    rows = "".join(_line(line) for line in lines)
    below = "".join(f"<div>{escape(note)}</div>" for note in notes if note)
    return f"<div><b>{escape(title)}</b><table>{rows}</table>{below}</div>"


def folded(summary: str, text: str) -> str:
    """A text behind a heading that opens it."""
    head = f"<summary>{escape(summary)}</summary>"
    return f"<details>{head}<pre>{escape(text)}</pre></details>"


def _line(line: Scored) -> str:
    low, high = line.interval.low, line.interval.high
    words = f"{100 * line.mean:.1f}", f"[{100 * low:.1f}, {100 * high:.1f}]"
    span = f"left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"
    bar = (
        f'<span style="{_BAR};background:#8884">'
        f'<span style="{_AT};{span};background:#4a86c6"></span>'
        f'<span style="{_AT};left:{100 * line.mean:.1f}%;width:2px;background:#d33">'
        "</span></span>"
    )
    cells = (line.name, *words, f"on {counted(line.rows, 'row')}")
    told = "".join(f"<td>{escape(text)}</td>" for text in cells)
    return f"<tr>{told}<td>{bar}</td></tr>"
