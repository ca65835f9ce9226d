"""Charts of a report, as SVG elements that a page can hold: no script, no font."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from ..tried import Tried

if TYPE_CHECKING:
    from ..report import Report

_WIDE = 720
_LEFT, _RIGHT = 190, 130
_LINE = 34
_BLUE, _GREEN, _AMBER, _GREY = "#4a86c5", "#2f9152", "#c98a1b", "#888888"
_SHADES = (_BLUE, _GREEN, _AMBER, "#a05fb4", "#4fa3a5", _GREY)
_CHARS_A_TOKEN = 4


def scores_chart(report: Report) -> str:
    """Sealed scores with their intervals, and the scores of the search beside them."""
    lines = [
        ("as it was, sealed rows", report.seed_score, _GREY),
        ("best candidate, sealed rows", report.score, _GREEN),
    ]
    parts = _grid(len(lines) + 2)
    for at, (name, scores, colour) in enumerate(lines):
        low, high, middle = scores.interval.low, scores.interval.high, _middle(at)
        parts += [
            _label(name, at),
            _band(low, high, middle, colour),
            f'<circle cx="{_x(scores.mean):.1f}" cy="{middle}" r="6" fill="{colour}"/>',
            _value(f"{_points(scores.mean)}  [{_points(low)}, {_points(high)}]", at),
        ]
    seed = next((line for line in report.tried if not line.parent), None)
    best = next((line for line in report.tried if line.id == report.winner.id), None)
    searched = [("as it was, search", seed), ("best candidate, search", best)]
    for at, (name, line) in enumerate(searched, len(lines)):
        parts.append(_label(name, at))
        if line is None or line.score is None:
            parts.append(_value("not raced", at))
            continue
        x, y = _x(line.score), _middle(at)
        diamond = f"M{x:.1f} {y - 6} l6 6 l-6 6 l-6 -6 z"
        parts.append(f'<path d="{diamond}" fill="none" stroke="{_AMBER}"/>')
        parts.append(_value(f"{_points(line.score)}  on {line.rows} rows", at))
    return _svg("scores with 95 % intervals", _LINE * (len(lines) + 2) + 26, parts)


def spend_chart(spend: Mapping[str, Mapping[str, int | float]]) -> str:
    """Distinct calls by account, as one bar."""
    total = sum(float(book["requests"]) for book in spend.values()) or 1.0
    parts: list[str] = []
    at = 0.0
    for (name, book), colour in zip(
        spend.items(), itertools.cycle(_SHADES), strict=False
    ):
        share = _WIDE * float(book["requests"]) / total
        title = f"{name}: {book['requests']} calls"
        parts.append(
            f'<rect x="{at:.1f}" width="{share:.1f}" height="26" fill="{colour}">'
            f"<title>{escape(title)}</title></rect>"
        )
        if share > 8 * len(name) + 12:
            parts.append(
                f'<text x="{at + 6:.1f}" y="18" fill="#fff">{escape(name)}</text>'
            )
        at += share
    return _svg("calls by account", 26, parts)


def front_chart(lines: Iterable[Tried], front: Sequence[Tried], winner: str) -> str:
    """Candidates by prompt size and score; the front is joined, the winner ringed."""
    shown = [line for line in lines if line.score is not None]
    longest = max((line.size for line in shown), default=1) or 1
    lowest = min((line.score or 0.0 for line in shown), default=0.0)
    floor = min(0.9, int(lowest * 10) / 10)
    plot = _Plot(longest * 1.05, floor)
    parts = plot.axes()
    steps = [plot.spot(line) for line in front]
    if steps:
        path = f"M{steps[0][0]:.1f} {steps[0][1]:.1f}"
        path += "".join(f"H{x:.1f}V{y:.1f}" for x, y in steps[1:]) + f"H{_WIDE - 10}"
        parts.append(f'<path d="{path}" fill="none" stroke="{_GREEN}"/>')
    best = {line.id for line in front}
    for line in shown:
        x, y = plot.spot(line)
        colour = _GREEN if line.id in best else _GREY
        title = (
            f"{line.origin}: {_points(line.score or 0)} on {line.rows} rows, about "
            f"{_tokens(line.size)} tokens"
        )
        ring = f' stroke="{_AMBER}" stroke-width="3"' if line.id == winner else ""
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"{ring}>'
            f"<title>{escape(title)}</title></circle>"
        )
    return _svg("score against prompt size", _Plot.high, parts)


class _Plot:
    """The coordinates of the chart of the front."""

    high = 260
    left, top, bottom = 46, 12, 40

    def __init__(self, longest: float, floor: float) -> None:
        self.longest = longest
        self.floor = floor

    def spot(self, line: Tried) -> tuple[float, float]:
        return self.x(line.size), self.y(line.score or 0.0)

    def x(self, size: float) -> float:
        return self.left + (_WIDE - self.left - 10) * size / self.longest

    def y(self, score: float) -> float:
        share = (score - self.floor) / (1 - self.floor)
        return self.high - self.bottom - (self.high - self.bottom - self.top) * share

    def axes(self) -> list[str]:
        base = self.high - self.bottom
        parts: list[str] = []
        for tick in range(5):
            score = self.floor + (1 - self.floor) * tick / 4
            y = self.y(score)
            parts.append(
                f'<line x1="{self.left}" x2="{_WIDE - 10}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="currentColor" stroke-opacity=".15"/>'
            )
            parts.append(_text(self.left - 6, y + 4, _points(score), "end"))
        for tick in range(5):
            size = self.longest * tick / 4
            anchor = "middle" if tick < 4 else "end"  # the last one ends the drawing
            parts.append(_text(self.x(size), base + 16, str(_tokens(size)), anchor))
        words = "prompt size, about tokens (instruction and demos)"
        parts.append(_text(self.left, base + 34, words, "start"))
        return parts


def _grid(lines: int) -> list[str]:
    """Faint lines at 0, 25, 50, 75 and 100 points."""
    foot = lines * _LINE
    parts: list[str] = []
    for tick in range(5):
        x = _x(tick / 4)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{foot}" '
            'stroke="currentColor" stroke-opacity=".15"/>'
        )
        parts.append(_text(x, foot + 16, str(25 * tick), "middle"))
    return parts


def _band(low: float, high: float, y: int, colour: str) -> str:
    return (
        f'<line x1="{_x(low):.1f}" x2="{_x(high):.1f}" y1="{y}" y2="{y}" '
        f'stroke="{colour}" stroke-width="10" stroke-opacity=".4"/>'
    )


def _x(score: float) -> float:
    return _LEFT + (_WIDE - _LEFT - _RIGHT) * score


def _middle(at: int) -> int:
    return at * _LINE + _LINE // 2


def _label(name: str, at: int) -> str:
    return _text(0, _middle(at) + 4, name, "start")


def _value(text: str, at: int) -> str:
    return _text(_WIDE - _RIGHT + 14, _middle(at) + 4, text, "start")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">'
        f"{escape(words)}</text>"
    )


def _svg(name: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDE} {height}" role="img" aria-label="{escape(name)}" '
        'font-size="12" style="width:100%;max-width:56rem;height:auto;display:block">'
        f"{''.join(parts)}</svg>"
    )


def _points(score: float) -> str:
    return f"{100 * score:.1f}"


def _tokens(characters: float) -> int:
    return round(characters / _CHARS_A_TOKEN)
