"""The coverage curve as one SVG with its table: risk where only the surest answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from .html import Data, points, table

_COLOURS: Final = ("#888888", "#2f9152")
_LEFT, _TOP, _WIDE, _HIGH = 52.0, 12.0, 640.0, 190.0


def coverage_drawn(curves: Mapping[str, Data | None]) -> str:
    """Curves by name with their 95 % intervals, and their points as a table.

    Nothing where there is none.
    """
    known = {name: one for name, one in curves.items() if one and one["points"]}
    if not known:
        return ""
    most = max(p["interval"][1] for one in known.values() for p in one["points"])
    top = max(0.1, min(1.0, most))
    parts = [*_frame(top)]
    for colour, (name, one) in zip(_COLOURS[-len(known) :], known.items(), strict=True):
        parts += _curve(name, one["points"], top, colour)
    tables = "".join(_table(name, one) for name, one in known.items())
    return (
        "<h2>Wrong answers where only the surest are given</h2>"
        '<svg viewBox="0 0 720 252" role="img" font-size="12" fill="currentColor" '
        'style="width:100%;max-width:56rem"><title>risk by coverage</title>'
        f"{''.join(parts)}</svg>{tables}"
    )


def _frame(top: float) -> list[str]:
    parts: list[str] = []
    for tick in range(5):
        y, x = _TOP + _HIGH * (1 - tick / 4), _LEFT + _WIDE * tick / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="4" y="{y + 4:.1f}">{points(top * tick / 4)}</text>'
            f'<text x="{x - 12:.1f}" y="222">{25 * tick} %</text>'
        )
    parts.append(
        f'<text x="{_LEFT}" y="244">share of rows answered; upwards: of 100 answers '
        "so many are wrong</text>"
    )
    return parts


def _curve(name: str, made: Sequence[Data], top: float, colour: str) -> list[str]:
    def at(coverage: float, risk: float) -> str:
        x, y = _LEFT + _WIDE * coverage, _TOP + _HIGH * (1 - min(risk, top) / top)
        return f"{x:.1f},{y:.1f}"

    lower = [at(p["coverage"], p["interval"][0]) for p in made]
    upper = [at(p["coverage"], p["interval"][1]) for p in made]
    middle = [at(p["coverage"], p["risk"]) for p in made]
    title = f"<title>{escape(name)}</title>" if name else ""
    band = " ".join([*upper, *reversed(lower)])
    parts = [f'<polygon points="{band}" fill="{colour}" fill-opacity=".15"/>']
    line = f'points="{" ".join(middle)}" fill="none" stroke="{colour}"'
    parts.append(f'<polyline {line} stroke-width="2">{title}</polyline>')
    for x, _, y in (one.partition(",") for one in middle):
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
    return parts


def _table(name: str, curve: Data) -> str:
    lines = [
        (
            f"{100 * p['coverage']:.0f} %",
            f"{p['wrong']} of {p['answered']}",
            points(p["risk"], p["interval"]),
            f"{p['threshold']:.3f}",
        )
        for p in curve["points"]
    ]
    heads = ("answered", "wrong", "of 100, with its 95 % interval", "from confidence")
    said = f"{name}: every point" if name else "every point"
    held = table(heads, lines, numbers=0, small=True)
    return f"<details><summary>{escape(said)}</summary>{held}</details>"
